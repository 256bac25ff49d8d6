"""Read what happened, through the reader's scope."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.events.models import Event
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

# Days that may be asked for: later and earlier ones are beyond what a database compares.
DAYS = (MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(9000, 1, 1)))


def visible_events(*, workspace_id: UUID | None = None) -> QuerySet[Event]:
    """Events that the current scope may see, newest first.

    About a collection: whoever may read it; once it is deleted, who manages the members of its
    workspace. About a workspace: who manages its members. About the installation, and about what was
    in a workspace that is deleted: administrators. A person's own doings: that person. An application that may audit:
    everything that has its place in the chain, but of collections only what it may read.
    """
    scope = current_scope()
    rows = Event.objects.select_related("actor")
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    if scope.is_system:
        return rows
    seen = Q(collection_id__in=scope.readable)
    if managed := _where(Permission.MEMBER_MANAGE):
        seen |= Q(collection_id=None, workspace_id__in=managed)
        seen |= Q(collection_id__in=_deleted_collections(managed))
    if scope.allows(Permission.ADMINISTER):
        gone = _deleted_workspaces()
        seen |= Q(collection_id=None, workspace_id=None)
        seen |= Q(workspace_id__in=gone) | Q(collection_id__in=_collections_of(gone))
    if scope.application_id is not None and scope.allows(Permission.AUDIT):
        seen |= Q(collection_id=None, position__isnull=False)
    if scope.actor_id is not None:
        seen |= Q(collection_id=None, actor_id=scope.actor_id)
    return rows.filter(seen)


def _deleted_collections(workspaces: list[UUID]) -> QuerySet[Event, UUID | None]:
    """Ids, from the events of the deletions: the rows themselves are gone."""
    rows = Event.objects.filter(kind="collection.deleted", workspace_id__in=workspaces)
    return rows.order_by().values_list("object_id", flat=True)


def _deleted_workspaces() -> QuerySet[Event, UUID | None]:
    rows = Event.objects.filter(kind="workspace.deleted")
    return rows.order_by().values_list("object_id", flat=True)


def _collections_of(workspaces: QuerySet[Event, UUID | None]) -> QuerySet[Event, UUID | None]:
    """Ids of those that were ever made there: events of documents name their collection only."""
    rows = Event.objects.filter(kind="collection.created", workspace_id__in=workspaces)
    return rows.order_by().values_list("object_id", flat=True)


def _where(permission: Permission) -> list[UUID]:
    workspaces = current_scope().workspaces
    return [pk for pk, held in workspaces.items() if permission in held]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to show; what is empty narrows nothing."""

    kind: str = ""
    workspace: UUID | None = None
    object_id: UUID | None = None
    who: str = ""
    application: UUID | None = None
    address: str = ""
    since: date | None = None
    until: date | None = None


def audited(wanted: Wanted) -> QuerySet[Event]:
    """Those of the visible events that are wanted, newest first."""
    rows = visible_events(workspace_id=wanted.workspace)
    if wanted.object_id:
        rows = rows.filter(object_id=wanted.object_id)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if who := wanted.who.strip():
        rows = rows.filter(Q(actor__email__icontains=who) | Q(actor__name__icontains=who))
    if wanted.application:
        rows = rows.filter(application_id=wanted.application)
    if wanted.address:
        rows = rows.filter(address=wanted.address)
    if wanted.since:
        rows = rows.filter(created_at__gte=_midnight(wanted.since))
    if wanted.until:
        rows = rows.filter(created_at__lt=_midnight(wanted.until + timedelta(days=1)))
    return rows.order_by("-id")


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
