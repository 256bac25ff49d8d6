"""Read what happened, through the reader's scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.events.models import Event
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope


def visible_events(*, workspace_id: UUID | None = None) -> QuerySet[Event]:
    """Events that the current scope may see, newest first.

    About a collection: whoever may read it. About a workspace: who manages its members. About the
    installation: administrators. A person's own doings: that person. An application that may audit:
    everything that has its place in the chain, but of collections only what it may read.
    """
    scope = current_scope()
    rows = Event.objects.select_related("actor")
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    if scope.is_system:
        return rows
    seen = Q(collection_id__in=scope.readable)
    seen |= Q(collection_id=None, workspace_id__in=_where(Permission.MEMBER_MANAGE))
    if scope.allows(Permission.ADMINISTER):
        seen |= Q(collection_id=None, workspace_id=None)
    if scope.application_id is not None and scope.allows(Permission.AUDIT):
        seen |= Q(collection_id=None, position__isnull=False)
    if scope.actor_id is not None:
        seen |= Q(collection_id=None, actor_id=scope.actor_id)
    return rows.filter(seen)


def _where(permission: Permission) -> Iterable[UUID]:
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
