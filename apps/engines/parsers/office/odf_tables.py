"""Rows and cells of an OpenDocument table, whose repeated cells are written once."""

from collections.abc import Iterator
from typing import Any

from apps.engines.parsers.office.odf_text import OFFICE, TABLE, TEXT, text_of
from apps.rag.ports import ParseError

_ROW, _CELL, _COVERED = f"{TABLE}table-row", f"{TABLE}table-cell", f"{TABLE}covered-table-cell"
# Programs fill a sheet to its last row and column with one repeated cell.
_MOST_ROWS, _MOST_COLUMNS = 2000, 256
_MOST_CELLS = 5_000_000


def rows_of(table: Any) -> Iterator[list[str]]:
    """Rows from above; an empty row however often it is repeated is one."""
    cells = 0
    for row in _rows(table):
        values = _values(row)
        times = _times(row, "number-rows-repeated", _MOST_ROWS) if any(values) else 1
        cells += (len(values) + 1) * times
        if cells > _MOST_CELLS:
            raise ParseError("TOO_COSTLY", f"more than {_MOST_CELLS} cells")
        for _ in range(times):
            yield values


def cells_of(table: Any) -> Iterator[Any]:
    for row in _rows(table):
        yield from row.iterchildren(_CELL)


def _rows(table: Any) -> Iterator[Any]:
    """Its own rows, in groups or not; those of a table inside a cell are not among them."""
    for child in table:
        if child.tag == _ROW:
            yield child
        elif child.tag in {
            f"{TABLE}table-header-rows",
            f"{TABLE}table-rows",
            f"{TABLE}table-row-group",
        }:
            yield from _rows(child)


def _values(row: Any) -> list[str]:
    values: list[str] = []
    for cell in row.iterchildren(_CELL, _COVERED):
        value = _value(cell) if cell.tag == _CELL else ""
        values += [value] * _times(cell, "number-columns-repeated", _MOST_COLUMNS)
        if len(values) > 4 * _MOST_COLUMNS:
            break
    while values and not values[-1]:
        values.pop()
    return values


def _value(cell: Any) -> str:
    """The text as it is shown; without any, the value itself."""
    texts = [text_of(paragraph)[0] for paragraph in cell.iter(f"{TEXT}p", f"{TEXT}h")]
    shown = " ".join(text for text in texts if text.strip())
    return shown or cell.get(f"{OFFICE}string-value") or cell.get(f"{OFFICE}value") or ""


def _times(element: Any, name: str, most: int) -> int:
    said = element.get(f"{TABLE}{name}", "1")
    return min(max(int(said[:9]), 1), most) if said.isdecimal() else 1
