"""Tables as blocks: one row a line, cells apart by " | ", the header on the first line."""

from collections.abc import Iterator, Sequence

from lxml import etree, html

from apps.rag.ports import Block, BlockKind

SEPARATOR = " | "
_MOST_SPAN = 200
Row = Sequence[str]


def table_block(
    rows: Sequence[Row], *, page: int | None = None, sheet: str = ""
) -> Iterator[Block]:
    """One block for rows that are not all empty; the first row is the header when there are more."""
    lines = [line_of(row) for row in rows]
    lines = [line for line in lines if line]
    if not lines:
        return
    is_table = len(lines) > 1 or SEPARATOR in lines[0]
    yield Block(
        BlockKind.TABLE if is_table else BlockKind.TEXT,
        "\n".join(lines),
        page=page,
        header=lines[0] if len(lines) > 1 else "",
        sheet=sheet,
    )


def captioned(region: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Rows with one filled cell on top of a wider table are its captions, not its header."""
    filled = [row for row in region if any(row)]
    if not filled:
        return [], []
    left = min(next(n for n, cell in enumerate(row) if cell) for row in filled)
    rows: list[Row] = [row[left:] for row in filled]
    captions: list[str] = []
    if max(sum(map(bool, row)) for row in rows) > 1:
        while len(rows) > 1 and rows[0][0] and sum(map(bool, rows[0])) == 1:
            captions.append(rows.pop(0)[0])
    return captions, rows


def line_of(row: Row) -> str:
    """A row on one line; empty cells at the end are left out, others keep their place."""
    cells = [" ".join(cell.split()).replace("|", "¦") for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return SEPARATOR.join(cells)


def rows_of_html(source: str) -> list[list[str]]:
    """The cells of an HTML table. A cell over several columns or rows stands in the first."""
    if not source:
        return []
    table = html.fragment_fromstring(source, parser=html.HTMLParser(huge_tree=True))
    rows: list[list[str]] = []
    held: dict[int, int] = {}  # column → rows that a cell above still reaches into
    for element in table.iter("tr"):
        row: list[str] = []
        for cell in element.iterchildren("td", "th"):
            while held.get(len(row), 0):
                _skip(row, held)
            deep = span(cell, "rowspan") - 1
            for number in range(span(cell, "colspan")):
                held[len(row)] = deep
                row.append("" if number else "".join(cell.itertext()))
        while held.get(len(row), 0):
            _skip(row, held)
        rows.append(row)
    return rows


def _skip(row: list[str], held: dict[int, int]) -> None:
    held[len(row)] -= 1
    row.append("")


def span(cell: etree._Element, name: str) -> int:
    """How many columns or rows a cell covers."""
    value = cell.get(name, "1")
    return min(max(int(value), 1), _MOST_SPAN) if value.isdecimal() else 1
