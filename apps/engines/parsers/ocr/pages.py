"""Pictures of pages to lines: turned upright, straightened, in reading order, with confidence."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from PIL import Image

from apps.engines.parsers.ocr.engine import Piece, recognise
from apps.engines.parsers.ocr.frame import Frame, slope_of
from apps.engines.parsers.ocr.order import Placed, in_reading_order
from apps.engines.parsers.ocr.remembered import Seen, once
from apps.engines.parsers.pdf.pdf_lines import Cell, Line, joined_lines
from apps.rag.ports import Block

# Pixels of the longer side: about 170 an inch on A4. More costs time and reads no better.
LONGEST_SIDE = 2000
# A page whose lines read worse than this may lie on its side or upside down.
_DOUBTFUL = 0.75
_TALL = 1.5
# A picture longer than so many widths, as of a whole conversation, is read in parts.
_LONGEST_SHAPE = 2.4
_PART = 1.5
_MOST_PIXELS = 24_000_000
# Heights of one size of type differ by the letters in a line.
_SAME_SIZE = (0.72, 1.3)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The lines of a page in reading order, and the way back to the page as it is shown."""

    lines: list[Line]
    frame: Frame

    @property
    def length(self) -> int:
        return sum(len(line.text) for line in self.lines)


def recognised(picture: Image.Image, number: int) -> Recognised:
    """The page that is shown as ``picture``, whichever way its text runs."""
    seen = once(picture, _upright)
    frame = Frame(number, seen.width, seen.height, seen.turns, slope_of(seen.pieces))
    placed = in_reading_order([Placed(piece, frame.straight(piece)) for piece in seen.pieces])
    lines = joined_lines(_line(each, frame) for each in placed)
    return Recognised(_even(lines), frame)


def shown(blocks: Sequence[Block], frames: dict[int, Frame]) -> list[Block]:
    """Blocks with their boxes where a reader sees them."""
    return [
        replace(
            block,
            boxes=tuple(
                frames[box.page].shown(box) if box.page in frames else box for box in block.boxes
            ),
        )
        for block in blocks
    ]


def _upright(picture: Image.Image) -> Seen:
    """The picture turned so that its text reads best, and what it says."""
    pieces = _pieces(picture)
    turns = _turns(picture) if _is_doubtful(pieces) else 0
    if not turns:
        return Seen(0, *picture.size, pieces)
    turned = picture.transpose(_TURNS[turns])
    return Seen(turns, *turned.size, _pieces(turned))


def _turns(picture: Image.Image) -> int:
    """Quarters clockwise that bring the text upright, judged by the middle of the page."""
    width, height = picture.size
    middle = picture.crop((width // 4, height // 4, width - width // 4, height - height // 4))
    read = {0: recognise(middle)}
    for turns, way in _TURNS.items():
        read[turns] = recognise(middle.transpose(way))
        if read[turns] and not _is_doubtful(read[turns]):
            return turns
    best = max(read, key=lambda turns: _worth(read[turns]))
    return best if _worth(read[best]) > 1.1 * _worth(read[0]) else 0


_TURNS = {
    1: Image.Transpose.ROTATE_270,  # Pillow turns counter-clockwise
    3: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
}


def _is_doubtful(pieces: Sequence[Piece]) -> bool:
    """Whether a page may not stand upright: it reads badly, or its lines run down."""
    if not pieces:
        return False
    length = sum(len(piece.text) for piece in pieces)
    tall = sum(len(piece.text) for piece in pieces if _runs_down(piece))
    return _worth(pieces) < _DOUBTFUL * length or tall > 0.5 * length


def _runs_down(piece: Piece) -> bool:
    xs, ys = ([corner[axis] for corner in piece.corners] for axis in (0, 1))
    return max(ys) - min(ys) > _TALL * (max(xs) - min(xs))


def _worth(pieces: Sequence[Piece]) -> float:
    return sum(len(piece.text) * piece.confidence for piece in pieces)


def _pieces(picture: Image.Image) -> list[Piece]:
    """What a picture says. A long one is cut where it is emptiest, so that it need not be shrunk."""
    if picture.height <= _LONGEST_SHAPE * picture.width:
        return recognise(picture)
    found = []
    for top, part in _parts(picture):
        for piece in recognise(part):
            a, b, c, d = ((x, y + top) for x, y in piece.corners)
            found.append(replace(piece, corners=(a, b, c, d)))
    return found


def _parts(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    step = int(_PART * picture.width)
    busy = np.asarray(picture.convert("L"), dtype=np.float32).std(axis=1)
    top = 0
    while top < picture.height:
        end = top + step
        if end < picture.height:
            search = busy[end - step // 4 : end]
            # The lowest of the emptiest rows.
            end -= int(np.argmin(search[::-1]))
        bottom = min(end, picture.height)
        yield top, picture.crop((0, top, picture.width, bottom))
        top = bottom


def _line(placed: Placed, frame: Frame) -> Line:
    box, piece = placed.box, placed.piece
    return Line(
        cells=(Cell(piece.text.strip(), box.x0, box.x1),),
        box=box,
        size=piece.height / frame.height,
        em=piece.height / frame.width,
        weight=0,
        confidence=piece.confidence,
    )


def _even(lines: Sequence[Line]) -> list[Line]:
    """Lines of about one height are of one size: else each would begin a paragraph."""
    if not lines:
        return []
    usual = median(line.size for line in lines for _ in range(len(line.text)))
    ratio = lines[0].em / lines[0].size
    evened = []
    for line in lines:
        share = line.size / usual
        share = 1.0 if _SAME_SIZE[0] < share < _SAME_SIZE[1] else round(share * 3) / 3
        size = usual * max(share, 1 / 3)
        evened.append(replace(line, size=size, em=size * ratio))
    return evened


def fitted(width: float, height: float) -> float:
    """By how much a page is scaled to be read: its longer side, of a long one its width."""
    side = max(width, min(height, _LONGEST_SHAPE * width), 1e-6)
    most = math.sqrt(_MOST_PIXELS / max(width * height, 1e-6))
    return min(LONGEST_SIDE / side, most)
