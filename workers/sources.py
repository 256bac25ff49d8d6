"""The tasks that follow sources. They wait for other servers most of the time."""

from uuid import UUID

from apps.sources import jobs, upkeep
from apps.sources.sync import sync as follow
from workers.tasks import task


@task(jobs.SYNC, reason="follow a source of a collection")
def sync(run_id: str) -> None:
    """List a source, take what differs, remove what is gone."""
    if upkeep.has_room():
        follow(UUID(run_id))
    else:
        upkeep.postpone(run_id)


@task(jobs.DUE, reason="start sources whose time has come")
def due() -> None:
    """Start what is due, send again what was lost."""
    upkeep.due()
