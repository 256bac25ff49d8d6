"""A page as its text runs: turned upright and straight, and the way back to the page as shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from apps.engines.parsers.ocr.engine import Piece, Point
from apps.rag.ports import Box

# Less is noise of the recognition; more is not a page that was laid down crooked.
_LEAST_SLOPE, _MOST_SLOPE = math.radians(0.2), math.radians(12)


@dataclass(frozen=True, slots=True)
class Frame:
    """``width``, ``height``: of the upright picture in pixels. ``turns``: quarters clockwise that
    the page was turned to stand upright. ``slope``: of its lines, in radians."""

    number: int
    width: float
    height: float
    turns: int = 0
    slope: float = 0.0

    def straight(self, piece: Piece) -> Box:
        """Where a piece stands among the straightened lines, in fractions of the upright page."""
        return self._box([self._rotated(point, -self.slope) for point in piece.corners])

    def shown(self, box: Box) -> Box:
        """A straightened box on the page as a reader sees it."""
        xs, ys = (
            (box.x0 * self.width, box.x1 * self.width),
            (
                box.y0 * self.height,
                box.y1 * self.height,
            ),
        )
        upright = self._box([self._rotated((x, y), self.slope) for x in xs for y in ys])
        return _turned_back(upright, self.turns)

    def _rotated(self, point: Point, angle: float) -> Point:
        x, y = point[0] - self.width / 2, point[1] - self.height / 2
        sine, cosine = math.sin(angle), math.cos(angle)
        return x * cosine - y * sine + self.width / 2, x * sine + y * cosine + self.height / 2

    def _box(self, points: Sequence[Point]) -> Box:
        xs = [min(max(x / self.width, 0.0), 1.0) for x, _ in points]
        ys = [min(max(y / self.height, 0.0), 1.0) for _, y in points]
        edges = (min(xs), min(ys), max(xs), max(ys))
        return Box(self.number, *(round(edge, 4) for edge in edges))


def slope_of(pieces: Sequence[Piece]) -> float:
    """How far the lines of a page fall from left to right; 0 where that is not worth a thought."""
    long = [piece for piece in pieces if piece.width > 6 * piece.height]
    if not long:
        return 0.0
    slope = median(
        math.atan2(
            piece.corners[1][1] - piece.corners[0][1], piece.corners[1][0] - piece.corners[0][0]
        )
        for piece in long
    )
    return slope if _LEAST_SLOPE < abs(slope) < _MOST_SLOPE else 0.0


def _turned_back(box: Box, turns: int) -> Box:
    """A box of a page that was turned clockwise, on the page before that."""
    x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
    for _ in range(turns % 4):
        x0, y0, x1, y1 = y0, 1 - x1, y1, 1 - x0
    return Box(box.page, *(round(edge, 4) for edge in (x0, y0, x1, y1)))
