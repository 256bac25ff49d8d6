"""The text of a version as its page shows it, with the cited passage marked to the sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from apps.documents.models import DocumentVersion
from apps.documents.queries import blocks_of
from apps.rag.ports import Block, BlockKind
from apps.rag.sentences import sentence_spans

# Beyond this a browser is slow; the original can be downloaded.
MOST_BLOCKS = 5000
# A shorter sentence ("Yes.") may stand anywhere and proves nothing.
SHORTEST = 4
# Blocks of one passage stand together; a block between them may have been dropped from the text.
GAP = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a block that is in the cited passage, or is not."""

    text: str
    is_cited: bool


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A block in the words of a template. ``rows`` are the cells of a table."""

    kind: str
    level: int
    pieces: tuple[Piece, ...]
    rows: tuple[tuple[tuple[str, ...], bool], ...] = ()

    @property
    def is_cited(self) -> bool:
        return any(piece.is_cited for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Part:
    """The blocks of one page or sheet."""

    page: int | None
    sheet: str
    blocks: tuple[ShownBlock, ...]


@dataclass(frozen=True, slots=True)
class Text:
    parts: tuple[Part, ...]
    is_cut: bool

    def __bool__(self) -> bool:
        return bool(self.parts)


def text_of(version: DocumentVersion, passage: str) -> Text:
    """What was read from a version; sentences of ``passage`` are marked where it stands."""
    blocks = blocks_of(version)
    shown = _shown(blocks[:MOST_BLOCKS], _plain(passage))
    parts = [
        Part(page, sheet, tuple(block for _, block in some))
        for (page, sheet), some in groupby(
            zip(blocks, shown, strict=False), key=lambda pair: (pair[0].page, pair[0].sheet)
        )
    ]
    return Text(tuple(parts), is_cut=len(blocks) > MOST_BLOCKS)


def _shown(blocks: Sequence[Block], wanted: str) -> list[ShownBlock]:
    marked = [_block(block, wanted) for block in blocks]
    if not wanted:
        return marked
    kept = _together(marked)
    return [
        block if at in kept or not block.is_cited else _block(blocks[at], "")
        for at, block in enumerate(marked)
    ]


def _block(block: Block, wanted: str) -> ShownBlock:
    pieces = tuple(_pieces(block, wanted))
    level = min(4, max(2, block.level + 1))
    rows: tuple[tuple[tuple[str, ...], bool], ...] = ()
    if block.kind == BlockKind.TABLE:
        rows = tuple((_cells(piece.text), piece.is_cited) for piece in pieces)
    return ShownBlock(str(block.kind), level, pieces, rows)


def _pieces(block: Block, wanted: str) -> list[Piece]:
    if block.kind == BlockKind.TITLE:  # a passage has its titles beside its text, not in it
        return [Piece(block.text, _plain(block.text) == wanted)]
    if block.kind in {BlockKind.TABLE, BlockKind.CODE}:
        return [Piece(line, _is_in(line, wanted)) for line in block.text.splitlines()]
    ends = [end for _start, end in sentence_spans(block.text)]
    stretches: list[Piece] = []
    start = 0
    for end in [*ends[:-1], len(block.text)]:
        text = block.text[start:end]
        is_cited = _is_in(text, wanted)
        if stretches and stretches[-1].is_cited == is_cited:
            text = stretches.pop().text + text
        stretches.append(Piece(text, is_cited))
        start = end
    return stretches


def _is_in(text: str, wanted: str) -> bool:
    plain = _plain(text)
    return bool(wanted) and ((len(plain) >= SHORTEST and plain in wanted) or wanted in plain)


def _together(blocks: Sequence[ShownBlock]) -> frozenset[int]:
    """The neighbouring marked blocks with most marked text: a heading or a phrase may stand in
    many places, a passage in one."""
    runs: list[list[int]] = []
    for at, block in enumerate(blocks):
        if not block.is_cited:
            continue
        if runs and at - runs[-1][-1] <= GAP:
            runs[-1].append(at)
        else:
            runs.append([at])
    return frozenset(max(runs, key=lambda run: sum(_marked(blocks[at]) for at in run), default=[]))


def _marked(block: ShownBlock) -> int:
    return sum(len(piece.text) for piece in block.pieces if piece.is_cited)


def _cells(line: str) -> tuple[str, ...]:
    divider = "|" if "|" in line else "\t"
    return tuple(cell.strip() for cell in line.strip().strip("|").split(divider))


def _plain(text: str) -> str:
    """Without spaces: the passage was joined from lines, the block was not."""
    return "".join(text.split())
