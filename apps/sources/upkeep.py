"""What the clock does: start what is due, send again what was lost."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.core.errors import ErrorCode
from apps.sources.jobs import SYNC
from apps.sources.leases import MOST_ATTEMPTS, Work
from apps.sources.models import Source, SourceRun
from apps.sources.services import RESEND, start

EVERY = timedelta(seconds=30)
AT_ONCE = 100
# Of the threads of the light worker, these many may be held by sources; see sources.sync.
RUNNING_AT_ONCE = 2
_State = SourceRun.State


def due() -> None:
    """Queue sources whose time has come, and runs whose message or worker is gone."""
    now = timezone.now()
    _free_lapsed()
    for source in Source.objects.filter(is_on=True, next_run_at__lte=now)[:AT_ONCE]:
        start(source)
    ready = Q(not_before__isnull=True) | Q(not_before__lte=now)
    for run in SourceRun.objects.filter(ready, state=_State.QUEUED).order_by("pk")[:AT_ONCE]:
        again = SourceRun.objects.filter(pk=run.pk, state=_State.QUEUED)
        if again.update(not_before=now + RESEND):
            SYNC.enqueue(run_id=str(run.pk))


def has_room() -> bool:
    """Whether another run may begin now. Others wait in their queue, for the clock."""
    held = SourceRun.objects.filter(state=_State.RUNNING, lease_until__gt=timezone.now())
    return held.count() < RUNNING_AT_ONCE


def postpone(run_id: str) -> None:
    """Leave a run to the next turn of the clock."""
    SourceRun.objects.filter(pk=run_id, state=_State.QUEUED).update(not_before=timezone.now())


def _free_lapsed() -> None:
    """Runs whose worker is gone go back to the queue; those that ended too many workers stop."""
    now = timezone.now()
    lapsed = SourceRun.objects.filter(state=_State.RUNNING, lease_until__lt=now)
    for run in lapsed.select_related("source__collection")[:AT_ONCE]:
        if run.lease_until is not None and run.attempt >= MOST_ATTEMPTS:
            Work(run, run.lease_until).fail(ErrorCode.GAVE_UP)
        else:
            SourceRun.objects.filter(pk=run.pk, lease_until=run.lease_until).update(
                state=_State.QUEUED, lease_until=None, not_before=now
            )
