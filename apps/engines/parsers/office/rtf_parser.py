"""Rich Text Format: paragraphs with their headings, lists, tables and notes, in any code page."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from apps.engines.parsers.office.rtf_tables import codec, fonts_of, headings_of
from apps.engines.parsers.office.rtf_words import CHARACTERS, ESCAPES, FLOWS, HEADS, KEPT, SKIPPED
from apps.engines.parsers.running_heads import head_blocks_of
from apps.engines.parsers.tables import table_block
from apps.rag.ports import Block, BlockKind, ParseError

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<sign>[^a-zA-Z])|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_DEEPEST_GROUP = 5000
_DEEPEST_TITLE = 6


class RtfParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        # A byte a character: code pages change from word to word.
        return rtf_blocks(path.read_bytes())


def rtf_blocks(data: bytes) -> list[Block]:
    """The blocks of RTF source. Raises ParseError UNREADABLE."""
    source = data.decode("latin-1").lstrip()
    if not source.startswith("{\\rtf"):
        raise ParseError("UNREADABLE", "no RTF")
    return _Reading(source).blocks()


@dataclass(frozen=True, slots=True)
class _Style:
    """The properties of a paragraph."""

    level: int = 0
    is_item: bool = False
    is_cell: bool = False


@dataclass(frozen=True, slots=True)
class _Group:
    """What a closing brace restores."""

    skips: bool = False
    codec: str = "cp1252"
    fallback: int = 1  # characters after \\uN for readers that know no Unicode
    is_flow: bool = False


@dataclass(slots=True)
class _Flow:
    """A run of paragraphs: the document's, or a note's or a box's inside of it."""

    text: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    done: list[Block] = field(default_factory=list)
    beside: list[Block] = field(default_factory=list)
    style: _Style = field(default_factory=_Style)
    is_head: bool = False


class _Reading:
    def __init__(self, source: str) -> None:
        self._source = source
        self._fonts = fonts_of(source)
        self._headings = headings_of(source)
        self._ansi = codec(source)
        self._group = _Group(codec=self._ansi)
        self._above: list[_Group] = []
        self._flows = [_Flow()]
        self._heads: list[str] = []
        self._bytes = bytearray()
        self._to_skip = 0
        self._may_ignore = False

    def blocks(self) -> list[Block]:
        at, source = 0, self._source
        while found := _TOKEN.match(source, at):
            at = found.end()
            if found["text"]:
                self._plain(found["text"])
            elif found["word"]:
                at += self._word(found["word"], found["number"])
            elif found["hex"]:
                self._byte(int(found["hex"], 16))
            elif found["brace"]:
                self._brace(found["brace"])
            elif found["sign"]:
                self._sign(found["sign"])
        while len(self._flows) > 1:
            self._end_flow()
        self._end_paragraph()
        self._end_table()
        return self._flows[0].done + self._flows[0].beside + head_blocks_of(self._heads)

    def _plain(self, text: str) -> None:
        if self._group.skips:
            return
        skipped = min(self._to_skip, len(text))
        self._to_skip -= skipped
        self._bytes += text[skipped:].encode("latin-1")

    def _byte(self, value: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif not self._group.skips:
            self._bytes.append(value)

    def _say(self, text: str) -> None:
        self._flush()
        if not self._group.skips:
            self._flows[-1].text.append(text)

    def _flush(self) -> None:
        """Bytes become text where their code page ends."""
        if self._bytes:
            text = bytes(self._bytes).decode(self._group.codec, errors="replace")
            self._flows[-1].text.append(text)
            self._bytes.clear()

    def _brace(self, brace: str) -> None:
        self._flush()
        self._to_skip = 0
        self._may_ignore = False
        if brace == "{":
            self._above.append(self._group)
            self._group = replace(self._group, is_flow=False)
            if len(self._above) > _DEEPEST_GROUP:
                raise ParseError("UNREADABLE", "nested too deeply")
        elif self._above:
            if self._group.is_flow:
                self._end_flow()
            self._group = self._above.pop()

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._may_ignore = True
        elif self._to_skip:
            self._to_skip -= 1
        elif sign in "\r\n":
            self._end_paragraph()
        elif sign in ESCAPES:
            self._say(ESCAPES[sign])

    def _word(self, word: str, said: str | None) -> int:
        """Act on a control word; how many characters behind it are binary data."""
        number = int(said) if said else None
        is_optional, self._may_ignore = self._may_ignore, False
        if word == "bin":
            return max(number or 0, 0)
        if word in SKIPPED or (is_optional and word not in KEPT):
            self._flush()
            self._group = replace(self._group, skips=True)
        elif not self._group.skips:
            self._act(word, number)
        return 0

    def _act(self, word: str, number: int | None) -> None:
        if word == "u" and number is not None:
            self._say(chr(number % 0x10000))
            self._to_skip = self._group.fallback
        elif word == "uc":
            self._group = replace(self._group, fallback=min(max(number or 0, 0), 100))
        elif word == "f" and number is not None:
            self._flush()
            self._group = replace(self._group, codec=self._fonts.get(number) or self._ansi)
        elif word in CHARACTERS:
            self._say(CHARACTERS[word])
        elif word in {"par", "sect", "page"}:
            self._end_paragraph()
        elif word in FLOWS or word in HEADS:
            self._flush()
            self._group = replace(self._group, is_flow=True)
            self._flows.append(_Flow(is_head=word in HEADS))
        else:
            self._style(word, number)

    def _style(self, word: str, number: int | None) -> None:
        flow = self._flows[-1]
        match word:
            case "pard":
                flow.style = _Style()
            case "s":
                flow.style = replace(flow.style, level=self._headings.get(number or 0, 0))
            case "outlinelevel" if number is not None and 0 <= number < 9:
                flow.style = replace(flow.style, level=min(number + 1, _DEEPEST_TITLE))
            case "ls" if number:
                flow.style = replace(flow.style, is_item=True)
            case "intbl":
                flow.style = replace(flow.style, is_cell=True)
            case "cell":
                flow.cells.append(self._taken())
            case "row":
                self._end_row()
            case _:  # how it looks
                pass

    def _taken(self) -> str:
        """What was said since the last end of a paragraph, with halves of characters joined."""
        self._flush()
        flow = self._flows[-1]
        text = "".join(flow.text)
        flow.text.clear()
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _end_paragraph(self) -> None:
        flow = self._flows[-1]
        if flow.style.is_cell:
            self._say(" ")  # a paragraph in a cell
            return
        text = self._taken()
        if text.strip():
            self._end_table()
            flow.done.append(_paragraph(text, flow.style))
        flow.done += flow.beside
        flow.beside.clear()

    def _end_row(self) -> None:
        flow = self._flows[-1]
        last = self._taken()
        cells = [*flow.cells, last] if last.strip() else flow.cells
        flow.rows.append([cell.strip() for cell in cells])
        flow.cells = []

    def _end_table(self) -> None:
        flow = self._flows[-1]
        if flow.cells:  # the last row has no end
            flow.rows.append(flow.cells)
        flow.done += table_block(flow.rows)
        flow.rows, flow.cells = [], []

    def _end_flow(self) -> None:
        """A note or a box is over: its blocks follow the paragraph around it."""
        flow = self._flows[-1]
        flow.style = replace(flow.style, is_cell=False)
        self._end_paragraph()
        self._end_table()
        self._flows.pop()
        if flow.is_head:
            self._heads += (block.text for block in flow.done)
        else:
            self._flows[-1].beside += flow.done


def _paragraph(text: str, style: _Style) -> Block:
    if style.level:
        return Block(BlockKind.TITLE, " ".join(text.split()), level=style.level)
    return Block(BlockKind.LIST_ITEM if style.is_item else BlockKind.TEXT, text)
