"""What happens to a deleted document: everything stored of it goes, a receipt stays."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.core import blobs, hooks
from apps.documents import parsed
from apps.documents.files import dropping
from apps.documents.models import Chunk, DeletionJob, Document, DocumentVersion
from apps.engines import factory
from apps.engines.models import EmbeddingProfile
from apps.engines.profiles import current_profile
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
ROWS_AT_ONCE = 2000


def clean_up(job_id: UUID) -> None:
    """Erase one deleted document: index, passages, quotes in answers, text, file, rows. Each step
    may be repeated; a failing index leaves the job to the sweeper."""
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    taken = DeletionJob.objects.filter(free, pk=job_id, done_at__isnull=True).update(
        attempt=F("attempt") + 1, lease_until=now + LEASE
    )
    if not taken:
        return
    job = DeletionJob.objects.get(pk=job_id)
    try:
        erase(job)
    except EngineError as error:
        log.warning("deletion %s waits for the index: %s", job_id, error)


def erase(job: DeletionJob) -> None:
    """See ``clean_up``; raises EngineError when the index does not answer."""
    versions = list(DocumentVersion.objects.filter(document_id=job.document_id))
    is_last = not DeletionJob.objects.filter(done_at__isnull=True).exclude(pk=job.pk).exists()
    for profile in {current_profile(), *EmbeddingProfile.objects.all()}:
        index = factory.index(profile)
        index.drop([str(version.pk) for version in versions])
        if is_last:  # one purge serves all deletions before it
            index.optimize(purge=True)
    hooks.document_erased(job.document_id)
    job.versions = len(versions)
    job.chunks = _erase_chunks(versions)
    job.files = erase_files({version.sha256 for version in versions})
    _erase_rows(job)  # last: until then the next attempt knows what to erase


def erase_files(hashes: set[str]) -> int:
    """Remove bytes, and what was read from them, unless a document that is not deleted has them."""
    removed = 0
    for sha256 in sorted(hashes):
        with dropping():
            live = DocumentVersion.objects.filter(document__deleted_at__isnull=True)
            if live.filter(sha256=sha256).exists():
                continue
            blobs.remove(sha256)
            parsed.remove(sha256)
            removed += 1
    return removed


def _erase_chunks(versions: list[DocumentVersion]) -> int:
    """In portions: one statement over a long document would hold the write lock for seconds."""
    chunks = Chunk.objects.filter(version__in=[version.pk for version in versions])
    erased = 0
    while ids := list(chunks.order_by().values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        erased += Chunk.objects.filter(pk__in=ids).delete()[0]
    return erased


@transaction.atomic
def _erase_rows(job: DeletionJob) -> None:
    Document.with_deleted.filter(pk=job.document_id).update(current=None)
    Document.with_deleted.filter(pk=job.document_id, deleted_at__isnull=False).delete()
    job.done_at = timezone.now()
    job.lease_until = None
    job.save()
