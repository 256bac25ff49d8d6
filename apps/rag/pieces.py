"""Blocks cut into pieces: the smallest parts that the chunker moves around.

A piece is a sentence, a short paragraph, a line of code or a table row; a longer one is cut at a
clause, a space or, last, a character. All sizes here are hundredths of an estimated token.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from apps.rag.ports import Block, BlockKind, Box
from apps.rag.sentences import sentence_spans
from apps.rag.tokens import HUNDRED, running_weights, weight

Span = tuple[int, int]

_CLAUSE = re.compile(r"[，、：；|\t\n—]|[,;:](?=\s)")
_SPACE = re.compile(r"\s")
_LINE = re.compile(r"[^\n]*\S[^\n]*")
# Above this length the boxes of a block are not divided among its pieces.
_LONGEST_DIVIDED = 20_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a block. ``joint`` stands between it and the piece before it in the same chunk."""

    text: str
    joint: str
    cost: int
    page: int | None
    boxes: tuple[Box, ...]
    is_first: bool


def pieces_of(block: Block, budget: int, *, start: int = 0) -> list[Piece]:
    """A block from position ``start`` on as pieces, each within the budget.

    Blocks under a quarter of the budget, and tables that fit, stay whole.
    """
    text = block.text
    spans = _spans(block, budget, start)
    fitting = [part for span in spans for part in _within(text, span, budget)]
    whole = len(fitting) == 1 and start == 0
    pieces: list[Piece] = []
    end = start
    for number, (first, last) in enumerate(fitting):
        part = text[first:last]
        pieces.append(
            Piece(
                text=part,
                joint=_joint(text[end:first]) if number else "\n",
                cost=weight(part),
                page=block.page,
                boxes=block.boxes if whole else boxes_between(block, first, last),
                is_first=number == 0,
            )
        )
        end = last
    return pieces


def rows_of(block: Block, budget: int) -> tuple[str, list[Piece]]:
    """A long table as its header and its rows; budget is for the header and one row together.

    A header that costs more than half the budget is a row like the others. A row is cut only where
    it is longer than the budget by itself.
    """
    header = block.header.strip()
    if weight(header) > budget // 2:
        header = ""
    lines = [found.span() for found in _LINE.finditer(block.text)]
    top = header.count("\n") + 1
    if header and "\n".join(block.text[slice(*line)].strip() for line in lines[:top]) == header:
        del lines[:top]
    room = budget - weight(header + "\n") if header else budget
    pieces: list[Piece] = []
    for line in lines:
        for number, (first, last) in enumerate(_within(block.text, line, room)):
            part = block.text[first:last]
            boxes = boxes_between(block, first, last)
            joint = " " if number else "\n"
            pieces.append(Piece(part, joint, weight(part), block.page, boxes, number == 0))
    return header, pieces


def first_sentence(block: Block, budget: int) -> tuple[Piece, int] | None:
    """The first sentence of a text as a piece, and where it ends; None where it is too long."""
    spans = sentence_spans(block.text[:_LONGEST_DIVIDED])
    if not spans:
        return None
    first, last = spans[0]
    part = block.text[first:last]
    cost = weight(part)
    if cost > budget:
        return None
    piece = Piece(part, "\n", cost, block.page, boxes_between(block, first, last), is_first=True)
    return piece, last


def with_joint(piece: Piece, joint: str) -> Piece:
    return replace(piece, joint=joint, is_first=False)


def boxes_between(block: Block, start: int, end: int) -> tuple[Box, ...]:
    """The boxes of the lines that hold ``text[start:end]``.

    With one box a line the lines are counted. With another number the text is taken to fill the
    boxes evenly, each by its width: right to about a line.
    """
    boxes, text = block.boxes, block.text
    if len(boxes) <= 1 or len(text) > _LONGEST_DIVIDED:
        return boxes
    if text.count("\n") + 1 == len(boxes):
        first, last = text.count("\n", 0, start), text.count("\n", 0, end)
        return boxes[first : last + 1]
    total = sum(max(box.x1 - box.x0, 0.0) for box in boxes) or 1.0
    kept: list[Box] = []
    passed = 0.0
    for box in boxes:
        begins = passed / total * len(text)
        passed += max(box.x1 - box.x0, 0.0)
        if begins < end and passed / total * len(text) > start:
            kept.append(box)
    return tuple(kept) or boxes


def _spans(block: Block, budget: int, start: int) -> Iterable[Span]:
    text = block.text
    rest = text[start:]
    if block.kind is BlockKind.CODE:
        lines = (found.span() for found in _LINE.finditer(text, start))
        return _gathered(lines, shortest=budget // (8 * HUNDRED))
    limit = budget if block.kind is BlockKind.TABLE else budget // 4
    if len(rest) <= limit and weight(rest) <= limit:
        stripped = rest.strip()
        first = start + len(rest) - len(rest.lstrip())
        return [(first, first + len(stripped))] if stripped else []
    spans = ((start + first, start + last) for first, last in sentence_spans(rest))
    return _gathered(spans, shortest=budget // (8 * HUNDRED))


def _gathered(spans: Iterable[Span], shortest: int) -> Iterator[Span]:
    """Neighbouring sentences or lines of a few characters ("No. Yes. Maybe.") as one span."""
    gathered: Span | None = None
    for span in spans:
        if gathered is None:
            gathered = span
        elif span[1] - gathered[0] <= shortest:
            gathered = (gathered[0], span[1])
        else:
            yield gathered
            gathered = span
    if gathered is not None:
        yield gathered


def _within(text: str, span: Span, budget: int) -> Iterator[Span]:
    """A span cut into spans that each fit the budget, at the best border in its second half."""
    start, end = span
    if (end - start) * 100 <= budget or weight(text[start:end]) <= budget:
        yield span
        return
    while start < end:
        cut = _fitting(text, start, end, budget)
        if cut < end:
            cut = _soft_border(text, start, cut)
        if text[start:cut].strip():
            yield start, cut
        start = cut


def _fitting(text: str, start: int, end: int, budget: int) -> int:
    """The furthest end so that ``text[start:end]`` costs at most the budget, at least one on."""
    # No character costs under 5 hundredths, so nothing beyond this window can fit.
    window = text[start : min(end, start + budget // 5 + 1)]
    fitting = 0
    for cost in running_weights(window):
        if cost > budget:
            break
        fitting += 1
    return start + max(1, fitting)


def _soft_border(text: str, start: int, cut: int) -> int:
    middle = start + (cut - start) // 2
    for pattern in (_CLAUSE, _SPACE):
        borders = [found.end() for found in pattern.finditer(text, middle, cut)]
        if borders:
            return borders[-1]
    border = cut
    while border > middle and _is_glued(text[border - 1], text[border]):
        border -= 1
    return border if border > middle else cut


def _is_glued(left: str, right: str) -> bool:
    """Characters that belong together: inside a Latin word or figure, a letter and its accent."""
    is_word = left.isascii() and right.isascii() and left.isalnum() and right.isalnum()
    return is_word or bool(unicodedata.combining(right))


def _joint(gap: str) -> str:
    """What stands between two pieces of one block: its white space, shortened."""
    if "\n" in gap:
        return "\n" * min(2, gap.count("\n"))
    return " " if gap else ""
