"""Word 97 to 2003 (and the text of 6 and 95). See [MS-DOC]; headings, lists and tables are kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from apps.engines.parsers.encodings import decode
from apps.engines.parsers.office.doc_properties import Paragraph, Paragraphs
from apps.engines.parsers.office.ole2 import streams_of, u16, u32
from apps.engines.parsers.running_heads import head_blocks_of
from apps.engines.parsers.tables import table_block
from apps.rag.ports import Block, BlockKind, ParseError

_WORD_97, _WORD_6 = 0xA5EC, 0xA5DC
_ENCRYPTED, _OTHER_TABLE = 0x0100, 0x0200
_CLX = 0x01A2
# Lengths of the parts of the text in their order, and whether they are read: the document, notes,
# heads and feet of pages, macros, comments, endnotes, boxes.
_HEADS = 0x54
_PARTS = {0x4C: True, 0x50: True, _HEADS: True, 0x58: False, 0x5C: True, 0x60: True, 0x64: True}
_ENDS = re.compile("[\r\x07\x0c]")
_SIGNS = str.maketrans(
    {"\x0b": "\n", "\x1e": "-", "\x1f": "", "\x0e": "\n"}
    | dict.fromkeys("\x01\x02\x03\x04\x05\x06\x08", "")
)
_LONGEST = 100_000_000


class DocParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        streams = streams_of(path, "WordDocument", "0Table", "1Table")
        head = streams.get("WordDocument", b"")
        if u16(head, 0) not in {_WORD_97, _WORD_6} or len(head) < 0x60:
            raise ParseError("UNREADABLE", "no Word document")
        flags = u16(head, 0x0A)
        if flags & _ENCRYPTED:
            raise ParseError("ENCRYPTED", "encrypted Word document")
        if u16(head, 0) == _WORD_6:
            text = decode(head[u32(head, 0x18) : u32(head, 0x1C)])
            return _blocks([(text, Paragraphs(), False)])
        table = streams.get("1Table" if flags & _OTHER_TABLE else "0Table", b"")
        return _blocks(_parts(head, table))


def _blocks(parts: "list[tuple[str, Paragraphs, bool]]") -> list[Block]:
    """What stands on every page comes once, at the end."""
    blocks: list[Block] = []
    heads: list[str] = []
    for text, paragraphs, is_head in parts:
        found = list(_Reading(paragraphs).blocks(text))
        if is_head:
            heads += (block.text for block in found)
        else:
            blocks += found
    return blocks + head_blocks_of(heads)


def _parts(head: bytes, table: bytes) -> list[tuple[str, Paragraphs, bool]]:
    text, places = _text(head, table)
    properties = Paragraphs.of(head, table)
    found, start = [], 0
    for offset, is_read in _PARTS.items():
        length = u32(head, offset)
        if is_read and length:
            about = properties.at(places[start : start + length])
            found.append((text[start : start + length], about, offset == _HEADS))
        start += length
    return found


def _text(head: bytes, table: bytes) -> tuple[str, list[int]]:
    """All characters, and where in the file each of them stands: the pieces of the text."""
    start, length = u32(head, _CLX), u32(head, _CLX + 4)
    clx = table[start : start + length]
    at = 0
    while clx[at : at + 1] == b"\x01":  # properties of pieces
        at += 3 + u16(clx, at + 1)
    if clx[at : at + 1] != b"\x02":
        raise ParseError("UNREADABLE", "no pieces of text")
    plc = clx[at + 5 : at + 5 + u32(clx, at + 1)]
    count = (len(plc) - 4) // 12
    texts: list[str] = []
    places: list[int] = []
    total = 0
    for n in range(count):
        size = u32(plc, 4 * n + 4) - u32(plc, 4 * n)
        where = u32(plc, 4 * (count + 1) + 8 * n + 2)
        total += size
        if size < 0 or total > _LONGEST:
            raise ParseError("UNREADABLE", "a piece of text without an end")
        text, begin, step = _piece(head, where, size)
        texts.append(text)
        places += range(begin, begin + step * len(text), step)
    return "".join(texts), places


def _piece(head: bytes, where: int, size: int) -> tuple[str, int, int]:
    """One piece with the place of its first character and the bytes of each."""
    if where & 0x40000000:
        begin = (where & 0x3FFFFFFF) // 2
        return head[begin : begin + size].decode("cp1252", errors="replace"), begin, 1
    # Two bytes a character: halves of those beyond the first plane are joined later.
    data = head[where : where + 2 * size]
    units = (chr(u16(data, at)) for at in range(0, len(data) - 1, 2))
    return "".join(units), where, 2


@dataclass(slots=True)
class _Reading:
    paragraphs: Paragraphs
    text: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def blocks(self, text: str) -> Iterator[Block]:
        at = 0
        fields = _Fields()
        for end in _ENDS.finditer(text):
            said = _joined(fields.shown(text[at : end.start()]))
            yield from self._paragraph(said, end.group(), self.paragraphs.ending(end.start()))
            at = end.end()
        yield from self._paragraph(_joined(fields.shown(text[at:])), "\r", Paragraph())
        yield from self._table()

    def _paragraph(self, said: str, end: str, about: Paragraph) -> Iterator[Block]:
        if end == "\x07" or about.is_cell:
            self.text.append(said)
            if end == "\x07":
                self._cell(ends_row=about.ends_row)
            return
        yield from self._table()
        if not said.strip():
            return
        if about.level:
            yield Block(BlockKind.TITLE, " ".join(said.split()), level=about.level)
        else:
            yield Block(BlockKind.LIST_ITEM if about.is_item else BlockKind.TEXT, said)

    def _cell(self, *, ends_row: bool) -> None:
        said = " ".join(self.text).strip()
        self.text.clear()
        if ends_row:
            self.rows.append(self.cells)
            self.cells = []
        else:
            self.cells.append(said)

    def _table(self) -> Iterator[Block]:
        if self.cells or self.text:
            self.rows.append([*self.cells, *(text for text in self.text if text.strip())])
        yield from table_block([row for row in self.rows if any(row)])
        self.text, self.cells, self.rows = [], [], []


class _Fields:
    """What a field shows, without what it does: begin, instruction, separator, result, end."""

    def __init__(self) -> None:
        self._open: list[bool] = []  # for each open field, whether its instruction goes on

    def shown(self, text: str) -> str:
        kept = []
        for piece in re.split("([\x13\x14\x15])", text):
            if piece == "\x13":
                self._open.append(True)
            elif piece == "\x14" and self._open:
                self._open[-1] = False
            elif piece == "\x15" and self._open:
                self._open.pop()
            elif not any(self._open):
                kept.append(piece)
        return "".join(kept)


def _joined(text: str) -> str:
    plain = text.translate(_SIGNS)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
