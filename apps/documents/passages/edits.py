"""Puts what people made of passages onto the chunks of a version, each time it is cut.

An edit is found again by the text as it was read. So it survives another reading, another recipe
and another version wherever that text is the same; where it is not, the edit waits for a person.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.db.models import F

from apps.documents.models import Chunk, Document, DocumentVersion
from apps.documents.passages.models import PassageEdit

_ROWS_AT_ONCE = 500
# What an edit decides of a chunk.
_SETTLED = ("text", "origin", "edit_id", "is_disabled", "page", "headings")
Place = tuple[str, int]


def key_of(text: str) -> str:
    """The hash of a text without its white space, which readers do not agree on."""
    return hashlib.sha256("".join(text.split()).encode(errors="replace")).hexdigest()


def edits_of(document_id: UUID) -> list[PassageEdit]:
    """The edits of a document that count."""
    return list(PassageEdit.objects.filter(document_id=document_id, is_dropped=False))


def places(rows: Iterable[Chunk]) -> dict[UUID, Place]:
    """(anchor, nth) of each chunk that was read, in their order."""
    seen: Counter[str] = Counter()
    found: dict[UUID, Place] = {}
    for row in rows:
        key = key_of(row.read_text)
        found[row.pk] = (key, seen[key])
        seen[key] += 1
    return found


def settled(
    version: DocumentVersion, rows: Sequence[Chunk], edits: Sequence[PassageEdit], *, cut: str
) -> list[Chunk]:
    """Chunks of one cutting as they were read, in order → as they are: texts edited, some disabled,
    others put in, numbered anew. Changes the rows that it is given."""
    at = places(rows)
    by_place = {(each.anchor, each.nth): each for each in edits if not each.is_added}
    added = _added(edits, frozenset(at.values()), rows)
    whole = [_put_in(version, each, None, cut=cut) for each in added[None]]
    for row in rows:
        edit = by_place.get(at[row.pk])
        read = row.read_text
        row.edit_id = edit.pk if edit else None
        row.text = edit.text if edit else read
        row.origin = read if row.text != read else ""
        row.is_disabled = edit.is_disabled if edit else False
        whole.append(row)
        whole += [_put_in(version, each, row, cut=cut) for each in added[row.pk]]
    for ordinal, row in enumerate(whole):
        row.ordinal = ordinal
    return whole


def _added(
    edits: Iterable[PassageEdit], known: frozenset[Place], rows: Sequence[Chunk]
) -> dict[UUID | None, list[PassageEdit]]:
    """Added passages by the chunk that they stand behind; None is the beginning. One whose
    neighbour is gone stands at the end of its page: what a person wrote is still meant."""
    by_place = {place: pk for pk, place in places(rows).items()}
    found: dict[UUID | None, list[PassageEdit]] = defaultdict(list)
    for edit in sorted(edits, key=lambda each: (each.rank, each.pk)):
        if not edit.is_added:
            continue
        if (edit.anchor, edit.nth) in known:
            found[by_place[edit.anchor, edit.nth]].append(edit)
        elif not edit.anchor or not rows:
            found[None].append(edit)
        else:
            found[_last_until(edit.page, rows)].append(edit)
    return found


def _last_until(page: int | None, rows: Sequence[Chunk]) -> UUID:
    before = [row for row in rows if page is None or row.page is None or row.page <= page]
    return (before or rows)[-1].pk


def _put_in(version: DocumentVersion, edit: PassageEdit, after: Chunk | None, *, cut: str) -> Chunk:
    return Chunk(
        id=uuid5(version.pk, f"{edit.pk}:{cut}"),
        collection_id=version.collection_id,
        document_id=version.document_id,
        version_id=version.pk,
        page=edit.page,
        headings=list(after.headings) if after else [],
        text=edit.text,
        cut=cut,
        edit_id=edit.pk,
        is_disabled=edit.is_disabled,
    )


@dataclass(frozen=True, slots=True)
class Unfit:
    """An edit whose passage is no longer there, and the passage that is most like it now."""

    edit: PassageEdit
    nearest: Chunk | None


def unfit(document: Document) -> list[Unfit]:
    """Edits that make a difference and apply to no passage of the current version."""
    if document.current_id is None:
        return []
    version = DocumentVersion.objects.get(pk=document.current_id)
    rows = Chunk.with_disabled.filter(version=version, cut=version.cut)
    waiting = (
        PassageEdit.objects.filter(document=document, is_dropped=False, is_added=False)
        .exclude(pk__in=rows.filter(edit__isnull=False).values("edit"))
        .order_by("page", "pk")
    )
    found = [edit for edit in waiting if edit.is_changed]
    candidates = list(rows.filter(edit__isnull=True).order_by("ordinal")) if found else []
    return [Unfit(edit, _nearest(edit, candidates)) for edit in found]


def _nearest(edit: PassageEdit, candidates: Sequence[Chunk]) -> Chunk | None:
    """The passage that shares most with the text as it was read; of those that share about as much
    (forms say the same on every page) the one that stands where it stood."""
    wanted = _pairs(edit.origin)
    shares = {row.pk: len(wanted & _pairs(row.text)) / max(len(wanted), 1) for row in candidates}
    enough = max(0.25, 0.85 * max(shares.values(), default=0))
    alike = [row for row in candidates if shares[row.pk] >= enough]
    return min(alike, key=lambda row: abs(row.ordinal - edit.ordinal), default=None)


def _pairs(text: str) -> set[str]:
    plain = "".join(text.split()).casefold()
    return {plain[at : at + 2] for at in range(len(plain) - 1)}


# --- on what is stored ----------------------------------------------------------------------------
def settle(document: Document) -> list[DocumentVersion]:
    """Bring the stored chunks of a document in line with its edits: of the current version, and of
    those on their way to take its place. Returns these versions. Wants the document locked."""
    versions = {version.pk: version for version in _living(document)}
    cuts = Chunk.with_disabled.filter(version__in=versions).order_by()
    edits = edits_of(document.pk)
    for pk, cut in cuts.values_list("version_id", "cut").distinct():
        _settle(versions[pk], cut, edits)
    return list(versions.values())


def _living(document: Document) -> list[DocumentVersion]:
    versions = list(document.versions.all())
    current = next((one.number for one in versions if one.pk == document.current_id), 0)
    return [version for version in versions if version.number >= current]


def _settle(version: DocumentVersion, cut: str, edits: Sequence[PassageEdit]) -> None:
    stored = list(Chunk.with_disabled.filter(version=version, cut=cut).order_by("ordinal"))
    before = {row.pk: (row.ordinal, _state(row)) for row in stored}
    put_in = set(
        PassageEdit.objects.filter(document_id=version.document_id, is_added=True).values_list(
            "pk", flat=True
        )
    )
    read = [row for row in stored if row.edit_id not in put_in]
    whole = settled(version, read, edits, cut=cut)
    _renumber(whole, {pk: ordinal for pk, (ordinal, _) in before.items()})
    for row in whole:
        if row.pk not in before:
            row.save(force_insert=True)
        elif _state(row) != before[row.pk][1]:
            Chunk.with_disabled.filter(pk=row.pk).update(**_state(row))
    Chunk.with_disabled.filter(pk__in=before.keys() - {row.pk for row in whole}).delete()
    if cut == version.cut:
        count = sum(not row.is_disabled for row in whole)
        DocumentVersion.objects.filter(pk=version.pk).update(chunk_count=count)
        version.chunk_count = count


def _state(row: Chunk) -> dict[str, object]:
    return {name: getattr(row, name) for name in _SETTLED}


def _renumber(whole: Sequence[Chunk], before: dict[UUID, int]) -> None:
    """Move rows by the same step together: behind an added passage all move by one."""
    moved: defaultdict[int, list[UUID]] = defaultdict(list)
    for row in whole:
        step = row.ordinal - before.get(row.pk, row.ordinal)
        if step:
            moved[step].append(row.pk)
    for step, pks in moved.items():
        for start in range(0, len(pks), _ROWS_AT_ONCE):
            some = Chunk.with_disabled.filter(pk__in=pks[start : start + _ROWS_AT_ONCE])
            some.update(ordinal=F("ordinal") + step)
