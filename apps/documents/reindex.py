"""Fills the index anew from SQL, as ordinary leased runs: it may be lost, moved or replaced."""

from django.db import transaction

from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.permissions.scope import system_scope

_AT_ONCE = 500


def queue_everything() -> int:
    """A run for every current version that has none. The sweeper sends them: nothing else has to
    be up. Documents stay readable meanwhile and turn up in search one by one."""
    with system_scope("rebuild of the index: every current version is embedded again"):
        current = Document.objects.filter(current__isnull=False).values("current")
        active = (IngestRun.State.QUEUED, IngestRun.State.RUNNING)
        at_work = IngestRun.objects.filter(state__in=active).values("version_id")
        wanted = DocumentVersion.objects.filter(pk__in=current).exclude(pk__in=at_work)
        runs = [
            IngestRun(
                collection_id=version.collection_id,
                document_id=version.document_id,
                version_id=version.pk,
                stage=IngestRun.Stage.EMBED,
                total=version.chunk_count,
            )
            for version in wanted.only("id", "collection_id", "document_id", "chunk_count")
        ]
        with transaction.atomic():
            IngestRun.objects.bulk_create(runs, batch_size=_AT_ONCE)
    return len(runs)
