"""What may be asked for, what one has asked for, and what waits for one's answer."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import AccessRequest, Collection, Workspace
from apps.workspaces.queries import unreadable_places


@dataclass(frozen=True, slots=True)
class Wish:
    """A listed collection that the actor cannot open, with their last request for it, if any."""

    id: UUID
    name: str
    description: str
    request: AccessRequest | None


def wishes(workspace: Workspace) -> list[Wish]:
    """Listed collections that the actor may ask for, by name."""
    places = unreadable_places(workspace)
    newest = mine(workspace).order_by("created_at")
    last = {row.collection_id: row for row in newest.select_related("answered_by")}
    return [Wish(pk, name, about, last.get(pk)) for pk, name, about in places]


def mine(workspace: Workspace) -> QuerySet[AccessRequest]:
    """What the actor asked for in a workspace."""
    scope = current_scope()
    if scope.application_id is not None:
        return AccessRequest.objects.none()
    return AccessRequest.objects.filter(asker_id=scope.actor_id, workspace_id=workspace.pk)


def to_decide() -> QuerySet[AccessRequest]:
    """Requests that wait for somebody like the actor, oldest first."""
    rows = AccessRequest.objects.filter(state=AccessRequest.State.WAITING)
    return rows.filter(workspace_id__in=_decided_by_me()).order_by("created_at")


def seen(workspace: Workspace) -> QuerySet[AccessRequest]:
    """Of a workspace: those the actor decides about, whatever came of them; else their own."""
    if workspace.pk in _decided_by_me():
        return AccessRequest.objects.filter(workspace_id=workspace.pk)
    return mine(workspace)


def _decided_by_me() -> list[UUID]:
    held = current_scope().workspaces
    return [pk for pk, may in held.items() if Permission.COLLECTION_MANAGE in may]


def waiting_by_workspace() -> list[tuple[Workspace, int]]:
    """(workspace, how many requests wait there for the actor)."""
    counts = dict(
        to_decide().order_by().values_list("workspace_id").annotate(n=Count("pk")).order_by()
    )
    rooms = Workspace.objects.in_bulk(list(counts)) if counts else {}
    return [(room, counts[pk]) for pk, room in rooms.items()]


def names_of(rows: list[AccessRequest]) -> dict[UUID, str]:
    """Names of the collections that rows which the actor may see ask for."""
    with system_scope(
        "access requests: the name that was asked for, for who asked and who decides"
    ):
        found = Collection.objects.filter(pk__in={row.collection_id for row in rows})
        return dict(found.values_list("pk", "name"))
