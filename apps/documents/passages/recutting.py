"""How the documents of a collection are cut: tried on a document, priced, applied, taken back.

Trying writes nothing. Applying queues one run a document; each answers with its old passages until
the new ones are in the index, so nothing is out of search at any moment.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents.models import Document, DocumentVersion, IngestRun, LedgerEntry
from apps.documents.passages import edits
from apps.documents.passages.cutting import as_rows
from apps.documents.passages.models import CollectionRecipe, PassageEdit
from apps.documents.passages.recipes import Wish, as_wish, usual, values_of, wish, wish_of
from apps.documents.runs import parsed
from apps.documents.runs.queue import JOBS, new_run
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.rag.chunk import chunk
from apps.rag.ports import Block, BlockKind, Chunk
from apps.rag.tokens import estimate_tokens
from apps.workspaces.models import Collection

# Passages that a preview shows of each cutting.
SHOWN = 12
# So long documents are cut to count passages; the rest is reckoned from those.
COUNTING_S = 2.0
# What was embedded last tells how fast it goes.
SAMPLE = 50
# Sent at once; the sweeper sends the others.
SENT_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Cut:
    """One passage of a preview."""

    number: int
    page: int | None
    headings: tuple[str, ...]
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Cutting:
    """What a recipe makes of one document. ``split_tables``: tables in more than one passage."""

    count: int
    smallest: int
    median: int
    largest: int
    tables: int
    split_tables: int
    unfit: int
    first: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    document: Document
    old: Cutting
    new: Cutting


@dataclass(frozen=True, slots=True)
class Cost:
    """What applying takes: how many documents are cut anew into how many passages, and the seconds
    that embedding them takes (None: nothing was measured yet). ``edits``: changed by people."""

    documents: int
    passages_now: int
    passages: int
    is_exact: bool
    seconds: int | None
    edits: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many searched documents are cut as the settings say."""

    documents: int
    done: int
    waiting: int

    @property
    def left(self) -> int:
        """Not cut anew, and not on their way: it did not work, or was cancelled."""
        return max(0, self.documents - self.done - self.waiting)


# --- trying ---------------------------------------------------------------------------------------
def preview(*, document: Document, chosen: Wish) -> Preview:
    """Both cuttings of a document that was read. Raises AppError NO_TEXT (422) where no text of it
    is kept."""
    version = document.current or document.versions.order_by("-number")[0]
    blocks = parsed.newest(version)
    if not blocks:
        raise AppError(ErrorCode.NO_TEXT, status=422, field="document")
    now = wish_of(document.collection_id)
    return Preview(document, *(_cutting(version, blocks, each) for each in (now, chosen)))


def _cutting(version: DocumentVersion, blocks: Sequence[Block], chosen: Wish) -> Cutting:
    chunks = chunk(blocks, chosen.recipe, version_id=str(version.pk))
    sizes = [estimate_tokens(one.text) for one in chunks] or [0]
    tables = [block for block in blocks if block.kind is BlockKind.TABLE]
    return Cutting(
        count=len(chunks),
        smallest=min(sizes),
        median=round(median(sizes)),
        largest=max(sizes),
        tables=len(tables),
        split_tables=_split(tables, chunks),
        unfit=_unfit(version, chunks, chosen),
        first=tuple(
            Cut(one.ordinal + 1, one.page, one.headings, one.text, size)
            for one, size in zip(chunks[:SHOWN], sizes, strict=False)
        ),
    )


def _split(tables: Sequence[Block], chunks: Sequence[Chunk]) -> int:
    """How many tables no single passage holds from the first row to the last."""
    texts = ["".join(one.text.split()) for one in chunks]
    wholes = ("".join(table.text.split()) for table in tables)
    return sum(not any(whole in text for text in texts) for whole in wholes)


def _unfit(version: DocumentVersion, chunks: Sequence[Chunk], chosen: Wish) -> int:
    """Edits of this document that would apply to no passage of this cutting."""
    changed = [
        edit
        for edit in edits.edits_of(version.document_id)
        if edit.is_changed and not edit.is_added
    ]
    known = set(edits.places(as_rows(version, chunks, chosen.cut)).values()) if changed else set()
    return sum((edit.anchor, edit.nth) not in known for edit in changed)


# --- pricing --------------------------------------------------------------------------------------
def cost(*, collection: Collection, chosen: Wish) -> Cost:
    """What it takes to cut all searched documents of a collection like this. Passages are counted
    by cutting, for two seconds; those of further documents are reckoned."""
    versions = list(_stale(collection, chosen).order_by("chunk_count"))
    now = sum(version.chunk_count for version in versions)
    until = time.monotonic() + COUNTING_S
    looked_at = counted = 0
    for version in versions:
        if looked_at and time.monotonic() > until:
            break
        blocks = parsed.newest(version)
        if not blocks:  # it has to be read again first
            continue
        counted += len(chunk(blocks, chosen.recipe, version_id=str(version.pk)))
        looked_at += version.chunk_count
    is_exact = looked_at == now
    passages = round(counted * now / looked_at) if looked_at else now
    each_s = _seconds_each()
    return Cost(
        documents=len(versions),
        passages_now=now,
        passages=passages,
        is_exact=is_exact,
        seconds=None if each_s is None else round(passages * each_s),
        edits=_changed(collection).count(),
    )


def _seconds_each() -> float | None:
    """Seconds that a passage took lately to be embedded and written, of what one may see."""
    spent = 0.0
    for stage in (LedgerEntry.Stage.EMBEDDED, LedgerEntry.Stage.INDEXED):
        lines = LedgerEntry.objects.filter(stage=stage, error_code="", count__gt=0)
        ids = list(lines.order_by("-at").values_list("pk", flat=True)[:SAMPLE])
        sums = LedgerEntry.objects.filter(pk__in=ids).aggregate(took=Sum("took_ms"), n=Sum("count"))
        if not sums["n"]:
            return None
        spent += sums["took"] / sums["n"] / 1000
    return spent


def _changed(collection: Collection) -> QuerySet[PassageEdit]:
    differs = Q(is_disabled=True) | Q(is_added=True) | ~Q(text=F("origin"))
    return PassageEdit.objects.filter(differs, collection=collection, is_dropped=False)


# --- applying -------------------------------------------------------------------------------------
@transaction.atomic
def apply(*, collection: Collection, chosen: Wish) -> int:
    """Cut the documents of a collection like this from now on; how many are cut anew. Those that
    still wait for other settings are taken out of the queue first."""
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)
    Collection.objects.select_for_update().get(pk=collection.pk)
    before = wish_of(collection.pk)
    _keep(collection, chosen, before)
    waiting = IngestRun.objects.filter(
        collection=collection,
        cause=IngestRun.Cause.RECIPE,
        state=IngestRun.State.QUEUED,
        stage=IngestRun.Stage.PARSE,
    )
    waiting.update(state=IngestRun.State.CANCELLED, finished_at=timezone.now())
    runs = _queue(collection, chosen)
    events.record(
        "collection.cutting_changed",
        collection,
        collection_id=collection.pk,
        cutting=values_of(chosen),
    )
    events.announce(collection.pk, {"collection": str(collection.pk)})
    return runs


def undo(*, collection: Collection) -> int:
    """Back to the settings before the last change, also while it is under way."""
    row = CollectionRecipe.objects.filter(collection=collection).first()
    if row is None:
        raise AppError(ErrorCode.CONFLICT, status=409)
    before = wish(**row.previous) if row.previous else usual()
    return apply(collection=collection, chosen=before)


def again(*, collection: Collection) -> int:
    """Queue those that are not cut as the settings say once more."""
    return apply(collection=collection, chosen=wish_of(collection.pk))


def _keep(collection: Collection, chosen: Wish, before: Wish) -> None:
    actor_id = current_scope().actor_id
    person = User.objects.filter(pk=actor_id).first() if actor_id else None
    values = {
        **values_of(chosen),
        "workspace_id": collection.workspace_id,
        "changed_by": str(person) if person else "",
        "changed_at": timezone.now(),
    }
    if chosen != before:
        values["previous"] = values_of(before)
    CollectionRecipe.objects.update_or_create(collection=collection, defaults=values)


def _queue(collection: Collection, chosen: Wish) -> int:
    at_work = IngestRun.objects.filter(
        IngestRun.ACTIVE, collection=collection, stage=IngestRun.Stage.PARSE
    )
    stale = _stale(collection, chosen).exclude(pk__in=at_work.values("version_id"))
    runs = []
    for version in stale.select_related("collection"):
        run = new_run(version, stage=IngestRun.Stage.PARSE)
        run.cause, run.priority = IngestRun.Cause.RECIPE, IngestRun.Priority.UPKEEP
        runs.append(run)
    IngestRun.objects.bulk_create(runs, batch_size=500)
    for run in runs[:SENT_AT_ONCE]:
        JOBS[IngestRun.Stage.PARSE].enqueue(run_id=str(run.pk))
    return len(runs)


# --- looking --------------------------------------------------------------------------------------
def progress(collection: Collection) -> Progress:
    """How far the documents of a collection are from what its settings say."""
    chosen = wish_of(collection.pk)
    counted = _searched(collection).aggregate(
        documents=Count("pk"), done=Count("pk", filter=Q(cut=chosen.cut))
    )
    at_work = IngestRun.objects.filter(
        IngestRun.ACTIVE, collection=collection, cause=IngestRun.Cause.RECIPE
    )
    waiting = _stale(collection, chosen).filter(pk__in=at_work.values("version_id")).count()
    return Progress(**counted, waiting=waiting)


def settings_of(collection: Collection) -> CollectionRecipe | None:
    """The collection's own settings, where it has any."""
    row = CollectionRecipe.objects.filter(collection=collection).first()
    is_usual = row is not None and as_wish(row) == usual() and not row.previous
    return None if is_usual else row


def _searched(collection: Collection) -> QuerySet[DocumentVersion]:
    live = Document.objects.filter(collection=collection, current__isnull=False).values("current")
    return DocumentVersion.objects.filter(pk__in=live)


def _stale(collection: Collection, chosen: Wish) -> QuerySet[DocumentVersion]:
    return _searched(collection).exclude(cut=chosen.cut)
