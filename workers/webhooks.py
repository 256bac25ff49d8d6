"""The task that tells addresses outside what happened."""

from apps.webhooks import delivery, jobs
from workers.tasks import task


@task(jobs.DELIVER, reason="tell webhooks what happened, each what its owner may see")
def deliver() -> None:
    """Make a message of each new event that somebody wants, and send what is due."""
    delivery.plan()
    delivery.deliver()


@task(jobs.FORGET, reason="messages of webhooks that are over are removed")
def forget() -> None:
    """Remove what was sent, or given up, a month ago."""
    delivery.forget()
