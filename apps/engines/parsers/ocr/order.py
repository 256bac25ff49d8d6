"""The order in which lines of a page are read: columns one after the other, rows across."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from apps.engines.parsers.ocr.engine import Piece
from apps.rag.ports import Box

# Prose, not cells of a table: so many lines on either side, so wide, and most of them full.
_LEAST_LINES, _LEAST_WIDTH, _FULL = 4, 0.2, 0.7
# What runs across both columns (titles, figures' captions): at most this share of the lines.
_MOST_ACROSS = 0.35
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece with its place on the straightened page."""

    piece: Piece
    box: Box


def in_reading_order(placed: Sequence[Placed]) -> list[Placed]:
    """Where a gutter parts two columns of prose, the left one before the right one, between the
    lines that run across both; elsewhere row by row."""
    gutter = _gutter(placed)
    if gutter is None:
        return _by_rows(placed)
    ordered: list[Placed] = []
    left: list[Placed] = []
    right: list[Placed] = []
    for each in sorted(placed, key=lambda one: one.box.y0):
        if each.box.x1 <= gutter:
            left.append(each)
        elif each.box.x0 >= gutter:
            right.append(each)
        else:
            ordered += [*in_reading_order(left), *in_reading_order(right), each]
            left, right = [], []
    return [*ordered, *in_reading_order(left), *in_reading_order(right)]


def _gutter(placed: Sequence[Placed]) -> float | None:
    """Where two columns part, or None: the place that fewest lines run across."""
    found = []
    for at in sorted({each.box.x0 for each in placed}):
        left = [each.box for each in placed if each.box.x1 <= at]
        right = [each.box for each in placed if each.box.x0 >= at]
        across = 1 - (len(left) + len(right)) / len(placed)
        if across <= _MOST_ACROSS and _is_prose(left) and _is_prose(right):
            found.append((across, abs(at - 0.5), at))
    return min(found)[2] if found else None


def _is_prose(boxes: Sequence[Box]) -> bool:
    if len(boxes) < _LEAST_LINES:
        return False
    width = max(box.x1 for box in boxes) - min(box.x0 for box in boxes)
    return width >= _LEAST_WIDTH and median(box.x1 - box.x0 for box in boxes) >= _FULL * width


def _by_rows(placed: Sequence[Placed]) -> list[Placed]:
    rows: list[list[Placed]] = []
    for each in sorted(placed, key=lambda one: one.box.y0 + one.box.y1):
        if rows and _is_beside(rows[-1], each.box):
            rows[-1].append(each)
        else:
            rows.append([each])
    return [each for row in rows for each in sorted(row, key=lambda one: one.box.x0)]


def _is_beside(row: Sequence[Placed], box: Box) -> bool:
    """In the same row: most of its height is that of the last one, and none is above another."""
    last = row[-1].box
    overlap = min(last.y1, box.y1) - max(last.y0, box.y0)
    least = min(last.y1 - last.y0, box.y1 - box.y0)
    is_free = all(each.box.x1 <= box.x0 + 0.01 or each.box.x0 >= box.x1 - 0.01 for each in row)
    return is_free and overlap > _OVERLAP * least
