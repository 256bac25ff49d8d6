"""How long waiting documents have to wait: how many runs get a turn before theirs (``queue.turns``),
and what a run takes on this installation."""

from collections import defaultdict
from collections.abc import Collection as SetOf
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum

from apps.documents.models import IngestRun, LedgerEntry
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection

# So many runs that ended last say what a run takes.
SAMPLE = 50
_READING = (LedgerEntry.Stage.PARSED, LedgerEntry.Stage.CHUNKED)
_EMBEDDING = (LedgerEntry.Stage.EMBEDDED, LedgerEntry.Stage.INDEXED, LedgerEntry.Stage.VERIFIED)
# (priority, workspace, person): whose runs are worked off in the order of time.
_Lane: TypeAlias = tuple[int, UUID | None, UUID | None]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue, 1 is the next one, and the seconds until the document is searchable,
    None where nothing was measured yet. It tells how many others wait, and nothing of them."""

    place: int
    seconds: int | None


def places_of(documents: SetOf[UUID]) -> dict[UUID, Place]:
    """The places of those of these documents that wait."""
    waiting = IngestRun.objects.filter(
        IngestRun.LIVE, state=IngestRun.State.QUEUED, document__in=documents
    )
    return _places(waiting) if documents else {}


def seconds_left(collection: Collection) -> int | None:
    """Until all that waits in a collection is searchable; None where nothing waits, or nothing was
    measured yet."""
    waiting = IngestRun.objects.filter(
        IngestRun.LIVE, state=IngestRun.State.QUEUED, collection=collection
    )
    lanes = waiting.order_by().values_list("priority", "workspace_id", "requested_by_id")
    last: dict[_Lane, datetime] = {
        (level, workspace, person): at
        for level, workspace, person, at in lanes.annotate(Max("created_at"))
    }
    if not last:
        return None
    with system_scope("place in the queue: how many wait, not what"):
        queued = _queued()
        before = {
            lane: _of_lane(lane).filter(created_at__lt=at).count() for lane, at in last.items()
        }
        each_s = _seconds_of_a_run()
    place = max(_before(lane, own, queued) + 1 for lane, own in before.items())
    return None if each_s is None else max(1, round(place * each_s))


def _of_lane(lane: _Lane) -> QuerySet[IngestRun]:
    level, workspace, person = lane
    return IngestRun.objects.filter(
        state=IngestRun.State.QUEUED,
        priority=level,
        workspace_id=workspace,
        requested_by_id=person,
    )


def _places(runs: Iterable[IngestRun]) -> dict[UUID, Place]:
    runs = list(runs)
    if not runs:
        return {}
    # Beyond the reader's scope: their own place depends on how many others wait, and on no more.
    with system_scope("place in the queue: how many wait, not what"):
        queued = _queued()
        order = _order({_lane(run) for run in runs})
        each_s = _seconds_of_a_run()
    found = {}
    for run in runs:
        place = _before(_lane(run), order.get(run.pk, 0), queued) + 1
        seconds = None if each_s is None else max(1, round(place * each_s))
        found[run.document_id] = Place(place, seconds)
    return found


def _lane(run: IngestRun) -> _Lane:
    return run.priority, run.workspace_id, run.requested_by_id


def _queued() -> dict[_Lane, int]:
    """How many wait in each lane."""
    rows = IngestRun.objects.filter(state=IngestRun.State.QUEUED).order_by()
    counted = rows.values_list("priority", "workspace_id", "requested_by_id")
    return {
        (level, workspace, person): n
        for level, workspace, person, n in counted.annotate(Count("pk"))
    }


def _order(lanes: SetOf[_Lane]) -> dict[UUID, int]:
    """How many of its own lane are before each run of these lanes."""
    before: dict[UUID, int] = {}
    for lane in lanes:
        ids = _of_lane(lane).order_by("created_at", "pk").values_list("pk", flat=True)
        before |= {pk: at for at, pk in enumerate(ids)}
    return before


def _before(lane: _Lane, own: int, queued: dict[_Lane, int]) -> int:
    """How many runs get a turn before one that has ``own`` before it in its lane: all that are
    more urgent, and of its own priority as many of each workspace, and in its own of each person,
    as it has turns itself. Who came last was served longest ago, and begins."""
    urgent, among_people = 0, own
    others: dict[UUID | None, int] = defaultdict(int)
    for (level, workspace, person), count in queued.items():
        if level < lane[0]:
            urgent += count
        elif level == lane[0] and workspace != lane[1]:
            others[workspace] += count
        elif level == lane[0] and person != lane[2]:
            among_people += min(count, own)
    return urgent + among_people + sum(min(count, among_people) for count in others.values())


def _seconds_of_a_run() -> float | None:
    """For how long one run keeps this installation busy: reading and embedding go on beside each
    other, so the slower of the two."""
    done = IngestRun.objects.filter(IngestRun.LIVE, state=IngestRun.State.DONE)
    last = list(done.order_by("-finished_at").values_list("pk", flat=True)[:SAMPLE])
    lines = LedgerEntry.objects.filter(run__in=last, error_code="").order_by()
    took = dict(lines.values_list("stage").annotate(Sum("took_ms")))
    if not took:
        return None
    reading = sum(took.get(stage, 0) for stage in _READING) / max(settings.PARSE_WORKERS, 1)
    embedding = sum(took.get(stage, 0) for stage in _EMBEDDING)
    return float(max(reading, embedding) / 1000 / len(last))
