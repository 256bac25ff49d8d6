"""Binary Excel workbooks: as other workbooks, by a reader of their own records."""

from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from apps.engines.parsers.office.sheet_parser import Row, sheet_blocks, shown
from apps.rag.ports import Block, ParseError


class XlsbParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        try:
            with path.open("rb") as file:
                book = CalamineWorkbook.from_filelike(file)
                sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
            return [block for name, one in sheets for block in sheet_blocks(name, _rows(one))]
        except CalamineError as error:
            raise ParseError("UNREADABLE", f"{type(error).__name__}: {error}") from error


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    for row in sheet.iter_rows():
        yield [shown(value) for value in row]
