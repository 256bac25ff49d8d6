"""What somebody brought that is still on its way, for the line that follows them across pages."""

from collections.abc import Collection as SetOf
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from apps.documents.models import IngestRun
from apps.documents.runs.waiting import seconds_left
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

# What was brought before is told by its collection's page.
LATELY = timedelta(hours=24)
MOST = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """What one person brought into one collection lately."""

    collection: Collection
    waiting: int
    searchable: int
    failed: int
    seconds: int | None

    @property
    def all(self) -> int:
        return self.waiting + self.searchable + self.failed


def batches(watched: SetOf[UUID] = frozenset()) -> list[Batch]:
    """Collections into which this person's files are on their way, and those that they ``watched``
    until now, however that ended. Most files first."""
    actor = current_scope().actor_id
    if actor is None:
        return []
    mine = IngestRun.objects.filter(IngestRun.LIVE, requested_by_id=actor)
    active = set(mine.filter(IngestRun.ACTIVE).values_list("collection_id", flat=True).distinct())
    wanted = active | set(watched)
    if not wanted:
        return []
    lately = mine.filter(collection__in=wanted, created_at__gte=timezone.now() - LATELY)
    counts = (
        lately.order_by()
        .values("collection_id")
        .annotate(
            waiting=Count("pk", filter=IngestRun.ACTIVE),
            searchable=Count("pk", filter=Q(state=IngestRun.State.DONE)),
            failed=Count("pk", filter=Q(state=IngestRun.State.FAILED)),
        )
    )
    rows = sorted(counts, key=lambda row: -row["waiting"])[:MOST]
    places = Collection.objects.in_bulk([row["collection_id"] for row in rows])
    return [
        Batch(
            place := places[row["collection_id"]],
            row["waiting"],
            row["searchable"],
            row["failed"],
            seconds=seconds_left(place) if row["waiting"] else None,
        )
        for row in rows
        if row["collection_id"] in places
    ]
