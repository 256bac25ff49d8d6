"""Every kind of provider. A new one is one class here beside and one line below."""

from apps.signon.kinds.base import ProviderKind
from apps.signon.kinds.cas import Cas
from apps.signon.kinds.declared import DingTalk, Feishu, WeCom
from apps.signon.kinds.header import Header
from apps.signon.kinds.oidc import Oidc
from apps.signon.kinds.saml import Saml

KINDS: dict[str, type[ProviderKind]] = {
    each.kind: each for each in (Oidc, Saml, Cas, WeCom, DingTalk, Feishu, Header)
}
