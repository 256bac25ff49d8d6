"""What a provider says of groups, handed on to whoever knows what groups give."""

from apps.accounts.models import User
from apps.directory.mapping import apply_groups
from apps.signon.kinds import KINDS
from apps.signon.kinds.base import Statement
from apps.signon.models import SignOnProvider


def origin_of(provider: SignOnProvider) -> str:
    """The name under which an administrator finds the provider where groups are mapped."""
    return f"{KINDS[provider.kind].origin}:{provider.slug}"


def told(provider: SignOnProvider, user: User, statement: Statement) -> None:
    """The person is in these groups of the provider, and in no others of it."""
    if statement.groups is not None:
        apply_groups(user=user, origin=origin_of(provider), groups=statement.groups)
