"""The tasks that make a document searchable. Readers run in a child process, models in hosts."""

from uuid import UUID

from apps.documents import ingest, jobs
from apps.intake import jobs as intake_jobs
from apps.intake import unpack as unpacking
from workers.tasks import task


@task(jobs.PARSE, reason="ingest run")
def parse(run_id: str) -> None:
    """Read a file into passages: the next one, which need not be the one of the message."""
    del run_id
    ingest.parse()


@task(jobs.EMBED, reason="ingest run")
def embed(run_id: str) -> None:
    """Put a version's passages into the index and publish it: the next one's."""
    del run_id
    ingest.embed()


@task(intake_jobs.UNPACK, reason="unpack an archive")
def unpack(unpacking_id: str) -> None:
    """Turn the members of an archive into documents."""
    unpacking.unpack(UUID(unpacking_id))
