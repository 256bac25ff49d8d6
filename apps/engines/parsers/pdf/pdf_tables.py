"""Tables of a page: which of its lines are rows, and what stands in which column.

Lines that share a base line are a band. Bands whose pieces stand apart are rows; rows that follow
one another, with the labels between and the headings above them, are a table, whatever the order
in which the page was drawn. Its columns are where the cells of its rows lie; its rows are bands,
put together where a line goes on in the next. Knows no PDF library.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from apps.engines.parsers.pdf.pdf_grid import Grid, Placed, grids_of, is_amount, is_figure
from apps.engines.parsers.pdf.pdf_lines import Cell, Line
from apps.rag.language import CJK

Page = list[Line]

# Lines of prose are this long, and have one like them above or below.
_PROSE, _LONG_LABEL = 36, 60
_SAME_BASE = 0.7
_TOUCH = 0.004
_SCRIPT, _LONGEST_NOTE = 0.85, 8
# Column headings begin at most this far left of the values under them.
_OVER_VALUES = 0.08
_MOST_LABELS = 3
# In heights of the type: a step beyond which rows are no longer of one table.
_APART, _NEAR = 4.5, 2.5
_CAPTION = re.compile(
    r"(table|tab\.|figure|fig\.|exhibit|chart|source|表|图)\s*[\dA-Z一-十:：]", re.IGNORECASE
)
_MARK = re.compile(
    f"[•▪●○■□◆◇‣∙·\uf0b7\uf0a7\uf076➢➤✓*–—-]|\\(?\\d{{1,3}}(\\.\\d{{1,3}})*[.)]?|\\(?[a-zA-Z*:][.):]"
    f"|[{CJK}]{{1,3}}[、.)）]"
)


@dataclass(frozen=True)
class Band:
    """Lines that stand on one base line, from the left."""

    lines: tuple[Line, ...]

    @cached_property
    def cells(self) -> list[Placed]:
        """From the left; small type close behind a cell, as of a note, is a part of it."""
        placed = [Placed(cell, line) for line in self.lines for cell in line.cells]
        cells: list[Placed] = []
        for each in sorted(placed, key=lambda each: each.cell.x0):
            last = cells[-1] if cells else None
            if last and _is_note(last, each):
                text = f"{last.text} {each.text}"
                cells[-1] = Placed(Cell(text, last.cell.x0, each.cell.x1), last.line)
            else:
                cells.append(each)
        return cells

    @property
    def x0(self) -> float:
        return self.lines[0].box.x0

    @cached_property
    def x1(self) -> float:
        return max(line.box.x1 for line in self.lines)

    @cached_property
    def y0(self) -> float:
        return min(line.box.y0 for line in self.lines)

    @cached_property
    def y1(self) -> float:
        return max(line.box.y1 for line in self.lines)

    @property
    def size(self) -> float:
        return max(line.size for line in self.lines)

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @cached_property
    def is_row(self) -> bool:
        """Cells of a table, rather than one piece, or pieces of text that stand side by side."""
        cells = self.cells
        if len(cells) < 2 or min(len(each.text) for each in cells) > _LONG_LABEL:
            return False
        has_digits = any(char.isdigit() for each in cells[1:] for char in each.text)
        return len(cells) > 2 or has_digits or any(line.is_row for line in self.lines)

    @cached_property
    def is_item(self) -> bool:
        """A bullet or a number, and what stands behind it."""
        cells = self.cells
        return (
            len(cells) == 2
            and bool(_MARK.fullmatch(cells[0].text.strip()))
            and not is_figure(cells[1].text)
        )

    @cached_property
    def has_figures(self) -> bool:
        return any(is_amount(each.text) for each in self.cells[1:])


def _is_note(before: Placed, each: Placed) -> bool:
    em = before.line.em
    is_small = each.line.em < _SCRIPT * em and len(each.text) <= _LONGEST_NOTE
    return is_small and -0.5 * em < each.cell.x0 - before.cell.x1 < em


def groups(page: Page) -> Iterator[tuple[Page, list[Grid]]]:
    """The page as runs of text and tables, in order: lines without grids, or the lines of a table
    with what it holds."""
    tables = _tables(page)
    owner = {id(line): number for number, table in enumerate(tables) for line in _lines(table)}
    begun: set[int] = set()
    run: Page = []
    for line in page:
        number = owner.get(id(line))
        if number is None:
            run.append(line)
        elif number not in begun:
            begun.add(number)
            if run:
                yield run, []
                run = []
            table = tables[number]
            yield _lines(table), grids_of([band.cells for band in table])
    if run:
        yield run, []


def _lines(bands: Sequence[Band]) -> Page:
    return [line for band in bands for line in band.lines]


def _tables(page: Page) -> list[list[Band]]:
    if not any(line.is_row or is_figure(line.text) for line in page):
        return []
    found: list[list[Band]] = []
    above: list[Band] = []
    rows: list[Band] = []
    waiting: list[Band] = []
    for band in _bands(page):
        if not band.is_row:
            waiting.append(band)
        elif rows and _goes_on(rows, waiting, band):
            rows += [*waiting, band]
            waiting = []
        else:
            found.append([*_headings(above, rows), *rows, *_last_line(rows, waiting)])
            above, rows, waiting = waiting, [band], []
    found.append([*_headings(above, rows), *rows, *_last_line(rows, waiting)])
    return [table for table in found if _is_table(table)]


def _is_table(bands: Sequence[Band]) -> bool:
    """A row alone is a line with a tab in it, and bullets with what stands behind them a list."""
    rows = [band for band in bands if band.is_row]
    if len(rows) < 2:
        return bool(rows) and (len(rows[0].cells) > 2 or len(bands) > 2)
    return not all(band.is_item and not band.text[0].isdigit() for band in rows)


def _bands(page: Page) -> list[Band]:
    """The lines from the top, those on one base line together; lines of prose by themselves."""
    prose = _prose(page)
    bands: list[list[Line]] = []
    alone: set[int] = set()
    for line in sorted(page, key=lambda line: line.box.y1):
        if id(line) in prose:
            alone.add(len(bands))
            bands.append([line])
            continue
        near = range(len(bands) - 1, max(len(bands) - 7, -1), -1)
        beside = (n for n in near if n not in alone and _is_beside(bands[n], line))
        number = next(beside, None)
        if number is None:
            bands.append([line])
        else:
            bands[number].append(line)
    made = [Band(tuple(sorted(lines, key=lambda line: line.box.x0))) for lines in bands]
    return sorted(made, key=lambda band: band.y1)


def _is_beside(band: Sequence[Line], line: Line) -> bool:
    return all(_fits(other, line) for other in band)


def _fits(other: Line, line: Line) -> bool:
    """On one base line, with no cell over one of the other line."""
    a, b = other.box, line.box
    share = (min(a.y1, b.y1) - max(a.y0, b.y0)) / max(min(a.y1 - a.y0, b.y1 - b.y0), 1e-6)
    if share < _SAME_BASE and (share < _SAME_BASE / 3 or not _has_note(other, line)):
        return False
    return not any(
        min(one.x1, two.x1) > max(one.x0, two.x0) + _TOUCH
        for one in other.cells
        for two in line.cells
    )


def _has_note(one: Line, other: Line) -> bool:
    return any(
        _is_note(Placed(cell, line), Placed(small.cells[0], small))
        for line, small in ((one, other), (other, one))
        for cell in line.cells
    )


def _prose(page: Page) -> set[int]:
    """Lines of paragraphs: long, in one piece, with another such above or below."""
    found: set[int] = set()
    for above, below in pairwise(page):
        if len(above.cells) > 1 or len(below.cells) > 1:
            continue
        is_long = len(above.text) >= _PROSE
        if is_long and _is_under(above, below) and len(below.text) >= _PROSE:
            found |= {id(above), id(below)}
        elif id(above) in found and _is_under(above, below):
            found.add(id(below))
    return found


def _is_under(above: Line, below: Line) -> bool:
    step = below.box.y1 - above.box.y1
    return 0 < step < 2.2 * above.size and abs(above.box.x0 - below.box.x0) < 3 * above.em


def _goes_on(rows: Sequence[Band], waiting: Sequence[Band], band: Band) -> bool:
    """Whether a row belongs to the table above, across the pieces that stand between."""
    left, right = min(row.x0 for row in rows), max(row.x1 for row in rows)
    if min(right, band.x1) <= max(left, band.x0):
        return False
    chain = [rows[-1], *waiting, band]
    size = max(band.size, rows[-1].size)
    if any(below.y1 - above.y1 > _APART * size for above, below in pairwise(chain)):
        return False
    if band.is_item and not any(row.is_item for row in rows) and len(band.text) > _PROSE:
        return False
    if not waiting:
        return True
    begins_anew = not band.has_figures and any(row.has_figures for row in rows)
    values = _values(rows)
    if begins_anew and any(_stands_apart(pair, rows) for pair in pairwise(chain)):
        return False
    labels = [each for each in waiting if not _is_part(each, values)]
    return len(labels) <= _MOST_LABELS and all(_is_label(each) for each in labels)


def _values(rows: Sequence[Band]) -> float:
    """Where the columns behind the labels begin, by the rows that have most of them."""
    most = max(len(row.cells) for row in rows)
    return min(r.cells[1].cell.x0 for r in rows if len(r.cells) > 1 and 2 * len(r.cells) >= most)


def _stands_apart(pair: tuple[Band, Band], rows: Sequence[Band]) -> bool:
    above, below = pair
    steps = [b.y1 - a.y1 for a, b in pairwise(rows)] or [1.5 * above.size]
    return below.y1 - above.y1 > 1.3 * median(steps)


def _is_part(band: Band, values: float) -> bool:
    """A line of a cell that has several: within the labels, or within the columns of values."""
    is_short = len(band.text) <= _LONG_LABEL
    return band.x1 < values or (is_short and band.x0 >= values - 0.01)


def _is_label(band: Band) -> bool:
    if len(band.text) < _LONG_LABEL:
        return not _CAPTION.match(band.text)
    return len(band.text) < 2 * _LONG_LABEL and band.text.endswith((":", "："))


def _last_line(rows: Sequence[Band], below: Sequence[Band]) -> list[Band]:
    """What goes on with a label of the last row: closer to it than rows are to one another."""
    if len(rows) < 2 or not below:
        return []
    band, last = below[0], rows[-1]
    values = _values(rows)
    step = band.y1 - last.y1
    starts = [row.y1 for row in rows if row.is_row]
    is_closer = 1.16 * step < min((b - a for a, b in pairwise(starts)), default=0.0)
    is_apart = len(below) < 2 or below[1].y1 - band.y1 > 1.16 * step
    return [band] if is_closer and is_apart and band.x1 < values else []


def _headings(above: Sequence[Band], rows: Sequence[Band]) -> list[Band]:
    """The bands above the rows that stand over their columns of values, across labels such as
    "Net sales:" in between."""
    if not above or not rows:
        return []
    values = _values(rows[:8])
    below = rows[0]
    claimed: list[Band] = []
    highest = 0
    for band in reversed(above[-12:]):
        is_over = band.x0 > values - _OVER_VALUES
        is_label = band.text.endswith((":", "：")) and len(band.text) < _LONG_LABEL
        is_near = below.y1 - band.y1 < _NEAR * band.size
        if not (is_over or is_label) or not is_near or _CAPTION.match(band.text):
            break
        claimed.append(band)
        below = band
        if is_over:
            highest = len(claimed)
    return claimed[:highest][::-1]
