"""The queue of runs: how one gets in, and whose turn is next.

A message in the broker says that there is work, not which: whoever takes one asks here. Workspaces
take turns, within one its people do, and within a person's runs the oldest goes first, so that one
file of somebody is not behind the 2,000 of somebody else. (Round robin over two levels, as in
hierarchical fair queueing; what a person waits for goes before what nobody does.)
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from apps.documents.jobs import EMBED, PARSE
from apps.documents.models import DocumentVersion, IngestRun
from apps.engines.media_types import QUICK
from apps.engines.models import EmbeddingProfile
from apps.permissions.scope import current_scope

# A message may be lost, but a long queue is not a loss: unsent runs are sent again after this.
RESEND = timedelta(seconds=120)
# Who had a turn before this is as good as somebody who had none.
MEMORY = timedelta(hours=1)
# The longest pause between two tries. What is to wait longer was written by a clock that has been
# set back since.
LONGEST_WAIT = timedelta(minutes=5)
# Tried in order until one is free: others ask at the same moment.
CANDIDATES = 8
# Files up to this size are read several in a turn, where nobody else waits for theirs.
SMALL_FILE, READ_TOGETHER = 64 * 1024, 8
Stage, Priority = IngestRun.Stage, IngestRun.Priority
JOBS = {Stage.PARSE: PARSE, Stage.EMBED: EMBED, Stage.PUBLISH: EMBED}


def queue(
    version: DocumentVersion,
    *,
    stage: IngestRun.Stage = Stage.PARSE,
    profile: EmbeddingProfile | None = None,
) -> IngestRun:
    """A new run of a version, and the message that there is work. In a transaction."""
    run = new_run(version, stage=stage, profile=profile)
    run.not_before = timezone.now() + RESEND
    run.save()
    JOBS[stage].enqueue(run_id=str(run.pk))
    return run


def new_run(
    version: DocumentVersion,
    *,
    stage: IngestRun.Stage = Stage.PARSE,
    profile: EmbeddingProfile | None = None,
) -> IngestRun:
    """A run, not saved: the sweeper sends what is saved without a message."""
    scope = current_scope()
    actor = scope.actor_id
    person = Priority.UPKEEP if actor is None or scope.is_unattended else Priority.PERSON
    return IngestRun(
        collection_id=version.collection_id,
        document_id=version.document_id,
        version_id=version.pk,
        stage=stage,
        profile=profile,
        priority=Priority.REFILL if profile else person,
        workspace_id=version.collection.workspace_id,
        requested_by_id=actor,
        total=0 if stage == Stage.PARSE else version.chunk_count,
    )


def turns(*stages: str) -> Iterator[UUID]:
    """Runs to try, the one whose turn it is first. In a system scope."""
    waiting = _due(timezone.now()).filter(stage__in=stages)
    levels = waiting.order_by("priority").values_list("priority", flat=True).distinct()
    for level in list(levels):
        urgent = waiting.filter(priority=level)
        for workspace in _in_turn(urgent, "workspace_id"):
            theirs = urgent.filter(workspace_id=workspace)
            for person in _in_turn(theirs, "requested_by_id"):
                runs = theirs.filter(requested_by_id=person).order_by("created_at", "pk")
                yield from runs.values_list("pk", flat=True)[:CANDIDATES]


def beside(run: IngestRun) -> list[UUID]:
    """Runs to read in the turn of this one: of small plain texts that nobody has tried yet, in their
    order; none while anybody else waits for a turn, since fairness is counted in files. What was
    tried before is read alone: it may have ended its worker. So is what is not small itself: texts
    of a few lines do not wait for the pages of a scan. In a system scope."""
    if not is_fresh(run) or not _is_quick(run.version):
        return []
    waiting = _due(timezone.now()).filter(stage=Stage.PARSE)
    lanes = set(waiting.order_by().values_list("workspace_id", "requested_by_id").distinct()[:2])
    if lanes != {(run.workspace_id, run.requested_by_id)}:
        return []
    small = waiting.filter(
        priority=run.priority,
        attempt=0,
        error_code="",
        version__size__lte=SMALL_FILE,
        version__media_type__in=QUICK,
    )
    rows = small.order_by("created_at", "pk").values_list("document_id", "pk")
    # One of each document: two versions of it are never worked on at once.
    first = dict(reversed(rows[: READ_TOGETHER - 1]))
    return [pk for document, pk in first.items() if document != run.document_id]


def is_fresh(run: IngestRun) -> bool:
    """Whether a run that was just taken has never been tried before."""
    return run.attempt == 1 and not run.error_code


def _is_quick(version: DocumentVersion) -> bool:
    return version.size <= SMALL_FILE and version.media_type in QUICK


def _due(now: datetime) -> QuerySet[IngestRun]:
    """Queued runs that do not wait for anything. ``not_before`` is when the message of a run is
    taken for lost, which is a while after it may begin."""
    may_begin = Q(not_before__isnull=True) | Q(not_before__lte=now + RESEND)
    may_begin |= Q(not_before__gt=now + RESEND + 2 * LONGEST_WAIT)
    return IngestRun.objects.filter(may_begin, state=IngestRun.State.QUEUED)


def _in_turn(waiting: QuerySet[IngestRun], column: str) -> list[UUID | None]:
    """The values of a column among the waiting, who was served longest ago first."""
    oldest = dict(waiting.order_by().values_list(column).annotate(Min("created_at")))
    if len(oldest) < 2:
        return list(oldest)
    since = timezone.now() - MEMORY
    served = IngestRun.objects.filter(claimed_at__gte=since)
    last = dict(served.order_by().values_list(column).annotate(Max("claimed_at")))
    return sorted(oldest, key=lambda one: (last.get(one, since), oldest[one]))
