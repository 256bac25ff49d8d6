"""Blocks into chunks: by section, page and sentence, never above the size of the recipe.

The size counts estimated tokens (``apps.rag.tokens``) of ``Chunk.text``; the titles above it cost
up to 64 more in ``Chunk.embed_text``. There is no tolerance: a sentence or table row that is longer
than the size is cut at a clause, a space or a character. Without overlap the texts of all chunks
hold every character of the blocks in order, but for white space, repeated table headers, and titles
(which are in ``headings``). Runs in linear time, about five million characters a second.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from uuid import UUID, uuid5

from apps.rag.language import cjk_share
from apps.rag.outline import Section, sections
from apps.rag.pieces import Piece, first_sentence, pieces_of, rows_of, with_joint
from apps.rag.ports import Block, BlockKind, Box, Chunk, Recipe
from apps.rag.sentences import is_finished
from apps.rag.tokens import HUNDRED, estimate_tokens, weight

__all__ = ["chunk", "estimate_tokens"]

# An unfinished line shorter than this is a caption or a page number, not half a sentence.
_SHORTEST_HALF = 40


@dataclass(frozen=True, slots=True)
class _Draft:
    """A chunk before it has a number."""

    text: str
    page: int | None
    boxes: tuple[Box, ...]


def chunk(blocks: Sequence[Block], recipe: Recipe, *, version_id: str) -> list[Chunk]:
    """Cut the blocks of one version into chunks; the same input gives the same ids.

    Neighbouring blocks of a section share a chunk up to the size. A chunk stays on one page, except
    that a sentence which runs over a page break is finished. Tables are cut between rows, with the
    header in each chunk. A section with several chunks is divided evenly.
    """
    if recipe.size < 1:
        raise ValueError("a chunk needs a size of at least one token")
    namespace = UUID(version_id)
    drafts = [
        (section.headings, draft)
        for section in sections(blocks, has_paths=recipe.headings)
        for draft in _drafts(section, recipe)
    ]
    return [
        Chunk(
            id=str(uuid5(namespace, f"{recipe}:{ordinal}")),
            ordinal=ordinal,
            text=draft.text,
            page=draft.page,
            headings=headings,
            boxes=draft.boxes,
        )
        for ordinal, (headings, draft) in enumerate(drafts)
    ]


def _drafts(section: Section, recipe: Recipe) -> Iterator[_Draft]:
    budget = recipe.size * HUNDRED
    overlap = min(recipe.overlap * HUNDRED, budget // 2)
    for header, run in _runs(section.blocks, budget):
        room = budget - weight(header + "\n") if header else budget
        for start, end in _cuts(run, room, overlap):
            yield _draft(run[start:end], header)


def _draft(pieces: Sequence[Piece], header: str) -> _Draft:
    text = pieces[0].text + "".join(piece.joint + piece.text for piece in pieces[1:])
    return _Draft(
        text=f"{header}\n{text}" if header else text,
        page=pieces[0].page,
        boxes=tuple(dict.fromkeys(box for piece in pieces for box in piece.boxes)),
    )


def _runs(blocks: Sequence[Block], budget: int) -> Iterator[tuple[str, list[Piece]]]:
    """(table header or "", pieces) that may be put together: of one page, or of one long table."""
    run: list[Piece] = []
    before: Block | None = None
    for block in map(_with_header, blocks):
        begins = 0
        is_long_table = block.kind is BlockKind.TABLE and weight(block.text) > budget
        if before is not None and before.page != block.page:
            begins = _finish_sentence(run, before, block, budget)
        if run and (is_long_table or run[0].page != block.page):
            yield "", run
            run = []
        if is_long_table:
            yield rows_of(block, budget)
        else:
            run.extend(pieces_of(block, budget, start=begins))
        before = block
    if run:
        yield "", run


def _with_header(block: Block) -> Block:
    """A table with its header as the first row, also where the parser kept it apart."""
    header = block.header.strip()
    if block.kind is not BlockKind.TABLE or block.text.lstrip().startswith(header):
        return block
    return replace(block, text=f"{header}\n{block.text}")


def _finish_sentence(run: list[Piece], before: Block, block: Block, budget: int) -> int:
    """Move the end of a sentence from a new page to the run of the old one; how far it reaches."""
    if not run or not _runs_on(before, block):
        return 0
    found = first_sentence(block, budget // 2)
    if found is None:
        return 0
    piece, end = found
    is_spaced = cjk_share(run[-1].text[-1] + piece.text[0]) == 0
    run.append(with_joint(piece, " " if is_spaced else ""))
    return end


def _runs_on(before: Block, block: Block) -> bool:
    """Whether a sentence of the last block goes on in this one, on the next page."""
    if not before.kind is block.kind is BlockKind.TEXT:
        return False
    head = block.text.lstrip()[:1]
    is_continued = head.islower() or cjk_share(head) > 0
    return is_continued and len(before.text) >= _SHORTEST_HALF and not is_finished(before.text)


def _cuts(pieces: Sequence[Piece], budget: int, overlap: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each chunk in a run of pieces, as even as borders allow."""
    costs = _Costs(pieces)
    start = 0
    while start < len(pieces):
        end = costs.furthest(start, budget)
        if end < len(pieces):
            end = costs.best_cut(start, end, budget)
        yield start, end
        if end == len(pieces):
            return
        begin = end
        while begin - 1 > start and costs.between(begin - 1, end) <= overlap:
            begin -= 1
        while begin < end and costs.between(begin, end + 1) > budget:
            begin += 1
        start = begin


class _Costs:
    """What any stretch of a run costs, joints between the pieces included."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.joints = [weight(piece.joint) for piece in pieces]
        steps = (piece.cost + joint for piece, joint in zip(pieces, self.joints, strict=True))
        self.ends = [0, *accumulate(steps)]

    def between(self, start: int, end: int) -> int:
        return self.ends[end] - self.ends[start] - self.joints[start]

    def furthest(self, start: int, budget: int) -> int:
        """The largest end that the budget allows; each piece by itself fits."""
        return bisect_right(self.ends, self.ends[start] + self.joints[start] + budget) - 1

    def best_cut(self, start: int, furthest: int, budget: int) -> int:
        """The border nearest to an even division of what is left; better between two blocks."""
        rest = self.between(start, len(self.pieces))
        even = rest / -(-rest // budget)

        def badness(cut: int) -> float:
            bonus = budget / 4 if self.pieces[cut].is_first else 0
            return abs(self.between(start, cut) - even) - bonus

        return min(range(furthest, start, -1), key=badness)
