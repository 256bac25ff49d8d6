"""The tasks that follow directories."""

from uuid import UUID

from apps.directory import jobs, upkeep
from apps.directory import sync as following
from workers.tasks import task


@task(jobs.SYNC, reason="follow a directory")
def sync(run_id: str) -> None:
    """Look at a whole directory; say or do what differs."""
    following.sync(UUID(run_id))


@task(jobs.DUE, reason="start directories whose time has come")
def due() -> None:
    """Start what is due, send again what was lost."""
    upkeep.due()


@task(jobs.WATCH, reason="end sessions of people who left")
def watch() -> None:
    """Ask the directories whether those who were here last still count."""
    following.watch()
