"""The tasks that make a document searchable. Readers run in a child process, models in hosts."""

from apps.documents import ingest, jobs
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
