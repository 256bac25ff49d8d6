"""Plain text: paragraphs by blank lines, hard-wrapped ones made whole again."""

import re
from pathlib import Path

from apps.engines.parsers.encodings import decode
from apps.rag.ports import Block, BlockKind

_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
# Wrapped at a column between these: typewriter text, mail, README files.
_NARROW, _WIDE = 50, 100
# Every line but the last of a wrapped paragraph is nearly full.
_FULL = 0.7


class TextParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        return paragraphs(decode(path.read_bytes()))


def paragraphs(text: str) -> list[Block]:
    """A block for each paragraph."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return [
        Block(BlockKind.TEXT, unwrapped(paragraph))
        for paragraph in _BLANK.split(lines)
        if paragraph.strip()
    ]


def unwrapped(paragraph: str) -> str:
    """The paragraph on one line when its lines were only broken to fit; as it is otherwise."""
    lines = [line.strip() for line in paragraph.strip().split("\n")]
    longest = max(map(len, lines))
    is_wrapped = (
        len(lines) > 1
        and _NARROW <= longest <= _WIDE
        and all(len(line) >= _FULL * longest for line in lines[:-1])
        and paragraph.isascii()
    )
    return " ".join(lines) if is_wrapped else "\n".join(lines)
