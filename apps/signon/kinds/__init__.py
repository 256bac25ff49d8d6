"""Every kind of provider. A new one is one class here beside and one line below."""

from apps.signon.kinds.base import ProviderKind
from apps.signon.kinds.oidc import Oidc

KINDS: dict[str, type[ProviderKind]] = {each.kind: each for each in (Oidc,)}
