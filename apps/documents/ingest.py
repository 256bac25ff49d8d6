"""A version from file to searchable: parse, embed, publish.

Each stage claims its run, works without holding a transaction, and writes with stable keys, so it
may be killed anywhere and run twice. Publishing comes last: until then the old version answers.
What is small goes through several at a time; a failure of one of them is its own.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.db import Error as DatabaseFailed
from django.db import OperationalError, transaction

from apps.core import blobs
from apps.core.errors import AppError, ErrorCode, Permanent, Transient
from apps.core.leases import LeaseLost
from apps.core.room import is_full
from apps.documents.arrival import attachments
from apps.documents.deletion.erase import erase_files
from apps.documents.jobs import EMBED
from apps.documents.life import sketch
from apps.documents.models import DocumentVersion, IngestRun
from apps.documents.passages import cutting
from apps.documents.passages.recipes import Wish, wish_of
from apps.documents.runs import ledger, parsed, publishing
from apps.documents.runs.indexing import Took, drop_from_index, index_versions
from apps.documents.runs.keeping import SMALL, Read, keep, keep_together
from apps.documents.runs.leases import Work
from apps.documents.runs.ledger import Clock, Passed
from apps.documents.runs.ledger import Stage as Line
from apps.documents.runs.queue import beside, is_fresh
from apps.documents.runs.recognition import Pages, recognition_of, was_read
from apps.documents.runs.scanning import scan
from apps.engines import factory
from apps.engines.models import EmbeddingProfile
from apps.engines.parsers.sandbox import Beat
from apps.rag import ports
from apps.rag.chunk import chunk

log = logging.getLogger(__name__)

Stage = IngestRun.Stage
# Small versions are embedded together, so many beside the first.
TAKEN_ALONG = 15
# What may go wrong with a stage that is right; OperationalError: a database without room.
_EXPECTED = (ports.EngineError, AppError, Transient, OSError, OperationalError)


def parse(run_id: UUID | None = None) -> None:
    """Read the file of a run, or of the one whose turn it is, in a child process, and keep its
    blocks and chunks. Small texts of the same person are taken along where nobody else waits."""
    lead = Work.claimed(run_id, Stage.PARSE) if run_id else Work.next(Stage.PARSE)
    if lead is None:
        return
    along = [] if run_id else Work.claimed_together(beside(lead.run), Stage.PARSE)
    works, unsent, unkept = [lead, *along], list[Work](), list[Read]()
    wishes = lru_cache(wish_of)  # of a collection once for all of them
    try:
        for at, work in enumerate(works, 1):
            others = [*(read.work for read in unkept), *works[at:]]
            with _giving_back(works[at:]), _ending(work):
                read = _parsed(work, _beat_for(work, others), wishes)
                if read.is_plain and len(works) > 1:
                    unkept.append(read)
                elif keep(read):
                    unsent.append(work)
    finally:
        unsent += _kept(unkept)
        # One message for all of them, when the last is there: whoever takes it takes all along.
        if unsent:
            EMBED.enqueue(run_id=str(unsent[0].run.pk))


def _beat_for(work: Work, others: Sequence[Work]) -> Beat:
    """Extends the lease of a run and of those that wait for it. One of theirs that is lost is
    noticed when they are begun or written."""

    def beat(done: int | None = None, total: int | None = None, /) -> None:
        work.extend(done, total)
        for other in others:
            with suppress(LeaseLost):
                other.extend()

    return beat


def _parsed(work: Work, beat: Beat, wishes: Callable[[UUID], Wish]) -> Read:
    """Read and cut, not written yet. Raises Permanent where there is no text, and as readers do."""
    clock, pages = Clock(), Pages(beat)
    version = work.run.version
    scan(work.run, beat=beat)
    clock.read()
    blocks = _blocks(work, pages)
    passed = was_read(blocks, took_ms=clock.read(), recognised_ms=pages.took_ms)
    wish = wishes(version.collection_id)
    chunks = chunk(blocks, wish.recipe, version_id=str(version.pk))
    if not chunks:
        raise Permanent(ErrorCode.NO_TEXT)
    work.extend()
    passed.append(Passed(Line.CHUNKED, len(chunks), clock.read()))
    sketched = sketch.sketch_of(blocks)
    known = {
        "pages": max((block.page or 0 for block in blocks), default=0) or None,
        "recognition": recognition_of(blocks),
        "sketch": sketched.tobytes(),
    }
    return Read(work, chunks, wish.cut, sketched, known, passed)


def _kept(reads: Sequence[Read]) -> list[Work]:
    """Write what was read together; where that cannot be, one by one, each with its own failure.
    Those that wait to be embedded now."""
    if not reads:
        return []
    try:
        kept = [read.work for read in keep_together(reads)]
    except DatabaseFailed as error:
        log.warning("%d texts are written one by one: %s", len(reads), error)
        kept = []
    left = [read for read in reads if read.work not in kept]
    for at, read in enumerate(left, 1):
        with _giving_back([other.work for other in left[at:]]), _ending(read.work):
            keep(read)
            kept.append(read.work)
    return kept


def embed(run_id: UUID | None = None) -> None:
    """Put the chunks of a run's version, or of the one whose turn it is, into the index, then
    publish it. Small versions that wait for the same are taken along: the index takes many with
    one write as easily as one."""
    stages = (Stage.EMBED, Stage.PUBLISH)
    lead = Work.claimed(run_id, *stages) if run_id else Work.next(*stages)
    if lead is None:
        return
    works = _still_wanted([lead, *_companions(lead)])
    # One profile from here to the end, also while another one takes over.
    profile = lead.run.profile or factory.wiring().profile
    # Before the others reach this stage too: none is published twice.
    in_index = [work for work in works if work.run.stage == Stage.PUBLISH]
    in_index += _indexed([work for work in works if work.run.stage == Stage.EMBED], profile)
    counts = _counts(in_index, profile)
    found = [work for work in in_index if work.run.version_id in counts]
    with _giving_back(found, tried=True):
        left = publishing.published_together(found, profile, counts)
    for at, work in enumerate(left, 1):
        with _giving_back(left[at:]), _ending(work):
            publishing.publish(work, profile, found=counts[work.run.version_id])


def _still_wanted(works: list[Work]) -> list[Work]:
    """Ends runs whose chunks were replaced while they waited: they would empty the index."""
    overtaken = [work for work in works if cutting.is_overtaken(work.run)]
    for work in overtaken:
        with _ending(work):
            work.finish(is_cancelled=True)
    return [work for work in works if work not in overtaken]


def _companions(lead: Work) -> list[Work]:
    """Other small runs that wait to be embedded. Not those that had a failure: one that the model
    refuses must not fail the others again and again, nor they it."""
    if not is_fresh(lead.run) or lead.run.version.chunk_count > SMALL:
        return []
    waiting = IngestRun.objects.filter(
        state=IngestRun.State.QUEUED,
        stage=Stage.EMBED,
        error_code="",
        profile=lead.run.profile_id,
        version__chunk_count__lte=SMALL,
    ).order_by("priority", "created_at")
    # What ended a worker before is taken alone, and so is a second version of a document.
    fresh = waiting.filter(attempt=0).exclude(document=lead.run.document_id)
    rows = list(fresh.values_list("document_id", "pk")[:TAKEN_ALONG])
    ids = dict(reversed(rows))
    return Work.claimed_together(list(ids.values()), Stage.EMBED)


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
        return _noted(works, took)
    except Exception as error:  # noqa: BLE001 - ended below, or raised again
        for at, work in enumerate(works, 1):
            with _giving_back(works[at:], tried=True), _ending(work):
                _raise_for(error, is_alone=len(works) == 1)
        return []


def _noted(works: list[Work], took: Took) -> list[Work]:
    """Write down that these are in the index; those that are still ours."""
    lines = [(work.run, line) for work in works for line in _lines_of(work, took)]
    with transaction.atomic():
        held = {work.run.pk for work in Work.held_together(works)}
        through = [work for work in works if work.run.pk in held]
        ledger.note_all((run, line) for run, line in lines if run.pk in held)
        Work.advance_together(through, Stage.PUBLISH)
    for work in works:
        work.sample = took.samples.get(work.run.version_id)
        if work.run.pk not in held:
            with _ending(work):
                raise LeaseLost
    return through


def _lines_of(work: Work, took: Took) -> list[Passed]:
    count, embedded = work.run.total, took.embedded[work.run.version_id]
    return [
        Passed(Line.EMBEDDED, embedded, round(1000 * embedded * took.embed_s)),
        Passed(Line.INDEXED, count, round(1000 * count * took.write_s)),
    ]


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
    return factory.parser().parse(
        path,
        media_type=version.media_type,
        beat=pages,
        remembered=parsed.pages_of(version.document_id),
    )


def _apart(work: Work, path: Path, pages: Pages) -> list[ports.Block]:
    """The mail itself; what is attached becomes documents."""
    with TemporaryDirectory(prefix="footnote-mail-") as name:
        folder = Path(name)
        blocks, found = factory.parser().parse_apart(
            path,
            media_type=work.run.version.media_type,
            folder=folder,
            limits=attachments.limits(folder, work.run.version),
            beat=pages,
            remembered=parsed.pages_of(work.run.version.document_id),
        )
        attachments.take_in(work, found)
    return blocks


@contextmanager
def _giving_back(others: Sequence[Work], *, tried: bool = False) -> Iterator[None]:
    """A failure that nobody expected is not that of the others: they go back to the queue at once,
    as if they had not been taken, or (``tried``: it may be theirs) to be tried alone."""
    try:
        yield
    except Exception:
        for work in others:
            with suppress(LeaseLost, DatabaseFailed):
                work.let_go(counts=tried)
        raise


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
        parsed.forget_pages([run.document_id])
