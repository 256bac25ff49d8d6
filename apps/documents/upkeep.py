"""Keeps queue, SQL, index and files in step, whatever was lost on the way."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core import blobs
from apps.documents import parsed
from apps.documents.erase import erase_files
from apps.documents.jobs import CLEAN_UP
from apps.documents.leases import JOBS, MOST_ATTEMPTS, RESEND, Work
from apps.documents.models import DeletionReceipt, Document, DocumentVersion, IngestRun
from apps.engines import factory
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

AT_ONCE = 200
# A file younger than this may belong to an upload that has not committed yet.
YOUNG_S = 3600
SWEEP_EVERY = timedelta(seconds=15)
_Run = IngestRun
_ACTIVE = (_Run.State.QUEUED, _Run.State.RUNNING)


def sweep() -> None:
    """Send again what was lost: runs whose message or worker is gone, deletions not finished."""
    now = timezone.now()
    _free_lapsed(now)
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    waiting = IngestRun.objects.filter(due, state=_Run.State.QUEUED).order_by("created_at")
    for run in waiting[:AT_ONCE]:
        again = IngestRun.objects.filter(pk=run.pk, state=_Run.State.QUEUED)
        if again.update(not_before=now + RESEND):
            JOBS[_Run.Stage(run.stage)].enqueue(run_id=str(run.pk))
    for job in _unfinished_deletions(now)[:AT_ONCE]:
        CLEAN_UP.enqueue(receipt_id=str(job.pk))


def reconcile() -> None:
    """Compare SQL, which is right, with index and disk, and repair those. Nightly."""
    for name, repair in (("index", _reconcile_index), ("files", _reconcile_files)):
        try:
            log.info("reconciled %s: %s", name, repair())
        except EngineError as error:
            log.warning("%s not reconciled: %s", name, error)


def optimize() -> None:
    """Let the index compact itself."""
    try:
        factory.index().optimize()
    except EngineError as error:
        log.warning("index not optimised: %s", error)


def _free_lapsed(now: datetime) -> None:
    """Runs whose worker is gone go back to the queue; those that ended too many workers stop."""
    lapsed = IngestRun.objects.filter(state=_Run.State.RUNNING, lease_until__lt=now)
    for run in lapsed.select_related("document", "version")[:AT_ONCE]:
        if run.lease_until is None:
            continue
        if run.attempt >= MOST_ATTEMPTS:
            Work(run, run.lease_until).fail("GAVE_UP", attempts=run.attempt)
        else:
            IngestRun.objects.filter(
                pk=run.pk, state=_Run.State.RUNNING, lease_until=run.lease_until
            ).update(state=_Run.State.QUEUED, lease_until=None, not_before=now)


def _unfinished_deletions(now: datetime) -> QuerySet[DeletionReceipt]:
    lapsed = Q(lease_until__lt=now) | Q(lease_until__isnull=True, requested_at__lt=now - RESEND)
    return DeletionReceipt.objects.filter(lapsed, done_at__isnull=True).order_by("requested_at")


def _reconcile_index() -> str:
    """Drop rows of versions that are not current; index again what is current and not whole."""
    in_index = {UUID(name): rows for name, rows in factory.index().versions().items()}
    current = dict(
        DocumentVersion.objects.filter(
            pk__in=Document.objects.filter(current__isnull=False).values("current")
        ).values_list("pk", "chunk_count")
    )
    at_work = set(IngestRun.objects.filter(state__in=_ACTIVE).values_list("version_id", flat=True))
    strays = [pk for pk in in_index if pk not in current and pk not in at_work]
    for some in _portions(strays):
        factory.index().drop([str(pk) for pk in some])
    lost = [pk for pk, rows in current.items() if in_index.get(pk, 0) != rows]
    for pk in lost:
        if pk not in at_work:
            _index_again(pk)
    return f"{len(strays)} stray versions dropped, {len(lost)} to index again"


def _index_again(version_id: UUID) -> None:
    version = DocumentVersion.objects.get(pk=version_id)
    run = IngestRun.objects.create(
        collection_id=version.collection_id,
        document_id=version.document_id,
        version=version,
        stage=_Run.Stage.EMBED,
        total=version.chunk_count,
        not_before=timezone.now() + RESEND,
    )
    JOBS[_Run.Stage.EMBED].enqueue(run_id=str(run.pk))


def _reconcile_files() -> str:
    """Remove bytes and parsed text that no version refers to, and left-over temporary files."""
    kept = set(DocumentVersion.objects.values_list("sha256", flat=True).distinct())
    strays = {name for name in blobs.stored() if name not in kept and _is_old(blobs.path_of(name))}
    strays |= {name for name in parsed.stored() if name not in kept}
    removed, _kept = erase_files(strays)
    leftovers = [path for path in _temporary() if _is_old(path)]
    for path in leftovers:
        path.unlink(missing_ok=True)
    missing = sum(1 for name in kept if not blobs.path_of(name).exists())
    if missing:
        log.error("%d stored files are missing; a backup may have them", missing)
    return f"{removed} stray files and {len(leftovers)} temporary ones removed, {missing} missing"


def _temporary() -> Iterator[Path]:
    for folder in (Path(settings.BLOB_DIR) / "tmp", Path(settings.FILE_UPLOAD_TEMP_DIR)):
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if path.is_file())


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > YOUNG_S
    except FileNotFoundError:
        return False


def _portions(ids: list[UUID], size: int = 500) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
