"""What the clock does: start what is due, send again what was lost."""

from datetime import timedelta

from django.utils import timezone

from apps.core.errors import AppError
from apps.directory.jobs import SYNC
from apps.directory.models import Directory, DirectoryRun
from apps.directory.services import start_run
from apps.directory.sync import next_run

EVERY = timedelta(seconds=30)
WATCH_EVERY = timedelta(seconds=30)
_LOST = timedelta(minutes=2)
_State = DirectoryRun.State


def due() -> None:
    """Queue directories whose time has come, and runs whose message or worker is gone. One that
    asks is left until somebody answered."""
    now = timezone.now()
    DirectoryRun.objects.filter(state=_State.RUNNING, lease_until__lt=now).update(
        state=_State.QUEUED, lease_until=None
    )
    for run in DirectoryRun.objects.filter(state=_State.QUEUED, created_at__lt=now - _LOST):
        SYNC.enqueue(run_id=str(run.pk))
    for directory in Directory.objects.filter(is_on=True, next_run_at__lte=now):
        next_run(directory)
        last = directory.runs.filter(is_dry=False).first()
        if last is not None and last.state == _State.ASKING:
            continue
        try:
            start_run(directory=directory, is_dry=False)
        except AppError:
            continue  # one is at work
