"""The tasks that make a document searchable. Readers run in a child process, models in hosts."""

from uuid import UUID

from apps.documents import ingest, jobs
from workers.tasks import task


@task(jobs.PARSE, reason="ingest run")
def parse(run_id: str) -> None:
    """Read a file into passages."""
    ingest.parse(UUID(run_id))


@task(jobs.EMBED, reason="ingest run")
def embed(run_id: str) -> None:
    """Put a version's passages into the index and publish it."""
    ingest.embed(UUID(run_id))
