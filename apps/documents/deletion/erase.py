"""What happens to what was deleted: everything stored of it goes, a receipt stays.

First everything is erased, then, once for all deletions that wait for it, what the stores only
marked is taken off the disk. Each step may be repeated; the receipt says when each was done.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import F, Manager, Q
from django.utils import timezone

from apps.core import blobs, hooks, quotes
from apps.core.reclaim import reclaim
from apps.documents.arrival.files import dropping
from apps.documents.deletion import receipts
from apps.documents.models import (
    Chunk,
    DeletionReceipt,
    Document,
    DocumentVersion,
    IngestRun,
    LedgerEntry,
    PassageChange,
    PassageEdit,
)
from apps.documents.runs import parsed
from apps.documents.runs.indexing import every_index
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

T = TypeVar("T")
LEASE = timedelta(minutes=5)
# The index is written anew meanwhile, where much was deleted.
PURGE_LEASE = timedelta(minutes=30)
_WRITTEN = (
    "versions",
    "removed",
    "remaining",
    "steps",
    "work",
    "lease_until",
    "erased_at",
    "done_at",
    "sha256",
)
ROWS_AT_ONCE = 2000
# One purge serves all deletions before it, so the last of many does it; but none waits longer.
LONGEST_WAIT = timedelta(minutes=10)
_TOUCHED = (
    Chunk,
    PassageEdit,
    PassageChange,
    DocumentVersion,
    Document,
    IngestRun,
    LedgerEntry,
)


class Overtaken(Exception):
    """Another worker took the receipt over, or completed it: it is not written to any more."""


def clean_up(receipt_id: UUID) -> None:
    """Erase what was deleted: index, quotes in answers, passages, files, rows; then purge. A
    failing index leaves the rest to the sweeper."""
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    taken = DeletionReceipt.objects.filter(free, pk=receipt_id, done_at__isnull=True).update(
        attempt=F("attempt") + 1, lease_until=now + LEASE
    )
    if not taken:
        return
    receipt = DeletionReceipt.objects.get(pk=receipt_id)
    try:
        if receipt.erased_at is None:
            erase(receipt)
        seal()
    except EngineError as error:
        log.warning("deletion %s waits for the index: %s", receipt_id, error)
    except Overtaken:
        log.info("deletion %s went on elsewhere", receipt_id)


def erase(receipt: DeletionReceipt) -> None:
    """See ``clean_up``; raises EngineError when the index does not answer."""
    versions = list(DocumentVersion.objects.filter(document_id=receipt.object_id))
    receipt.versions = sorted({*receipt.versions, *(str(version.pk) for version in versions)})
    files = {*receipt.work.get("files", ()), *(version.sha256 for version in versions)}
    receipt.work = {**receipt.work, "files": sorted(files)}
    _drop_rows(receipt)
    if receipt.kind == DeletionReceipt.Kind.DOCUMENT:
        receipts.removed(receipt, quotes=quotes.count_of_document(receipt.object_id))
        hooks.document_erased(receipt.object_id)
        _noted(receipt, "quotes_erased")
        # Not of passages alone: their history repeats what they said.
        receipts.removed(receipt, edits=_erase_edits(receipt.object_id))
        receipts.removed(receipt, versions=len(receipt.versions), chunks=_erase_chunks(versions))
        _noted(receipt, "passages_erased")
    erased, kept = erase_files(files)
    receipts.removed(receipt, files=erased, recognised=parsed.forget_pages(_documents(receipt)))
    receipt.removed["files_kept"] = kept
    _noted(receipt, "files_erased")
    _erase_rows(receipt)  # last: until then the next attempt knows what to erase


def seal() -> None:
    """Take off the disk what is only marked as deleted, and complete the receipts that wait for
    that. Waits while other deletions are under way. Raises EngineError."""
    now = timezone.now()
    waiting = list(DeletionReceipt.objects.filter(erased_at__isnull=False, done_at__isnull=True))
    is_busy = DeletionReceipt.objects.filter(erased_at__isnull=True, done_at__isnull=True).exists()
    is_overdue = any(each.erased_at and each.erased_at < now - LONGEST_WAIT for each in waiting)
    if not waiting or (is_busy and not is_overdue):
        return
    held = DeletionReceipt.objects.filter(pk__in=[each.pk for each in waiting])
    held.update(lease_until=now + PURGE_LEASE)
    for index in every_index():
        index.optimize(purge=True)
    for receipt in waiting:
        receipts.step(receipt, "index_purged")
    is_reclaimed = reclaim(_TOUCHED)
    for receipt in waiting:
        if is_reclaimed:
            receipts.step(receipt, "database_purged")
        with contextlib.suppress(Overtaken):
            _conclude(receipt)


def _conclude(receipt: DeletionReceipt) -> None:
    """Complete, if nothing is left."""
    receipt.remaining = _remaining(receipt)
    if any(receipt.remaining.values()):
        # A worker that was writing when it was deleted: once more, from the start.
        log.error("deletion %s: still there: %s", receipt.pk, receipt.remaining)
        receipt.erased_at = None
        receipt.lease_until = timezone.now() + LEASE
    else:
        receipts.complete(receipt, at=timezone.now())
    _save(receipt)


def erase_files(hashes: set[str]) -> tuple[int, int]:
    """Remove bytes, and what was read from them, unless a document that is not deleted has them.
    (removed, kept)."""
    gone = kept = 0
    for sha256 in sorted(hashes):
        with dropping():
            if _is_in_use(sha256):
                kept += 1
                continue
            gone += blobs.path_of(sha256).exists()
            blobs.remove(sha256)
            parsed.remove(sha256)
    return gone, kept


def _is_in_use(sha256: str) -> bool:
    live = DocumentVersion.objects.filter(document__deleted_at__isnull=True)
    return live.filter(sha256=sha256).exists()


def _drop_rows(receipt: DeletionReceipt) -> None:
    """Vectors and full text are columns of one row: what goes, goes from both."""
    receipts.removed(receipt, vectors=_rows_in_index(receipt.versions))
    _save(receipt)  # before it is done: a repeated step would count nothing
    for index in every_index():
        for some in _portions(receipt.versions):
            index.drop(some)
    _noted(receipt, "index_dropped")


def _erase_chunks(versions: Sequence[DocumentVersion]) -> int:
    """In portions: one statement over a long document would hold the write lock for seconds."""
    chunks = Chunk.with_disabled.filter(version__in=[version.pk for version in versions])
    erased = chunks.count()
    while ids := list(chunks.order_by().values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        Chunk.with_disabled.filter(pk__in=ids).delete()
    return erased


def _erase_edits(document_id: UUID) -> int:
    """With their history, which goes with them."""
    edits = PassageEdit.objects.filter(document_id=document_id)
    erased = edits.count()
    edits.delete()
    return erased


def _noted(receipt: DeletionReceipt, step: str) -> None:
    receipts.step(receipt, step)
    receipt.lease_until = timezone.now() + LEASE
    _save(receipt)


def _save(receipt: DeletionReceipt) -> None:
    """Write what is known now. Raises Overtaken: each claim counts the attempts, so the number is
    the token that this worker still holds it."""
    mine = DeletionReceipt.objects.filter(
        pk=receipt.pk, attempt=receipt.attempt, done_at__isnull=True
    )
    if not mine.update(**{name: getattr(receipt, name) for name in _WRITTEN}):
        raise Overtaken


@transaction.atomic
def _erase_rows(receipt: DeletionReceipt) -> None:
    Document.with_deleted.filter(pk=receipt.object_id).update(current=None)
    Document.with_deleted.filter(pk=receipt.object_id, deleted_at__isnull=False).delete()
    receipts.step(receipt, "rows_erased")
    receipt.erased_at = timezone.now()
    _save(receipt)


def _remaining(receipt: DeletionReceipt) -> dict[str, int]:
    """Looked up in every store, after everything: 0 each, or the receipt is not complete."""
    if receipt.kind == DeletionReceipt.Kind.DOCUMENT:
        quoted = quotes.count_of_document(receipt.object_id)
    else:
        quoted = quotes.count_of_collections(
            [UUID(pk) for pk in receipt.work.get("collections", ())]
        )
    versions = [UUID(pk) for pk in receipt.versions]
    return {
        "versions": _how_many(DocumentVersion.objects, "pk", versions),
        "chunks": _how_many(Chunk.with_disabled, "version_id", versions),
        "edits": PassageEdit.objects.filter(_edits_of(receipt)).count(),
        "vectors": _rows_in_index(receipt.versions),
        "files": sum(
            1
            for sha256 in receipt.work.get("files", ())
            if blobs.path_of(sha256).exists() and not _is_in_use(sha256)
        ),
        "recognised": parsed.recognised_pages(_documents(receipt)),
        "quotes": quoted,
    }


def _documents(receipt: DeletionReceipt) -> list[UUID]:
    """What was deleted, document by document."""
    if receipt.kind == DeletionReceipt.Kind.DOCUMENT:
        return [receipt.object_id]
    return [UUID(pk) for pk in receipt.work.get("documents", ())]


def _edits_of(receipt: DeletionReceipt) -> Q:
    if receipt.kind == DeletionReceipt.Kind.DOCUMENT:
        return Q(document_id=receipt.object_id)
    return Q(collection_id__in=[UUID(pk) for pk in receipt.work.get("collections", ())])


def _how_many(rows: Manager[Any], column: str, ids: Sequence[UUID]) -> int:
    found = (rows.filter(**{f"{column}__in": some}) for some in _portions(ids))
    return sum(some.count() for some in found)


def _rows_in_index(version_ids: Sequence[str]) -> int:
    return sum(
        sum(index.counts(some).values())
        for index in every_index()
        for some in _portions(version_ids)
    )


def _portions(ids: Sequence[T], size: int = 500) -> Iterator[list[T]]:
    for at in range(0, len(ids), size):
        yield list(ids[at : at + size])
