"""Lines of a PDF page with their cells, boxes and type size, as PDFium sees them."""

import ctypes
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
from pypdfium2 import raw

from apps.rag.ports import Box

# A gap wider than this many line heights stands between two table cells: of figures, of words.
CELL_GAP, WORD_CELL_GAP = 1.2, 2.0
# A wider one than usual between words, which may stand between cells where columns say so.
LOOSE_GAP = 0.4
_FIGURE_MARKS = frozenset("$¥€£(-–—%")
_SAME_BASE = 0.7
_SCRIPT = 0.85
_LONGEST_CELL = 60
_GRID = 1_000_000
_BEFORE = frozenset({"$", "¥", "€", "£", "(", "$ (", "$("})
_AFTER = frozenset({"%", ")", ")%"})
_TRAILING = (" $", " ¥", " €", " £")
# PDFium marks a hyphen at a line end and gives no line break after it.
_HYPHENS = "\x02\ufffe"
_LINE_END = re.compile(f"\r\n|(?<=[{_HYPHENS}])")

# left, bottom, right, top in points, from the bottom left corner
Rect = tuple[float, float, float, float]
Glyph = tuple[str, Rect]


class ToBox:
    """From points to fractions of the page as it is shown: cropped and turned."""

    def __init__(self, page: pdfium.PdfPage, number: int) -> None:
        self._number = number
        corners = (_shown(page, x, y) for x, y in ((0, 0), (1000, 0), (0, 1000)))
        self._origin, right, up = corners
        self._x = tuple((right[i] - self._origin[i]) / 1000 for i in (0, 1))
        self._y = tuple((up[i] - self._origin[i]) / 1000 for i in (0, 1))
        # How much of the page one point is, across and down.
        self.across = abs(self._x[0]) or abs(self._y[0])
        self.down = abs(self._y[1]) or abs(self._x[1])

    def __call__(self, rect: Rect) -> Box:
        points = [self._point(x, y) for x in rect[::2] for y in rect[1::2]]
        xs, ys = ([min(max(point[i], 0.0), 1.0) for point in points] for i in (0, 1))
        edges = (min(xs), min(ys), max(xs), max(ys))
        return Box(self._number, *(round(edge, 4) for edge in edges))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        across = self._origin[0] + self._x[0] * x + self._y[0] * y
        return across, self._origin[1] + self._x[1] * x + self._y[1] * y


def _shown(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
    return across.value / _GRID, down.value / _GRID


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a line that stands apart from the others; positions in fractions of the width.
    ``pieces``: its words where some are further from one another than words usually are."""

    text: str
    x0: float
    x1: float
    pieces: tuple["Cell", ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text. The height of its type is given in fractions of the page's height
    (``size``) and of its width (``em``), since positions are. ``confidence`` is of text that was
    recognised in a picture; None: it was read."""

    cells: tuple[Cell, ...]
    box: Box
    size: float
    em: float
    weight: int
    confidence: float | None = None

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def is_row(self) -> bool:
        """Cells of a table, rather than pieces of prose that stand side by side."""
        return len(self.cells) > 1 and min(len(cell.text) for cell in self.cells) <= _LONGEST_CELL


def lines_of(page: pdfium.PdfPage, number: int) -> list[Line]:
    """The lines of a page in the order of its content; pieces of one base line are joined."""
    text_page = page.get_textpage()
    try:
        return joined_lines(_pieces(text_page, ToBox(page, number)))
    finally:
        text_page.close()


def joined_lines(pieces: Iterable[Line]) -> list[Line]:
    """Pieces in reading order, those of one base line joined to one line."""
    found: list[Line] = []
    for line in pieces:
        if found and _on_one_base(found[-1], line):
            found[-1] = _joined(found[-1], line)
        else:
            found.append(line)
    return found


def _pieces(text_page: pdfium.PdfTextPage, to_box: ToBox) -> Iterator[Line]:
    for start, text in _raw_lines(text_page):
        glyphs = list(_glyphs(text_page, start, text))
        if any(char.strip() for char, _ in glyphs):
            yield _line(text_page, start, glyphs, to_box)


def _raw_lines(text_page: pdfium.PdfTextPage) -> Iterator[tuple[int, str]]:
    """(index of the first unit, text) of each line, in PDFium's UTF-16 text."""
    text = text_page.get_text_range(errors="surrogatepass")
    start = units = 0
    for end, following in [*(m.span() for m in _LINE_END.finditer(text)), (len(text), len(text))]:
        line = text[start:end]
        if line.strip():
            lead = len(line) - len(line.lstrip())
            yield units + lead, line.strip()
        units += _units(text[start:following])
        start = following


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)


def _glyphs(text_page: pdfium.PdfTextPage, start: int, text: str) -> Iterator[Glyph]:
    """Each character with its rectangle; what PDFium made up itself has none and is a space."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    unit = start
    for char in text:
        index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, unit)
        unit += _units(char)
        if char.isspace():
            yield " ", (0.0, 0.0, 0.0, 0.0)
        elif index >= 0 and raw.FPDFText_GetCharBox(text_page, index, left, right, bottom, top):
            yield (
                "-" if char in _HYPHENS else char,
                (left.value, bottom.value, right.value, top.value),
            )


def _line(text_page: pdfium.PdfTextPage, start: int, glyphs: list[Glyph], to_box: ToBox) -> Line:
    first = raw.FPDFText_GetCharIndexFromTextIndex(text_page, start)
    seen = [rect for char, rect in glyphs if char != " "]
    around = _around(seen)
    height = _type_height(text_page, first) or around[3] - around[1]
    if around[3] - around[1] < 0.1 * height:  # nobody has the font: only the base line is known
        around = (around[0], around[1] - 0.2 * height, around[2], around[1] + 0.8 * height)
    cells = [_cell(part, to_box) for part in _parts(glyphs, height)]
    box = to_box(around)
    return Line(
        cells=_with_signs(cells),
        box=box,
        size=height * to_box.down,
        em=height * to_box.across,
        weight=raw.FPDFText_GetFontWeight(text_page, first),
    )


def _cell(part: list[list[Glyph]], to_box: ToBox) -> Cell:
    pieces = [_piece(glyphs, to_box) for glyphs in part]
    if len(pieces) == 1:
        return pieces[0]
    text = " ".join(piece.text for piece in pieces)
    return Cell(text, pieces[0].x0, pieces[-1].x1, _with_signs(pieces))


def _piece(glyphs: list[Glyph], to_box: ToBox) -> Cell:
    box = to_box(_around([rect for char, rect in glyphs if char != " "]))
    return Cell("".join(char for char, _ in glyphs).strip(), box.x0, box.x1)


def _type_height(text_page: pdfium.PdfTextPage, index: int) -> float:
    """The height of the type, whatever the letter: descenders and capitals count the same."""
    rect = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text_page, index, rect):
        return 0.0
    return abs(float(rect.top) - float(rect.bottom))


def _parts(glyphs: list[Glyph], height: float) -> Iterator[list[list[Glyph]]]:
    """The line cut where a gap is wide, each part in pieces where one is wider than usual."""
    pieces: list[list[Glyph]] = [[]]
    last: Glyph | None = None
    for glyph in glyphs:
        char, rect = glyph
        if char != " ":
            gap = rect[0] - last[1][2] if last else 0.0
            if last and gap > height * LOOSE_GAP:
                if gap > height * _needed(last[0], char):
                    yield pieces
                    pieces = []
                pieces.append([])
            last = glyph
        pieces[-1].append(glyph)
    if last:
        yield pieces


def _needed(before: str, after: str) -> float:
    """Around figures a smaller gap is wide enough: between words it may be a space of justified
    text."""
    is_figure = before.isdigit() or after.isdigit() or before in ")%" or after in _FIGURE_MARKS
    return CELL_GAP if is_figure else WORD_CELL_GAP


def _with_signs(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """A "$" before and a "%" after a number belong to it, however far away they were set."""
    joined: list[Cell] = []
    for cell in cells:
        before = joined[-1] if joined else None
        if before is None:
            joined.append(cell)
        elif cell.text in _AFTER or before.text in _BEFORE:
            space = "" if cell.text in _AFTER or before.text.endswith("(") else " "
            joined[-1] = Cell(before.text + space + cell.text, before.x0, cell.x1)
        elif before.text.endswith(_TRAILING):
            joined[-1] = replace(before, text=before.text[:-2], pieces=())
            joined.append(replace(cell, text=f"{before.text[-1]} {cell.text}", pieces=()))
        else:
            joined.append(cell)
    return tuple(joined)


def _on_one_base(before: Line, line: Line) -> bool:
    """The next piece of the same row: beside the line before, not below it. Superscripts and
    subscripts stand beside it too; a line of the next column does not."""
    gap = line.box.x0 - before.box.x1
    em = max(before.em, line.em)
    overlap = min(before.box.y1, line.box.y1) - max(before.box.y0, line.box.y0)
    least = min(before.box.y1 - before.box.y0, line.box.y1 - line.box.y0)
    is_script = min(before.em, line.em) < _SCRIPT * em and gap < em
    if gap < -0.3 * em or overlap <= (_SAME_BASE / 3 if is_script else _SAME_BASE) * least:
        return False
    return gap < CELL_GAP * em or not (_is_prose(before) and _is_prose(line))


def _is_prose(line: Line) -> bool:
    return len(line.cells[-1].text) > 40


def _joined(before: Line, line: Line) -> Line:
    a, b = before.box, line.box
    *cells, last = before.cells
    gap = b.x0 - a.x1
    em = max(before.em, line.em)
    if gap < CELL_GAP * em:
        first, *rest = line.cells
        text = last.text + (" " if gap > 0.2 * em else "") + first.text
        pieces = (*(last.pieces or (last,)), *(first.pieces or (first,)))
        cells += [Cell(text, last.x0, first.x1, _with_signs(pieces)), *rest]
    else:
        cells += [last, *line.cells]
    return replace(
        before if before.em >= line.em else line,
        cells=_with_signs(cells),
        box=Box(a.page, a.x0, min(a.y0, b.y0), b.x1, max(a.y1, b.y1)),
        confidence=mean_confidence((before, line)),
    )


def mean_confidence(lines: Sequence[Line]) -> float | None:
    """Of what was recognised among these lines, by its length; None when all of it was read."""
    seen = [(line.confidence, len(line.text)) for line in lines if line.confidence is not None]
    length = sum(each for _, each in seen)
    return sum(said * each for said, each in seen) / length if length else None


def _around(rects: list[Rect]) -> Rect:
    return (
        min(rect[0] for rect in rects),
        min(rect[1] for rect in rects),
        max(rect[2] for rect in rects),
        max(rect[3] for rect in rects),
    )
