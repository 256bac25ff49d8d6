"""Whether the person of the current scope may still read an answer, asked anew."""

from uuid import UUID

from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.chat.models import Turn
from apps.chat.queries import is_withheld
from apps.permissions.scope import NOBODY, Scope, current_scope, entered
from apps.workspaces.scopes import scope_of


def scope_now() -> Scope:
    """The scope of the same person, who came with the same key, as it is at this moment."""
    scope = current_scope()
    user = User.objects.filter(pk=scope.actor_id).first() if scope.actor_id else None
    if user is None:
        return NOBODY
    if scope.via_key is None:
        return scope_of(user)
    valid = ApiKey.objects.filter(pk=scope.via_key, revoked_at=None)
    key = valid.exclude(expires_at__lte=timezone.now()).first()
    return NOBODY if key is None else scope_of(user, key=key)


def may_read_now(turn_id: UUID) -> bool:
    """Whether the turn is still there and may be shown to the same person at this moment."""
    with entered(scope_now()):
        return Turn.objects.filter(pk=turn_id).exists() and not is_withheld(turn_id)
