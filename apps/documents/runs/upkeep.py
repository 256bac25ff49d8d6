"""Keeps queue, SQL, index and files in step, whatever was lost on the way."""

import logging
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.leases import LEASE
from apps.documents.embedding import services as reembedding
from apps.documents.jobs import CLEAN_UP
from apps.documents.models import DeletionReceipt, IngestRun
from apps.documents.runs.indexing import every_index
from apps.documents.runs.leases import Work, attempts_of
from apps.documents.runs.queue import JOBS, LONGEST_WAIT, RESEND
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

AT_ONCE = 200
SWEEP_EVERY = timedelta(seconds=15)
_Run = IngestRun


def sweep() -> None:
    """Send again what was lost: runs whose message or worker is gone, deletions not finished."""
    now = timezone.now()
    _free_lapsed(now)
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    due |= Q(not_before__gt=now + RESEND + 2 * LONGEST_WAIT)  # as in queue.turns
    waiting = IngestRun.objects.filter(due, state=_Run.State.QUEUED).order_by("created_at")
    for run in waiting[:AT_ONCE]:
        again = IngestRun.objects.filter(pk=run.pk, state=_Run.State.QUEUED)
        if again.update(not_before=now + RESEND):
            JOBS[_Run.Stage(run.stage)].enqueue(run_id=str(run.pk))
    for job in _unfinished_deletions(now)[:AT_ONCE]:
        CLEAN_UP.enqueue(receipt_id=str(job.pk))
    try:
        reembedding.advance()
    except EngineError as error:
        log.warning("the table of another embedding model is not looked at: %s", error)


def optimize() -> None:
    """Let the index compact itself."""
    try:
        for index in every_index():
            index.optimize()
    except EngineError as error:
        log.warning("index not optimised: %s", error)


def _free_lapsed(now: datetime) -> None:
    """Runs whose worker is gone go back to the queue; those that ended too many workers stop."""
    # No lease is that long: the clock has been set back since it was written.
    ended = Q(lease_until__lt=now) | Q(lease_until__gt=now + 3 * LEASE)
    lapsed = IngestRun.objects.filter(ended, state=_Run.State.RUNNING)
    for run in lapsed.select_related("document", "version")[:AT_ONCE]:
        if run.lease_until is None:
            continue
        if run.attempt >= attempts_of(run):
            Work(run, run.lease_until).fail("GAVE_UP", attempts=run.attempt)
        else:
            IngestRun.objects.filter(
                pk=run.pk, state=_Run.State.RUNNING, lease_until=run.lease_until
            ).update(state=_Run.State.QUEUED, lease_until=None, not_before=now)


def _unfinished_deletions(now: datetime) -> QuerySet[DeletionReceipt]:
    lapsed = Q(lease_until__lt=now) | Q(lease_until__isnull=True, requested_at__lt=now - RESEND)
    return DeletionReceipt.objects.filter(lapsed, done_at__isnull=True).order_by("requested_at")
