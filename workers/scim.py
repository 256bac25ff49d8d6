"""The task that makes so what the rules of a source give."""

from uuid import UUID

from apps.scim import jobs, people
from workers.tasks import task


@task(jobs.SETTLE, reason="apply the rules of a source to its people")
def settle(source_id: str) -> None:
    """Everybody of a source gets what its rules give now, and loses what they do not."""
    people.settle(UUID(source_id))
