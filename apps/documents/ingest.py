"""A version from file to searchable: parse, embed, publish.

Each stage claims its run, works without holding a transaction, and writes with stable keys, so it
may be killed anywhere and run twice. Publishing comes last: until then the old version answers.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone

from apps.core import blobs
from apps.core.errors import AppError, ErrorCode, Permanent, Transient
from apps.core.leases import LeaseLost
from apps.core.room import is_full
from apps.documents.arrival import attachments
from apps.documents.deletion.erase import erase_files
from apps.documents.life import sketch
from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.passages import cutting
from apps.documents.passages.recipes import wish_of
from apps.documents.runs import ledger, parsed
from apps.documents.runs.indexing import drop_from_index, index_versions
from apps.documents.runs.leases import Work
from apps.documents.runs.ledger import Clock, Passed
from apps.documents.runs.ledger import Stage as Line
from apps.documents.runs.probe import is_found
from apps.documents.runs.queue import queue
from apps.documents.runs.recognition import Pages, note_recognition, was_read
from apps.documents.runs.scanning import scan
from apps.engines import factory
from apps.engines.models import EmbeddingProfile
from apps.engines.profiles import filling_profile
from apps.events import services as events
from apps.rag import ports
from apps.rag.chunk import chunk

log = logging.getLogger(__name__)

Stage = IngestRun.Stage
# Versions of at most this many chunks are embedded together, so many at a time.
SMALL, TAKEN_ALONG = 16, 15
# What may go wrong with a stage that is right; OperationalError: a database without room.
_EXPECTED = (ports.EngineError, AppError, Transient, OSError, OperationalError)


def parse(run_id: UUID | None = None) -> None:
    """Read the file of a run, or of the one whose turn it is, in a child process, and keep its
    blocks and chunks."""
    work = Work.claimed(run_id, Stage.PARSE) if run_id else Work.next(Stage.PARSE)
    if work is None:
        return
    with _ending(work):
        clock, pages = Clock(), Pages(work.extend)
        version = work.run.version
        scan(work.run, beat=work.extend)
        clock.read()
        blocks = _blocks(work, pages)
        passed = was_read(blocks, took_ms=clock.read(), recognised_ms=pages.took_ms)
        wish = wish_of(version.collection_id)
        chunks = chunk(blocks, wish.recipe, version_id=str(version.pk))
        if not chunks:
            raise Permanent(ErrorCode.NO_TEXT)
        work.extend()
        passed.append(Passed(Line.CHUNKED, len(chunks), clock.read()))
        last = max((block.page or 0 for block in blocks), default=0)
        with transaction.atomic():
            work.held()
            sketch.keep(version, blocks)
            count = cutting.save(work.run, chunks, cut=wish.cut, pages=last)
            note_recognition(version, blocks)
            ledger.note(work.run, passed)
            work.hand_over(Stage.EMBED, total=count)


def embed(run_id: UUID | None = None) -> None:
    """Put the chunks of a run's version, or of the one whose turn it is, into the index, then
    publish it. Small versions that wait for the same are taken along: the index takes many with
    one write as easily as one."""
    stages = (Stage.EMBED, Stage.PUBLISH)
    lead = Work.claimed(run_id, *stages) if run_id else Work.next(*stages)
    if lead is None:
        return
    works = [work for work in (lead, *_companions(lead)) if not _is_overtaken(work)]
    # One profile from here to the end, also while another one takes over.
    profile = lead.run.profile or factory.wiring().profile
    # Before the others reach this stage too: none is published twice.
    in_index = [work for work in works if work.run.stage == Stage.PUBLISH]
    in_index += _indexed([work for work in works if work.run.stage == Stage.EMBED], profile)
    counts = _counts(in_index, profile)
    for work in in_index:
        if work.run.version_id in counts:
            with _ending(work):
                found = counts[work.run.version_id]
                if work.run.profile_id:
                    _fill(work, found=found)
                else:
                    _publish(work, profile, found=found)


def _is_overtaken(work: Work) -> bool:
    """Ends a run whose chunks were replaced while it waited: it would empty the index."""
    if not cutting.is_overtaken(work.run):
        return False
    with _ending(work):
        work.finish(is_cancelled=True)
    return True


def _companions(lead: Work) -> list[Work]:
    """Other small runs that wait to be embedded. Not those that had a failure: one that the model
    refuses must not fail the others again and again, nor they it."""
    if lead.run.error_code or lead.run.version.chunk_count > SMALL:
        return []
    waiting = IngestRun.objects.filter(
        state=IngestRun.State.QUEUED,
        stage=Stage.EMBED,
        error_code="",
        profile=lead.run.profile_id,
        version__chunk_count__lte=SMALL,
    ).order_by("priority", "created_at")
    ids = list(waiting.values_list("pk", flat=True)[:TAKEN_ALONG])
    return [work for pk in ids if (work := Work.claimed(pk, Stage.EMBED)) is not None]


def _indexed(works: list[Work], profile: EmbeddingProfile) -> list[Work]:
    """Embed and index; the runs that came through."""
    if not works:
        return []
    try:
        took = index_versions(
            [work.run.version for work in works],
            beat=_beat(works),
            profile=profile,
            cuts={work.run.version_id: work.run.cut for work in works if work.run.cut},
            keeping={work.run.version_id for work in works if work.run.cause},
        )
    except (*_EXPECTED, LeaseLost) as error:
        for work in works:
            with _ending(work):
                _raise_for(error, is_alone=len(works) == 1)
        return []
    through = []
    for work in works:
        with _ending(work):
            count = work.run.total
            embedded = took.embedded[work.run.version_id]
            passed = [
                Passed(Line.EMBEDDED, embedded, round(1000 * embedded * took.embed_s)),
                Passed(Line.INDEXED, count, round(1000 * count * took.write_s)),
            ]
            ledger.note(work.run, passed)
            work.sample = took.samples.get(work.run.version_id)
            work.advance(Stage.PUBLISH)
            through.append(work)
    return through


def _beat(works: list[Work]) -> Callable[[int, int], None]:
    """Extends all leases. One that is lost stops the work only where it is the only one: of the
    others it is noticed before they are published."""
    if len(works) == 1:
        return works[0].extend
    held = list(works)

    def beat(_done: int, _total: int) -> None:
        for work in list(held):
            try:
                work.extend()
            except LeaseLost:
                held.remove(work)

    return beat


def _raise_for(error: Exception, *, is_alone: bool) -> None:
    """What a failure means for each run. A refusal may be for another's text: tried again alone."""
    if isinstance(error, ports.EngineRejected) and not is_alone:
        raise Transient(ErrorCode.ENGINE_WAIT, retry_after=0.0) from error
    raise error


def _counts(works: list[Work], profile: EmbeddingProfile) -> dict[UUID, int]:
    """Rows in the index for each run's version; nothing when the index does not answer."""
    if not works:
        return {}
    ids = [work.run.version_id for work in works]
    try:
        found = factory.index(profile).counts([str(pk) for pk in ids])
    except ports.EngineError:
        for work in works:
            with _ending(work):
                raise
        return {}
    return {pk: found.get(str(pk), 0) for pk in ids}


def _blocks(work: Work, pages: Pages) -> list[ports.Block]:
    """As they were kept, or else read. A mail is read each time, for what is attached to it."""
    version = work.run.version
    is_mail = attachments.are_apart(version)
    blocks = None if is_mail else parsed.load(version)
    if blocks is None:
        path = blobs.path_of(version.sha256)
        if not path.exists():
            raise Permanent(ErrorCode.FILE_MISSING)
        blocks = _apart(work, path, pages) if is_mail else _read(version, path, pages)
        parsed.keep(version, blocks)
    return blocks


def _read(version: DocumentVersion, path: Path, pages: Pages) -> list[ports.Block]:
    return factory.parser().parse(path, media_type=version.media_type, beat=pages)


def _apart(work: Work, path: Path, pages: Pages) -> list[ports.Block]:
    """The mail itself; what is attached becomes documents."""
    with TemporaryDirectory(prefix="footnote-mail-") as name:
        folder = Path(name)
        blocks, found = factory.parser().parse_apart(
            path,
            media_type=work.run.version.media_type,
            folder=folder,
            limits=attachments.limits(folder),
            beat=pages,
        )
        attachments.take_in(work, found)
    return blocks


def _is_whole(work: Work, found: int) -> bool:
    """Whether the table holds all passages; if not, the run waits to write them again."""
    wanted = cutting.expected(work.run)
    if found == wanted:
        return True
    log.error("version %s: %d rows for %d chunks", work.run.version_id, found, wanted)
    work.wait(ErrorCode.ENGINE_WAIT, counts=True, stage=Stage.EMBED)
    return False


def _fill(work: Work, *, found: int) -> None:
    """The end of a run for a table beside the live one. A version that is no longer the current
    one leaves that table again."""
    if not _is_whole(work, found):
        return
    version_id = work.run.version_id
    is_current = Document.objects.filter(pk=work.run.document_id, current=version_id).exists()
    work.finish(is_cancelled=not is_current)
    cutting.send_next(work.run)
    if not is_current:
        drop_from_index([version_id])


def _publish(work: Work, profile: EmbeddingProfile, *, found: int) -> None:
    """Make the version the current one, once the index holds all of it and a search finds it."""
    run, version = work.run, work.run.version
    if not _is_whole(work, found):
        return
    clock = Clock()
    if found and not is_found(version, run.cut, profile=profile, vector=work.sample):
        work.wait(ErrorCode.NOT_FOUND_AGAIN, counts=True, stage=Stage.EMBED)
        return
    with transaction.atomic():
        work.held()
        ledger.note(run, [Passed(Line.VERIFIED, found, clock.read())])
        document = Document.objects.select_for_update().get(pk=run.document_id)
        is_newest = _is_newest(document, version)
        if is_newest:
            DocumentVersion.objects.filter(pk=version.pk).update(indexed_at=timezone.now())
            Document.objects.filter(pk=document.pk).update(current=version)
            cutting.switch(run, count=found)
            attachments.settle(version)
            _also_elsewhere(version, profile)
            events.record("document.ready", document, name=document.name, version=version.number)
        work.finish(is_cancelled=not is_newest)
    cutting.finish_switch(run, is_switched=is_newest)
    cutting.send_next(run)
    if not is_newest:
        drop_from_index([version.pk])
    elif version.number > 1:  # the first version has nothing before it
        others = DocumentVersion.objects.filter(document_id=run.document_id).exclude(pk=version.pk)
        drop_from_index(list(others.values_list("pk", flat=True)))


def _also_elsewhere(version: DocumentVersion, profile: EmbeddingProfile) -> None:
    """A table that is being filled gets the version too. Raises Transient when such a table has
    taken over since the version was written to that of ``profile``."""
    # In this order: what is not filling any more when it is asked for is current when it is.
    filling = filling_profile()
    if filling is not None:
        queue(version, stage=Stage.EMBED, profile=filling)
    if not EmbeddingProfile.objects.filter(pk=profile.pk, is_current=True).exists():
        factory.refresh()
        raise Transient(ErrorCode.ENGINE_WAIT, retry_after=0.0)


def _is_newest(document: Document, version: DocumentVersion) -> bool:
    if document.current_id is None:
        return True
    numbers = dict(document.versions.values_list("pk", "number"))
    return numbers[document.current_id] <= numbers[version.pk]


@contextmanager
def _ending(work: Work) -> Iterator[None]:
    """Write down how a stage ended when it ended badly. What is not known here is a bug: it is
    raised, the lease lapses, and the run is tried again until its attempts are used up."""
    try:
        try:
            yield
        except (ports.ParseError, *_EXPECTED) as error:
            _give_back(work, error)
    except LeaseLost:
        log.info("run %s is no longer ours", work.run.pk)
        _forget_if_deleted(work.run)


def _give_back(work: Work, error: Exception) -> None:
    """Fail the run, or let it wait. Raises the error again when it is neither."""
    log.warning("run %s, %s: %s", work.run.pk, work.run.stage, error)
    match error:
        case ports.ParseError() | Permanent():
            work.fail(_known(str(error.code)))
        case ports.EngineRejected():
            work.wait(ErrorCode.ENGINE_REJECTED, after=30.0, counts=True)
        case ports.EngineBusy():
            work.wait(ErrorCode.ENGINE_WAIT, after=error.retry_after)
        case ports.EngineError():
            work.wait(ErrorCode.ENGINE_WAIT)
        case Transient():
            # What was written may have been written to a table that is not searched any more.
            again = Stage.EMBED if work.run.stage == Stage.PUBLISH else ""
            work.wait(error.code, after=error.retry_after, stage=again)
        case _ if is_full(error):
            work.wait(ErrorCode.DISK_FULL, after=15.0)
        case _:
            raise error


def _known(code: str) -> str:
    return code if code in set(ErrorCode) else ErrorCode.UNREADABLE


def _forget_if_deleted(run: IngestRun) -> None:
    """The document was deleted while its rows were on their way into the index."""
    is_kept = DocumentVersion.objects.filter(
        pk=run.version_id, document__deleted_at__isnull=True
    ).exists()
    if not is_kept:
        drop_from_index([run.version_id])
        erase_files({run.version.sha256})
