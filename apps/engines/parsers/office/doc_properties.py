"""What an old Word file says of its paragraphs. See [MS-DOC] 2.4.6.1 and 2.9.175."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from apps.engines.parsers.office.ole2 import u16, u32

_PLC = 0x0102
_PAGE = 512
_MOST_PAGES = 200_000
_DEEPEST_TITLE = 6
_IN_TABLE, _ENDS_ROW, _LIST, _OUTLINE = 0x2416, 0x2417, 0x460B, 0x2640
_SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_TABLE_DEFINITION = 0xD608


@dataclass(frozen=True, slots=True)
class Paragraph:
    level: int = 0
    is_item: bool = False
    is_cell: bool = False
    ends_row: bool = False


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """Properties by the place in the file. ``places`` has the place of each character."""

    starts: Sequence[int] = ()
    found: Sequence[Paragraph] = ()
    places: Sequence[int] = ()

    @classmethod
    def of(cls, head: bytes, table: bytes) -> Self:
        runs = sorted(_runs(head, table), key=lambda run: run[0])
        return cls([start for start, _ in runs], [paragraph for _, paragraph in runs])

    def at(self, places: Sequence[int]) -> "Paragraphs":
        return replace(self, places=places)

    def ending(self, character: int) -> Paragraph:
        """Of the paragraph whose last character this is."""
        if character >= len(self.places):
            return Paragraph()
        run = bisect_right(self.starts, self.places[character]) - 1
        return self.found[run] if run >= 0 else Paragraph()


def _runs(head: bytes, table: bytes) -> Iterator[tuple[int, Paragraph]]:
    start, length = u32(head, _PLC), u32(head, _PLC + 4)
    plc = table[start : start + length]
    count = min(max((len(plc) - 4) // 8, 0), _MOST_PAGES)
    for n in range(count):
        number = u32(plc, 4 * (count + 1) + 4 * n) & 0x3FFFFF
        page = head[number * _PAGE : (number + 1) * _PAGE]
        if len(page) == _PAGE:
            yield from _page(page)


def _page(page: bytes) -> Iterator[tuple[int, Paragraph]]:
    runs = page[-1]
    for n in range(runs):
        at = 2 * page[min(4 * (runs + 1) + 13 * n, _PAGE - 1)]
        yield u32(page, 4 * n), _paragraph(_properties(page, at) if at else b"")


def _properties(page: bytes, at: int) -> bytes:
    size = page[at]
    if size:
        return page[at + 1 : at + 2 * size]
    return page[at + 2 : at + 2 + 2 * page[min(at + 1, _PAGE - 1)]]


def _paragraph(properties: bytes) -> Paragraph:
    style = u16(properties, 0)  # 1 to 9 are the built-in headings
    level = style if 1 <= style <= 9 else 0
    found = Paragraph(level=min(level, _DEEPEST_TITLE))
    for code, operand in _changes(properties[2:]):
        value = int.from_bytes(operand, "little")
        if code == _IN_TABLE:
            found = replace(found, is_cell=bool(value))
        elif code == _ENDS_ROW:
            found = replace(found, ends_row=bool(value))
        elif code == _LIST:
            found = replace(found, is_item=bool(value))
        elif code == _OUTLINE:
            found = replace(found, level=min(value + 1, _DEEPEST_TITLE) if value < 9 else 0)
    return found


def _changes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        code = u16(data, at)
        at += 2
        size = _SIZES.get(code >> 13)
        if size is None:
            is_long = code == _TABLE_DEFINITION
            size = u16(data, at) + 1 if is_long else data[at] + 1 if at < len(data) else 1
        yield code, data[at : at + size]
        at += size
