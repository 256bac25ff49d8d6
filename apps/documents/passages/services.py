"""Verbs on passages: edit, disable, enable, add, take back; and what no longer fits.

Each names the ``number`` of changes that its author saw (0: never changed). Whoever comes second is
refused with PASSAGE_CHANGED and told what the other one wrote. What is changed counts in SQL at
once; a leased run brings the index in line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.documents.passages import cutting, edits
from apps.documents.passages.models import PassageChange, PassageEdit
from apps.documents.passages.recipes import wish_of
from apps.events import services as events
from apps.permissions.scope import current_scope
from apps.rag.tokens import estimate_tokens

Action = PassageChange.Action
LONGEST = 8_000
# What the embedding model reads of a passage at least, beside its headings.
LEAST_MOST_TOKENS = 440
MOST_ADDED = 2_000
_RUNNING_ON = (IngestRun.Stage.EMBED, IngestRun.Stage.PUBLISH)


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of an edit, as its history keeps it."""

    action: str
    before: str


# --- verbs ----------------------------------------------------------------------------------------
def edit(*, document: Document, chunk_id: UUID, text: str, number: int) -> PassageEdit:
    """Give a passage another text. Raises DoesNotExist, AppError PASSAGE_CHANGED (409),
    PASSAGE_EMPTY or PASSAGE_TOO_LONG (422)."""
    wanted = _checked(text, document)
    with _changing(document) as held:
        found = _edit_of(held, chunk_id, number)
        if found.text == wanted:
            return found
        step = _Step(Action.EDITED, found.text)
        found.text = wanted
        return _keep(held, found, step)


def enable(*, document: Document, chunk_id: UUID, is_enabled: bool, number: int) -> PassageEdit:
    """Take a passage out of every search and answer at once, or bring it back."""
    with _changing(document) as held:
        found = _edit_of(held, chunk_id, number)
        if found.is_disabled is not is_enabled:
            return found
        found.is_disabled = not is_enabled
        action = Action.ENABLED if is_enabled else Action.DISABLED
        return _keep(held, found, _Step(action, found.text))


def change(
    *,
    document: Document,
    chunk_id: UUID,
    number: int,
    text: str | None = None,
    is_enabled: bool | None = None,
) -> None:
    """Both at once, or one of them: what is left out stays."""
    with transaction.atomic():
        if text is not None:
            made = edit(document=document, chunk_id=chunk_id, text=text, number=number)
            number = made.number
        if is_enabled is not None:
            enable(document=document, chunk_id=chunk_id, is_enabled=is_enabled, number=number)


def add(
    *, document: Document, after: UUID | None, text: str, page: int | None = None
) -> PassageEdit:
    """Put a passage of one's own behind another one; None is the beginning."""
    wanted = _checked(text, document)
    with _changing(document) as held:
        if (
            PassageEdit.objects.filter(document=held, is_added=True, is_dropped=False).count()
            >= MOST_ADDED
        ):
            raise AppError(ErrorCode.TOO_MANY_PASSAGES, status=422, most=MOST_ADDED)
        anchor, nth, rank, beside = _behind(held, after)
        found = PassageEdit(
            collection_id=held.collection_id,
            document=held,
            anchor=anchor,
            nth=nth,
            rank=rank,
            text=wanted,
            page=page if page is not None else beside,
            is_added=True,
        )
        return _keep(held, found, _Step(Action.ADDED, ""))


def revert(*, document: Document, chunk_id: UUID, number: int, to: int = 0) -> PassageEdit | None:
    """Back to how it was read (``to`` 0), or as it was after an earlier change. An added passage
    that goes back to 0 is removed: None."""
    with _changing(document) as held:
        found = _edit_of(held, chunk_id, number)
        step = _Step(Action.REVERTED, found.text)
        if to:
            found.text = found.changes.get(number=to).after
        elif found.is_added:
            found.is_dropped = True
        else:
            found.text, found.is_disabled = found.origin, False
        kept = _keep(held, found, step)
        return None if kept.is_dropped else kept


def carry_over(*, document: Document, edit_id: UUID, chunk_id: UUID, number: int) -> PassageEdit:
    """Apply an edit that no longer fits to the passage that stands in its place now."""
    with _changing(document) as held:
        found = _checked_number(
            PassageEdit.objects.get(pk=edit_id, document=held, is_dropped=False), number
        )
        target = _current_chunk(held, chunk_id)
        if target.edit_id and _added(held).filter(pk=target.edit_id).exists():
            raise Chunk.DoesNotExist  # it was never read, so nothing can stand in its place
        if target.edit_id and target.edit_id != found.pk:
            _drop(PassageEdit.objects.get(pk=target.edit_id, document=held))
        found.anchor, found.nth = _place(held, target)
        step = _Step(Action.MOVED, found.text)
        if found.text == found.origin:  # it only disabled: what it disables now is the new text
            found.text = target.read_text
        found.origin, found.page = target.read_text, target.page
        return _keep(held, found, step)


def give_up(*, document: Document, edit_id: UUID, number: int) -> None:
    """An edit that no longer fits is not wanted any more. Its history stays."""
    with _changing(document) as held:
        found = _checked_number(
            PassageEdit.objects.get(pk=edit_id, document=held, is_dropped=False), number
        )
        found.is_dropped = True
        _keep(held, found, _Step(Action.DROPPED, found.text))


def settle(*, document: Document, edit_id: UUID, chunk_id: UUID | None, number: int) -> None:
    """What becomes of an edit that no longer fits; without a passage it is given up."""
    if chunk_id is None:
        give_up(document=document, edit_id=edit_id, number=number)
    else:
        carry_over(document=document, edit_id=edit_id, chunk_id=chunk_id, number=number)


# --- how ------------------------------------------------------------------------------------------
@contextmanager
def _changing(document: Document) -> Iterator[Document]:
    """The document, locked: its passages are changed by one person at a time."""
    current_scope().require_write(document.collection_id)
    with transaction.atomic():
        yield Document.objects.select_for_update().get(pk=document.pk)


def _current(held: Document) -> DocumentVersion:
    if held.current_id is None:
        raise Chunk.DoesNotExist
    return DocumentVersion.objects.get(pk=held.current_id)


def _current_chunk(held: Document, chunk_id: UUID) -> Chunk:
    version = _current(held)
    return Chunk.with_disabled.get(pk=chunk_id, version=version, cut=version.cut)


def _edit_of(held: Document, chunk_id: UUID, number: int) -> PassageEdit:
    """The edit of a passage; a new one where nobody changed it yet."""
    chunk = _current_chunk(held, chunk_id)
    known = PassageEdit.objects.filter(pk=chunk.edit_id).first() if chunk.edit_id else None
    if known is None:
        anchor, nth = _place(held, chunk)
        known = PassageEdit(
            collection_id=held.collection_id,
            document=held,
            anchor=anchor,
            nth=nth,
            origin=chunk.text,
            text=chunk.text,
            page=chunk.page,
            ordinal=chunk.ordinal,
        )
    return _checked_number(known, number)


def _checked_number(found: PassageEdit, number: int) -> PassageEdit:
    if found.number == number:
        return found
    raise AppError(
        ErrorCode.PASSAGE_CHANGED,
        status=409,
        text=found.text,
        is_disabled=found.is_disabled,
        number=found.number,
        by=found.changed_by,
        at=found.changed_at.isoformat(timespec="seconds"),
    )


def _read_rows(held: Document) -> list[Chunk]:
    """Everything that was read of the current version, in order, without what was added."""
    version = _current(held)
    rows = Chunk.with_disabled.filter(version=version, cut=version.cut).order_by("ordinal")
    put_in = set(_added(held).values_list("pk", flat=True))
    return [row for row in rows.defer("boxes") if row.edit_id not in put_in]


def _added(held: Document) -> QuerySet[PassageEdit]:
    return PassageEdit.objects.filter(document=held, is_added=True)


def _place(held: Document, chunk: Chunk) -> edits.Place:
    return edits.places(_read_rows(held))[chunk.pk]


def _behind(held: Document, after: UUID | None) -> tuple[str, int, float, int | None]:
    """(anchor, nth, rank, page) of a place behind a passage."""
    if after is None:
        return "", 0, _rank("", 0, held, above=None), None
    chunk = _current_chunk(held, after)
    beside = _added(held).filter(pk=chunk.edit_id).first() if chunk.edit_id else None
    if beside is not None:
        rank = _rank(beside.anchor, beside.nth, held, above=beside.rank)
        return beside.anchor, beside.nth, rank, beside.page
    anchor, nth = _place(held, chunk)
    return anchor, nth, _rank(anchor, nth, held, above=None), chunk.page


def _rank(anchor: str, nth: int, held: Document, *, above: float | None) -> float:
    """Between the one above and the next of those that were added in one place."""
    rows = _added(held).filter(anchor=anchor, nth=nth, is_dropped=False)
    below = rows.order_by("rank")
    if above is not None:
        below = below.filter(rank__gt=above)
    following: float | None = below.values_list("rank", flat=True).first()
    if following is None:
        return 0.0 if above is None else above + 1
    return following - 1 if above is None else (above + following) / 2


def _drop(other: PassageEdit) -> None:
    """What another edit takes the place of is given up, and stays in the history."""
    step = _Step(Action.DROPPED, other.text)
    other.is_dropped = True
    _record(other, step)


def _keep(held: Document, found: PassageEdit, step: _Step) -> PassageEdit:
    """Save an edit with its history, settle the chunks, and queue what the index needs."""
    _record(found, step)
    for version in edits.settle(held):
        _queue(held, version)
    events.record("passage.changed", held, name=held.name, action=str(step.action))
    events.announce(held.collection_id, {"document": str(held.pk)})
    return found


def _record(found: PassageEdit, step: _Step) -> None:
    actor_id = current_scope().actor_id
    person = User.objects.filter(pk=actor_id).first() if actor_id else None
    found.number += 1
    found.changed_by = str(person) if person else ""
    found.changed_at = timezone.now()
    found.save()
    PassageChange.objects.create(
        collection_id=found.collection_id,
        document_id=found.document_id,
        edit=found,
        number=found.number,
        action=step.action,
        before=step.before,
        after="" if found.is_dropped else found.text,
        actor=person,
        by=found.changed_by,
        at=found.changed_at,
    )


def _queue(held: Document, version: DocumentVersion) -> None:
    """A version that is searched, or that is being indexed with what it held before."""
    is_running = version.runs.filter(state=IngestRun.State.RUNNING, stage__in=_RUNNING_ON)
    if version.pk == held.current_id or is_running.exists():
        cutting.queue_again(version, IngestRun.Stage.EMBED, cause=IngestRun.Cause.EDIT)


def _checked(text: str, document: Document) -> str:
    # A lone surrogate is no character, and NUL cannot be stored.
    plain = text.encode(errors="replace").decode().replace("\x00", "").replace("\r\n", "\n").strip()
    if not plain:
        raise AppError(ErrorCode.PASSAGE_EMPTY, status=422, field="text")
    most = most_tokens(document.collection_id)
    tokens = estimate_tokens(plain[: LONGEST + 1])
    if tokens > most or len(plain) > LONGEST:
        raise AppError(
            ErrorCode.PASSAGE_TOO_LONG, status=422, field="text", most=most, tokens=tokens
        )
    return plain


def most_tokens(collection_id: UUID) -> int:
    """How long a passage may become: what is cut off at the end would not be found."""
    return max(LEAST_MOST_TOKENS, wish_of(collection_id).recipe.size)
