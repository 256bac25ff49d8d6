"""Whether the person of the current scope may still read an answer, asked anew."""

from uuid import UUID

from apps.chat.models import Turn
from apps.chat.queries import is_withheld
from apps.permissions.scope import Scope, current_scope, entered
from apps.workspaces.resolvers import scope_again


def scope_now() -> Scope:
    """The scope of the same person, who came with the same key, as it is at this moment."""
    return scope_again(current_scope())


def may_read_now(turn_id: UUID) -> bool:
    """Whether the turn is still there and may be shown to the same person at this moment."""
    with entered(scope_now()):
        return Turn.objects.filter(pk=turn_id).exists() and not is_withheld(turn_id)
