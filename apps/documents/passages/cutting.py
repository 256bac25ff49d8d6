"""Chunks of a version into SQL, with what people made of them.

The first time they take the place of what was there. A version that is searched keeps its chunks
until those of another recipe are in the index: both stand in SQL meanwhile, and whichever the index
holds is found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.documents.passages import edits
from apps.documents.passages.recipes import wish_of
from apps.documents.runs.queue import JOBS, queue
from apps.rag import ports

ROWS_AT_ONCE = 500
_WRITTEN = ("ordinal", "page", "headings", "boxes", "text", "cut", "origin", "edit", "is_disabled")


@dataclass(frozen=True, slots=True)
class Saved:
    """How many chunks count, and the cutting that the run is to switch to, if any."""

    count: int
    cut: str = ""


def save(
    run: IngestRun, chunks: Sequence[ports.Chunk], *, cut: str, known: Mapping[str, Any]
) -> Saved:
    """Write the chunks of a version, edits applied, and what is ``known`` of it besides: columns of
    the version. Inside a transaction in which the run is held."""
    version = run.version
    read = as_rows(version, chunks, cut)
    if version.cut or version.chunk_count:
        return _saved_again(run, read, cut, known)
    # The first time there is nothing to take the place of, and nobody has edited anything.
    if version.number > 1:
        read = edits.settled(version, read, edits.edits_of(run.document_id), cut=cut)
    _write(read)
    count = sum(not row.is_disabled for row in read)
    _note(version, {**known, "cut": cut, "chunk_count": count})
    return Saved(count)


def save_first(
    read: Iterable[tuple[DocumentVersion, Sequence[ports.Chunk], str, Mapping[str, Any]]],
) -> None:
    """The same of many first versions that have no chunks yet, each with its chunks, its cutting and
    what is known of it: nobody can have edited anything."""
    rows: list[Chunk] = []
    for version, chunks, cut, known in read:
        rows += as_rows(version, chunks, cut)
        _note(version, {**known, "cut": cut, "chunk_count": len(chunks)})
    _write(rows)


def _saved_again(
    run: IngestRun, read: Sequence[Chunk], cut: str, known: Mapping[str, Any]
) -> Saved:
    """The same of a version whose chunks were written before."""
    version = run.version
    document = Document.with_deleted.select_for_update().get(pk=run.document_id)
    rows = edits.settled(version, read, edits.edits_of(document.pk), cut=cut)
    is_beside = _answers(document, version) and version.cut not in {"", cut}
    kept = {version.cut, cut} if is_beside else {cut}
    _delete(Chunk.with_disabled.filter(version=version).exclude(cut__in=kept))
    if version.chunk_count:  # another reader may have given others before
        mine = Chunk.with_disabled.filter(version=version, cut=cut)
        _delete_but(mine, {row.pk for row in rows})
    _write(rows)
    count = sum(not row.is_disabled for row in rows)
    if is_beside:  # its pages are told by the chunks that answer
        _note(version, {name: value for name, value in known.items() if name != "pages"})
        return Saved(count, cut)
    _note(version, {**known, "cut": cut, "chunk_count": count})
    return Saved(count)


def _write(rows: Sequence[Chunk]) -> None:
    Chunk.objects.bulk_create(
        rows,
        batch_size=ROWS_AT_ONCE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=list(_WRITTEN),
    )


def _note(version: DocumentVersion, values: Mapping[str, Any]) -> None:
    DocumentVersion.objects.filter(pk=version.pk).update(**values)


def _answers(document: Document, version: DocumentVersion) -> bool:
    return document.current_id == version.pk and bool(version.chunk_count)


def expected_of(runs: Iterable[IngestRun]) -> dict[UUID, int]:
    """How many rows the index has to hold of the versions of these runs."""
    cuts = {run.version_id: run.cut for run in runs}
    as_searched = [pk for pk, cut in cuts.items() if not cut]
    wanted = Q(version__in=as_searched, cut=F("version__cut"))
    for pk, cut in cuts.items():
        wanted |= Q(version=pk, cut=cut) if cut else Q()
    rows = Chunk.objects.filter(wanted).order_by()
    return dict.fromkeys(cuts, 0) | dict(rows.values_list("version").annotate(Count("pk")))


def switch(run: IngestRun, *, count: int) -> None:
    """The index holds the new chunks: from now on they are the version's."""
    if run.cut:
        DocumentVersion.objects.filter(pk=run.version_id).update(cut=run.cut, chunk_count=count)


def finish_switch(run: IngestRun, *, is_switched: bool) -> None:
    """Remove the chunks that were replaced, or, where a newer version came first, those that were
    to replace them. Where the settings were changed once more meanwhile, cut again."""
    if not run.cut:
        return
    rows = Chunk.with_disabled.filter(version=run.version_id)
    _delete(rows.exclude(cut=run.cut) if is_switched else rows.filter(cut=run.cut))
    if not is_switched:
        return
    if wish_of(run.collection_id).cut != run.cut:
        queue_again(run.version, IngestRun.Stage.PARSE, cause=IngestRun.Cause.RECIPE)


def is_overtaken(run: IngestRun) -> bool:
    """Whether the chunks that a run was to index are gone: others took their place."""
    if not run.cut:
        return False
    cut = DocumentVersion.objects.values_list("cut", flat=True).get(pk=run.version_id)
    rows = Chunk.with_disabled.filter(version=run.version_id, cut=run.cut)
    return run.cut != cut and not rows.exists()


def send_next_of(runs: Iterable[IngestRun]) -> None:
    """What waited for these runs of the same documents to end is sent at once."""
    waiting = IngestRun.objects.filter(
        document__in=[run.document_id for run in runs],
        state=IngestRun.State.QUEUED,
        error_code="",
    )
    first = {one.document_id: one for one in waiting.order_by("-created_at")}
    for one in first.values():
        JOBS[IngestRun.Stage(one.stage)].enqueue(run_id=str(one.pk))


def queue_again(version: DocumentVersion, stage: IngestRun.Stage, *, cause: str) -> None:
    """A run of a searched version, unless one waits that will do the same."""
    with transaction.atomic():
        waiting = IngestRun.objects.select_for_update().filter(
            version=version, state=IngestRun.State.QUEUED, stage=stage, cut="", profile=None
        )
        if not list(waiting):
            run = queue(version, stage=stage)
            IngestRun.objects.filter(pk=run.pk).update(cause=cause)


def _delete_but(rows: QuerySet[Chunk], kept: set[UUID]) -> None:
    stale = set(rows.values_list("pk", flat=True)) - kept
    if stale:
        _delete(rows, only=list(stale))


def _delete(rows: QuerySet[Chunk], *, only: Sequence[UUID] = ()) -> None:
    """In portions: one statement over a long document would hold the write lock for seconds."""
    ids = list(only) or list(rows.order_by().values_list("pk", flat=True))
    for start in range(0, len(ids), ROWS_AT_ONCE):
        Chunk.with_disabled.filter(pk__in=ids[start : start + ROWS_AT_ONCE]).delete()


def as_rows(version: DocumentVersion, chunks: Sequence[ports.Chunk], cut: str) -> list[Chunk]:
    """Chunks as rows, not saved."""
    return [_as_row(version, one, cut) for one in chunks]


def _as_row(version: DocumentVersion, one: ports.Chunk, cut: str) -> Chunk:
    return Chunk(
        id=UUID(one.id),
        collection_id=version.collection_id,
        document_id=version.document_id,
        version_id=version.pk,
        ordinal=one.ordinal,
        page=one.page,
        headings=list(one.headings),
        boxes=[[box.page, box.x0, box.y0, box.x1, box.y1] for box in one.boxes],
        text=one.text,
        cut=cut,
    )
