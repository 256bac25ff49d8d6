"""What changed between two versions of a document, block by block and word by word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.documents.models import DocumentVersion
from apps.documents.queries import blocks_of
from apps.rag.ports import Block

# Words, single characters of scripts without spaces, and what is between.
_TOKEN = re.compile(r"[^\W\u2e80-\u9fff\uf900-\ufaff\uac00-\ud7af]+|\s+|.", re.DOTALL)
# Blocks that did not change beside those that did.
AROUND = 1
MOST_BLOCKS = 5000
# A longer block is shown as a whole, old and new: comparing takes time with the square.
LONGEST = 4000
_ALIKE = 0.4


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of text: "same", "gone" or "new"."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One block as it was and as it is. ``skipped``: so many unchanged blocks are left out here."""

    kind: str
    stretches: tuple[Stretch, ...] = ()
    page: int | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """``is_cut``: only the beginning of the versions was compared."""

    rows: tuple[Row, ...]
    added: int
    removed: int
    changed: int
    is_cut: bool

    @property
    def is_same(self) -> bool:
        return not (self.added or self.removed or self.changed)


def compare(old: DocumentVersion, new: DocumentVersion) -> Comparison:
    """The text of two versions beside each other, unchanged parts left out."""
    before, after = blocks_of(old), blocks_of(new)
    is_cut = max(len(before), len(after)) > MOST_BLOCKS
    rows = list(_rows(before[:MOST_BLOCKS], after[:MOST_BLOCKS]))
    kinds = [row.kind for row in rows]
    return Comparison(
        rows=tuple(_folded(rows)),
        added=kinds.count("new"),
        removed=kinds.count("gone"),
        changed=kinds.count("changed"),
        is_cut=is_cut,
    )


def _rows(before: Sequence[Block], after: Sequence[Block]) -> Iterator[Row]:
    matcher = SequenceMatcher(
        None, [_plain(one) for one in before], [_plain(one) for one in after], autojunk=False
    )
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            yield from (_whole(block, "same") for block in after[b0:b1])
        else:
            yield from _replaced(before[a0:a1], after[b0:b1])


def _replaced(before: Sequence[Block], after: Sequence[Block]) -> Iterator[Row]:
    """Blocks in the place of others: those that are alike are pairs, in order."""
    waiting = list(before)
    for block in after:
        at = next((n for n, old in enumerate(waiting[:20]) if _alike(old.text, block.text)), None)
        if at is None:
            yield _whole(block, "new")
            continue
        yield from (_whole(old, "gone") for old in waiting[:at])
        yield Row("changed", tuple(_words(waiting[at].text, block.text)), block.page)
        del waiting[: at + 1]
    yield from (_whole(old, "gone") for old in waiting)


def _alike(old: str, new: str) -> bool:
    if max(len(old), len(new)) > LONGEST:
        return False
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE + 0.1


def _words(old: str, new: str) -> Iterator[Stretch]:
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Stretch("".join(after[b0:b1]), "same")
            continue
        if a1 > a0:
            yield Stretch("".join(before[a0:a1]), "gone")
        if b1 > b0:
            yield Stretch("".join(after[b0:b1]), "new")


def _whole(block: Block, kind: str) -> Row:
    return Row(kind, (Stretch(block.text, kind),), block.page)


def _plain(block: Block) -> str:
    return " ".join(block.text.split())


def _folded(rows: Sequence[Row]) -> Iterator[Row]:
    """Unchanged rows only beside changed ones; the others as their number."""
    changed = [at for at, row in enumerate(rows) if row.kind != "same"]
    near = {at + step for at in changed for step in range(-AROUND, AROUND + 1)}
    skipped = 0
    for at, row in enumerate(rows):
        if at not in near:
            skipped += 1
            continue
        if skipped:
            yield Row("skipped", skipped=skipped)
            skipped = 0
        yield row
    if skipped:
        yield Row("skipped", skipped=skipped)
