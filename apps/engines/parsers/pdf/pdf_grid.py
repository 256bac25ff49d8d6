"""Bands of a table to its grid: columns from where its cells lie, rows from how far its lines stand
apart. Empty cells keep their place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from apps.engines.parsers.pdf.pdf_lines import Cell, Line
from apps.rag.ports import Box

_MOST_HEADINGS = 6
_FIGURE = re.compile(r"\W*\d[\d,.\s]*\D{0,3}|\W{1,3}|n\.?a\.?", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}( \d{3})+")
_YEAR = re.compile(r"(19|20)\d\d")
# Pieces of one cell that overlap by less than this lie beside one another.
_TOUCH = 0.002
# A step that is so much larger than the smallest is one between rows, not within a cell.
_LARGER = 1.25
_LARGEST_WRAP = 1.6
# Columns may lie over one another by this share of the narrower.
_REACH = 0.2
# A cell with this share of its width in one column is of that column.
_MOST_OF = 0.75


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell and the line that it was seen on."""

    cell: Cell
    line: Line

    @property
    def text(self) -> str:
        return self.cell.text

    @property
    def y1(self) -> float:
        return self.line.box.y1


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of as many cells each, a box for each row; the first ``headings`` rows name columns."""

    rows: tuple[tuple[str, ...], ...]
    boxes: tuple[Box, ...]
    headings: int


Span = tuple[float, float]
# The cells of one row by column.
_Row = dict[int, list[Placed]]


def grids_of(bands: Sequence[Sequence[Placed]]) -> list[Grid]:
    """The table that these bands make; several where its headings repeat from left to right."""
    bands = [[part for each in band for part in _figures(each)] for band in bands]
    columns = _columns(bands)
    placed = [_in_columns(band, columns) for band in bands]
    heads = _heading_bands(placed)
    top = _joined(placed[:heads], _heading_cuts(placed[:heads]))
    body = _joined(placed[heads:], _body_cuts(placed[heads:]))
    rows = [row for row in (*top, *body) if row]
    used = sorted({column for row in rows for column in row})
    width = _period(top, used) if body else len(used)
    return [
        _grid(rows, used[start : start + width], len(top)) for start in range(0, len(used), width)
    ]


def is_figure(text: str) -> bool:
    """A figure, or a sign without words, as of nothing or of a box to be ticked."""
    return bool(_FIGURE.fullmatch(text.strip()))


def is_amount(text: str) -> bool:
    """A figure that is no year."""
    return is_figure(text) and not _YEAR.fullmatch(text.strip())


def _figures(each: Placed) -> list[Placed]:
    """Amounts that are further apart than words are cells of their own."""
    parts = each.cell.pieces
    if _THOUSANDS.fullmatch(each.text):
        return [each]
    if len(parts) > 1 and all(is_amount(part.text) and len(part.text) > 1 for part in parts):
        return [Placed(part, each.line) for part in parts]
    return [each]


# --- columns --------------------------------------------------------------------------------------
def _columns(bands: Sequence[Sequence[Placed]]) -> list[Span]:
    """Where columns lie: what the cells of the body cover, but for those that span others."""
    most = max(len(band) for band in bands)
    body = [band for band in bands if any(is_amount(each.text) for each in band[1:])]
    if len(body) < 2 or max(len(band) for band in body) < most - 1:
        body = [band for band in bands if len(band) > 1]
    columns = _merged(_alive([[(each.cell.x0, each.cell.x1) for each in band] for band in body]))
    for band in bands:  # what has nothing under it
        for each in band:
            if len(band) > 1 and not _over(each.cell, columns):
                columns = _beyond(columns, (each.cell.x0, each.cell.x1))
    return columns


def _alive(rows: Sequence[Sequence[Span]]) -> list[Span]:
    """The cells without those that span columns: a border stands where more rows have a gap than
    there are cells across it."""
    alive = [span for row in rows for span in row]
    gaps = [(a[1], b[0]) for row in rows for a, b in pairwise(row) if b[0] - a[1] > _TOUCH]
    for x in sorted({(x0 + x1) / 2 for x0, x1 in gaps}):
        across = sum(x0 < x < x1 for x0, x1 in alive)
        if across and across < sum(x0 < x < x1 for x0, x1 in gaps):
            alive = [span for span in alive if not span[0] < x < span[1]]
    return alive


def _merged(spans: Sequence[Span]) -> list[Span]:
    columns: list[Span] = []
    for x0, x1 in sorted(spans):
        if columns and x0 < columns[-1][1] - _touch(columns[-1], (x0, x1)):
            columns[-1] = (columns[-1][0], max(columns[-1][1], x1))
        else:
            columns.append((x0, x1))
    return columns


def _touch(one: Span, other: Span) -> float:
    """What the signs about a figure may reach into the next column."""
    return max(_TOUCH, _REACH * min(one[1] - one[0], other[1] - other[0]))


def _beyond(columns: list[Span], span: Span) -> list[Span]:
    if not columns or span[1] <= columns[0][0] or span[0] >= columns[-1][1]:
        return sorted([*columns, span])
    return columns


def _over(cell: Cell, columns: Sequence[Span]) -> list[int]:
    """The columns that a cell lies over: one, where nearly all of it is there."""
    shares = {
        number: min(cell.x1, x1) - max(cell.x0, x0)
        for number, (x0, x1) in enumerate(columns)
        if min(cell.x1, x1) - max(cell.x0, x0) > _TOUCH
    }
    most = max(shares, key=lambda number: shares[number], default=0)
    if len(shares) > 1 and shares[most] > _MOST_OF * (cell.x1 - cell.x0):
        return [most]
    return list(shares)


def _in_columns(band: Sequence[Placed], columns: Sequence[Span]) -> _Row:
    row: _Row = {}
    for each in _cut(band, columns):
        over = _over(each.cell, columns)
        over = over or [_nearest(each.cell, columns)]
        free = [number for number in over if number not in row]
        row.setdefault((free or over)[0], []).append(each)
    return row


def _nearest(cell: Cell, columns: Sequence[Span]) -> int:
    """What stands between two columns is over both, in the first, unless it is nearer to one."""
    left = [number for number, (_, x1) in enumerate(columns) if x1 <= cell.x0 + _TOUCH]
    if not left:
        return 0
    number = left[-1]
    if number + 1 == len(columns):
        return number
    is_nearer = columns[number + 1][0] - cell.x1 < (cell.x0 - columns[number][1]) / 2
    return number + is_nearer


def _cut(band: Sequence[Placed], columns: Sequence[Span]) -> Iterator[Placed]:
    """Cells whose words are a little apart, cut where each part has a column of its own."""
    for each in band:
        parts = each.cell.pieces
        over = [_over(part, columns) for part in parts]
        is_cut = len(parts) > 1 and all(len(numbers) == 1 for numbers in over)
        if not is_cut:
            yield each
            continue
        run: list[Cell] = []
        for number, part in enumerate(parts):
            if run and over[number] != over[number - 1]:
                yield Placed(_whole(run), each.line)
                run = []
            run.append(part)
        yield Placed(_whole(run), each.line)


def _whole(cells: Sequence[Cell]) -> Cell:
    return Cell(" ".join(cell.text for cell in cells), cells[0].x0, cells[-1].x1)


# --- rows -----------------------------------------------------------------------------------------
def _heading_bands(bands: Sequence[_Row]) -> int:
    """How many bands at the top name columns: those above the first with amounts."""
    every = {column for row in bands for column in row}
    amounts = [
        any(is_amount(e.text) for column, cells in row.items() if column for e in cells)
        for row in bands
    ]
    if not any(amounts):
        widest = max(*(len(row) for row in bands), 2)
        full = next(
            (n for n, row in enumerate(bands) if len(row) >= max(widest - 1, 2)), len(bands)
        )
        return full + 1 if full < min(_MOST_HEADINGS, len(bands) - 1) else 0
    first = amounts.index(True)
    for number, (above, below) in enumerate(pairwise(bands[:first]), start=1):
        if set(above) == set(below) == every:  # all columns are named before
            first = number
            break
    while first and set(bands[first - 1]) == {0}:  # a label over the rows
        first -= 1
    return first if first <= _MOST_HEADINGS * 2 else 0


def _y(row: _Row) -> float:
    return median(each.y1 for cells in row.values() for each in cells)


def _size(row: _Row) -> float:
    return max(each.line.size for cells in row.values() for each in cells)


def _heading_cuts(rows: Sequence[_Row]) -> list[bool]:
    """Whether a heading row ends before the next band."""
    return [_is_new_heading(above, below) for above, below in pairwise(rows)]


def _is_new_heading(above: _Row, below: _Row) -> bool:
    if _y(below) - _y(above) > _LARGEST_WRAP * max(_size(above), _size(below)):
        return True
    texts = [" ".join(e.text for e in cells) for cells in below.values()]
    if len(above) >= len(below):
        return False
    under = [each.cell for cells in below.values() for each in cells]
    spans = any(_spans(each.cell, under) for cells in above.values() for each in cells)
    return spans or len(set(texts)) < len(texts)


def _spans(cell: Cell, under: Sequence[Cell]) -> bool:
    """Whether a heading stands over several others, or between them."""
    over = sum(min(cell.x1, each.x1) - max(cell.x0, each.x0) > _TOUCH for each in under)
    is_between = any(e.x1 <= cell.x0 for e in under) and any(e.x0 >= cell.x1 for e in under)
    return over > 1 or (not over and is_between)


def _body_cuts(rows: Sequence[_Row]) -> list[bool]:
    """Whether a row ends before the next band: by how far they stand apart where lines of a cell
    stand closer than rows, else by what is in them."""
    pairs = list(pairwise(rows))
    named = [_is_section(above) or _is_section(below) for above, below in pairs]
    steps = [_y(below) - _y(above) for above, below in pairs]
    sizes = [max(_size(above), _size(below)) for above, below in pairs]
    wide = _wide_step(steps, sizes)
    if wide:
        cuts = [step > wide or is_named for step, is_named in zip(steps, named, strict=True)]
        if not _collides(rows, cuts):
            return cuts
    return [
        is_named or step > _LARGEST_WRAP * size or not _continues(above, below)
        for (above, below), step, size, is_named in zip(pairs, steps, sizes, named, strict=True)
    ]


def _is_section(row: _Row) -> bool:
    """A label over the rows below it, such as "Net sales:"."""
    return set(row) == {0} and row[0][-1].text.endswith((":", "："))


def _wide_step(steps: Sequence[float], sizes: Sequence[float]) -> float:
    """What is more than this stands between rows; 0: all steps are alike."""
    if not steps:
        return 0.0
    size = median(sizes)
    ordered = sorted(steps)
    for less, more in pairwise(ordered):
        if less > _LARGEST_WRAP * size:
            return 0.0
        if more > _LARGER * less and less > 0.75 * size:
            return (less + more) / 2
    return 0.0


def _collides(rows: Sequence[_Row], cuts: Sequence[bool]) -> bool:
    """Whether two amounts of one column would come into one cell."""
    for run in _runs(rows, cuts):
        for column in {column for row in run for column in row}:
            cells = [each.text for row in run for each in row.get(column, [])]
            if len(cells) > 1 and sum(is_amount(text) for text in cells) > 1:
                return True
    return False


def _continues(above: _Row, below: _Row) -> bool:
    """Whether a band is the next line of the row above, in a table whose rows are as close."""
    if _y(below) - _y(above) < 0.75 * _size(above):
        return not _collides([above, below], [False])
    texts = {column: cells[0].text for column, cells in below.items()}
    if any(is_amount(text) for text in texts.values()):
        is_label = set(above) == {0}
        return is_label and _goes_on(texts.get(0, ""))
    if 0 in texts:
        return set(texts) <= set(above) and _goes_on(texts[0])
    return set(texts) <= set(above)


def _goes_on(text: str) -> bool:
    return text[:1].islower() or text.startswith(("(", "（"))


def _runs(rows: Sequence[_Row], cuts: Sequence[bool]) -> Iterator[list[_Row]]:
    run: list[_Row] = []
    for row, is_new in zip(rows, [True, *cuts], strict=False):
        if run and is_new:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _joined(rows: Sequence[_Row], cuts: Sequence[bool]) -> list[_Row]:
    return [
        {
            column: [each for row in run for each in row.get(column, [])]
            for column in sorted({column for row in run for column in row})
        }
        for run in _runs(rows, cuts)
    ]


# --- the table ------------------------------------------------------------------------------------
def _period(top: Sequence[_Row], used: Sequence[int]) -> int:
    """After how many columns the headings repeat; a table that was folded is several."""
    names = [tuple(_text(row.get(column, [])) for row in top) for column in used]
    for width in range(2, len(names) // 2 + 1):
        if len(names) % width == 0 and all(any(name) for name in names):
            first = names[:width]
            if all(names[n : n + width] == first for n in range(0, len(names), width)):
                return width
    return max(len(names), 1)


def _grid(rows: Sequence[_Row], columns: Sequence[int], headings: int) -> Grid:
    kept = []
    for number, row in enumerate(rows):
        cells = {column: row[column] for column in columns if column in row}
        if cells:
            kept.append((number < headings, cells))
    return Grid(
        rows=tuple(tuple(_text(row.get(c, [])) for c in columns) for _, row in kept),
        boxes=tuple(_box(row) for _, row in kept),
        headings=sum(is_heading for is_heading, _ in kept),
    )


def _text(cells: Sequence[Placed]) -> str:
    text = ""
    for each in cells:
        text += (" " if text else "") + each.text
    return text


def _box(row: _Row) -> Box:
    cells = [each for some in row.values() for each in some]
    box = cells[0].line.box
    return replace(
        box,
        x0=min(each.cell.x0 for each in cells),
        y0=min(each.line.box.y0 for each in cells),
        x1=max(each.cell.x1 for each in cells),
        y1=max(each.line.box.y1 for each in cells),
    )
