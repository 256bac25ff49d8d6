"""What workers and the clock do with runs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.documents import ingest, services
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.documents.runs import upkeep
from apps.engines import factory
from apps.permissions.scope import entered
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.documents.conftest import searched

Sent = list[tuple[str, dict[str, Any]]]
Stage, State = IngestRun.Stage, IngestRun.State


def run_of(added: services.Added) -> IngestRun:
    return IngestRun.objects.get(pk=added.run.pk)


def lapse(run_id: UUID) -> None:
    """Time passes, and nobody extends the lease."""
    past = timezone.now() - timedelta(seconds=1)
    IngestRun.objects.filter(pk=run_id).update(lease_until=past)


def due() -> None:
    """Time passes until every waiting run may be sent again."""
    IngestRun.objects.filter(state=State.QUEUED).update(not_before=timezone.now())


def worked_off(run: IngestRun) -> IngestRun:
    """What the sweeper and the workers do with a run until it has ended or waits."""
    for _ in range(6):
        upkeep.sweep()
        run.refresh_from_db()
        if run.state != State.QUEUED:
            break
        (ingest.parse if run.stage == Stage.PARSE else ingest.embed)(run.pk)
        run.refresh_from_db()
    return run


def is_searchable_once(added: services.Added, alice: User, collection: Collection) -> bool:
    """Published, with as many rows in SQL and in the index as it has chunks."""
    version = DocumentVersion.objects.get(pk=added.version.pk)
    rows = Chunk.objects.filter(version=version).count()
    with entered(scope_of(alice)):
        text = searched("notice period", collection)
    return (
        Document.objects.get(pk=added.document.pk).current_id == version.pk
        and rows == version.chunk_count == factory.index().count(str(version.pk)) > 0
        and text.count("ninety days") == 1
    )
