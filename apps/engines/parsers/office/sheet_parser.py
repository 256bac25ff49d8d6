"""Excel workbooks: each sheet a section, each table in it a block of rows."""

import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, cast
from xml.etree.ElementTree import ParseError as XmlError

import openpyxl
import xlrd
from openpyxl.utils.exceptions import InvalidFileException
from xlrd.biffh import XLRDError

from apps.engines.media_types import MediaType
from apps.engines.parsers.office.ooxml_extras import parts_beside
from apps.engines.parsers.tables import captioned, table_block
from apps.rag.ports import Block, BlockKind, ParseError

_MOST_CELLS = 5_000_000
Row = list[str]


class SheetParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        sheets = _xls(path) if media_type == MediaType.XLS else _xlsx(path)
        try:
            blocks = [block for name, rows in sheets for block in sheet_blocks(name, rows)]
            return blocks + (parts_beside(path) if media_type == MediaType.XLSX else [])
        except (InvalidFileException, zipfile.BadZipFile, KeyError, XmlError) as error:
            raise ParseError("UNREADABLE", f"{type(error).__name__}: {error}") from error
        except XLRDError as error:
            code = "ENCRYPTED" if "encrypted" in str(error).lower() else "UNREADABLE"
            raise ParseError(code, str(error)) from error


def _xlsx(path: Path) -> Iterator[tuple[str, Iterable[Row]]]:
    # Opened here: the library refuses a path without ".xlsx". Read-only: rows stream by, while a
    # workbook held in memory takes fifty times its file.
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write a wrong size, and rows would be missed
            rows = ([shown(v) for v in row] for row in sheet.iter_rows(values_only=True))
            yield sheet.title, rows


def _xls(path: Path) -> Iterator[tuple[str, Iterable[Row]]]:
    with xlrd.open_workbook(str(path), on_demand=True) as book:
        for name in book.sheet_names():
            sheet = book.sheet_by_name(name)
            rows = (
                [_shown_xls(cell, book.datemode) for cell in sheet.row(number)]
                for number in range(sheet.nrows)
            )
            yield name, rows
            book.unload_sheet(name)


def sheet_blocks(name: str, rows: Iterable[Row]) -> Iterator[Block]:
    """The sheet's name as a title, then its tables: what blank rows divide."""
    titled = False
    for region in _regions(rows):
        if not titled:
            yield Block(BlockKind.TITLE, name, level=1, sheet=name)
            titled = True
        captions, table = captioned(region)
        for caption in captions:
            yield Block(BlockKind.TEXT, caption, sheet=name)
        yield from table_block(table, sheet=name)


def _regions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    region: list[Row] = []
    cells = 0
    for row in rows:
        cells += len(row)
        if cells > _MOST_CELLS:
            raise ParseError("TOO_COSTLY", f"more than {_MOST_CELLS} cells")
        if any(row):
            region.append(row)
        elif region:
            yield region
            region = []
    if region:
        yield region


def shown(value: object) -> str:
    """A value as a person would write it."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
        case dt.datetime():
            is_day = value.time() == dt.time()
            return value.date().isoformat() if is_day else value.isoformat(" ", "minutes")
        case dt.date() | dt.time():
            return value.isoformat()
        case _:
            return str(value)


def _shown_xls(cell: xlrd.sheet.Cell, datemode: int) -> str:
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return shown(
                xlrd.xldate_as_datetime(float(cell.value), cast("Literal[0, 1]", datemode))
            )
        except xlrd.xldate.XLDateError:
            return shown(cell.value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return shown(bool(cell.value))
    return "" if cell.ctype == xlrd.XL_CELL_ERROR else shown(cell.value)
