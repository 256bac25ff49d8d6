"""Compares SQL, which is right, with the index and the disk, says where they differ, and repairs
what can be repaired without asking anybody."""

import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.core import blobs
from apps.documents.deletion.erase import erase_files
from apps.documents.models import (
    Chunk,
    DeletionReceipt,
    Document,
    DocumentVersion,
    IngestRun,
    Reconciliation,
)
from apps.documents.runs import parsed
from apps.documents.runs.indexing import every_index
from apps.documents.runs.queue import queue
from apps.documents.runs.reindex import current_versions
from apps.engines import factory
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

# A file younger than this may belong to an upload that has not committed yet.
YOUNG_S = 3600
KEPT_ROWS = 400


@dataclass(slots=True)
class Differences:
    """What does not agree. ``index_error``: the index did not answer, its two lists say nothing."""

    stray_in_index: list[UUID] = field(default_factory=list)
    lost_from_index: list[UUID] = field(default_factory=list)
    lost_passages: list[UUID] = field(default_factory=list)
    stray_files: list[str] = field(default_factory=list)
    stray_texts: list[str] = field(default_factory=list)
    stray_pages: list[UUID] = field(default_factory=list)
    temporary_files: list[Path] = field(default_factory=list)
    missing_files: list[str] = field(default_factory=list)
    index_error: str = ""

    def counts(self) -> dict[str, int]:
        """How many of each kind, those of the index only where it answered."""
        found = {
            "lost_passages": len(self.lost_passages),
            "stray_files": len(self.stray_files),
            "stray_texts": len(self.stray_texts),
            "stray_pages": len(self.stray_pages),
            "temporary_files": len(self.temporary_files),
            "missing_files": len(self.missing_files),
        }
        if not self.index_error:
            found["stray_in_index"] = len(self.stray_in_index)
            found["lost_from_index"] = len(self.lost_from_index)
        return found


def run(*, is_repairing: bool) -> Reconciliation:
    """Compare, repair if asked to, and store the numbers."""
    began = time.monotonic()
    found = compare()
    if is_repairing:
        _repair(found)
    row = Reconciliation.objects.create(
        differences=found.counts(),
        total=sum(found.counts().values()),
        is_repaired=is_repairing,
        error_code=found.index_error,
        took_ms=round((time.monotonic() - began) * 1000),
    )
    stale = Reconciliation.objects.order_by("-pk").values_list("pk", flat=True)[KEPT_ROWS:]
    Reconciliation.objects.filter(pk__in=list(stale)).delete()
    log.log(logging.WARNING if row.total else logging.INFO, "reconciled: %s", row.differences)
    return row


def compare() -> Differences:
    """Where SQL, index and disk differ now. Changes nothing."""
    found = Differences()
    try:
        _compare_index(found)
    except EngineError as error:
        found.index_error = str(error.code)
        log.warning("index not compared: %s", error)
    found.lost_passages = _lost_passages()
    _compare_files(found)
    return found


# --- looking --------------------------------------------------------------------------------------
def _compare_index(found: Differences) -> None:
    at_work = _at_work()
    rows = {UUID(name): count for name, count in factory.index().versions().items()}
    others = {UUID(name) for index in every_index() for name in index.versions()}
    # Asked for again, and before what is current: a run may have ended in between.
    at_work |= _at_work()
    current = dict(current_versions().values_list("pk", "chunk_count"))
    settled = current.keys() | at_work
    found.stray_in_index = sorted({*rows, *others} - settled)
    lost = [pk for pk, whole in current.items() if pk not in at_work and rows.get(pk, 0) != whole]
    # One that was published meanwhile is there by now.
    now = factory.index().counts([str(pk) for pk in lost]) if lost else {}
    found.lost_from_index = sorted(pk for pk in lost if now[str(pk)] != current[pk])


def _at_work() -> set[UUID]:
    """Versions on their way into the index, or out of it by a deletion that is under way."""
    runs = IngestRun.objects.filter(IngestRun.LIVE, IngestRun.ACTIVE)
    going = set(runs.values_list("version_id", flat=True))
    leaving = DeletionReceipt.objects.filter(done_at__isnull=True).values_list(
        "versions", flat=True
    )
    return going | {UUID(pk) for ids in leaving for pk in ids}


def _lost_passages() -> list[UUID]:
    """Current versions that have other passages in SQL than were counted when they were read."""
    counting = Chunk.objects.filter(version=OuterRef("pk"), cut=OuterRef("cut"))
    rows = counting.order_by().values("version")
    counted = current_versions().annotate(
        rows=Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)
    )
    wrong = set(counted.exclude(rows=F("chunk_count")).values_list("pk", flat=True))
    return sorted(wrong - _at_work())


def _compare_files(found: Differences) -> None:
    stored, texts = set(blobs.stored()), set(parsed.stored())
    found.temporary_files = [path for path in _temporary() if _is_old(path)]
    kept = set(DocumentVersion.objects.values_list("sha256", flat=True).distinct())
    found.stray_files = sorted(one for one in stored - kept if _is_old(blobs.path_of(one)))
    found.stray_texts = sorted(texts - kept - set(found.stray_files))
    found.stray_pages = _stray_pages()
    found.missing_files = sorted(one for one in kept if not blobs.path_of(one).exists())


def _stray_pages() -> list[UUID]:
    """Documents that are not there any more, of which pages are kept as they were recognised."""
    stored = set(parsed.stored_pages())
    there = Document.with_deleted.filter(pk__in=stored).values_list("pk", flat=True)
    return sorted(stored - set(there))


def _temporary() -> Iterator[Path]:
    for folder in (Path(settings.BLOB_DIR) / "tmp", Path(settings.FILE_UPLOAD_TEMP_DIR)):
        if folder.is_dir():
            yield from folder.iterdir()


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > YOUNG_S
    except FileNotFoundError:
        return False


# --- repairing ------------------------------------------------------------------------------------
def _repair(found: Differences) -> None:
    try:
        _drop_strays(found.stray_in_index)
    except EngineError as error:
        found.index_error = str(error.code)
        log.warning("index not repaired: %s", error)
    for pk in found.lost_passages:
        _again(pk, IngestRun.Stage.PARSE)
    for pk in set(found.lost_from_index) - set(found.lost_passages):
        _again(pk, IngestRun.Stage.EMBED)
    erase_files({*found.stray_files, *found.stray_texts})
    parsed.forget_pages(found.stray_pages)
    for path in found.temporary_files:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if found.missing_files:
        log.error("%d stored files are missing; a backup may have them", len(found.missing_files))


def _drop_strays(strays: list[UUID], at_once: int = 500) -> None:
    """What no version refers to may be what was deleted: it leaves the disk too."""
    names = [str(pk) for pk in strays]
    for index in every_index() if names else ():
        for start in range(0, len(names), at_once):
            index.drop(names[start : start + at_once])
        index.optimize(purge=True)


def _again(version_id: UUID, stage: IngestRun.Stage) -> None:
    queue(DocumentVersion.objects.select_related("collection").get(pk=version_id), stage=stage)
