"""The last step of every reader: text that databases, prompts and pages can hold."""

import re
from collections.abc import Iterable
from dataclasses import replace

from apps.rag.ports import Block, BlockKind

# NUL and other controls are refused by PostgreSQL or mean something to terminals; lone surrogates
# have no bytes; U+FFFE and U+FFFF are no characters; the rest is invisible and only misleads.
_NEVER = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_BREAKS = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[^\\S\n]+")
_BLANK_LINES = re.compile(" ?\n[ \n]*\n ?")


def cleaned(blocks: Iterable[Block]) -> list[Block]:
    """The same blocks without what never belongs into text; empty ones are left out."""
    kept = []
    for block in blocks:
        text = clean_text(block.text, keeps_spaces=block.kind is BlockKind.CODE)
        if text:
            kept.append(replace(block, text=text, header=clean_text(block.header)))
    return kept


def clean_text(text: str, *, keeps_spaces: bool = False) -> str:
    """One text. Line breaks become ``\\n``, runs of spaces one space unless it is code."""
    text = _NEVER.sub("", _BREAKS.sub("\n", text))
    if keeps_spaces:
        return text.strip("\n").rstrip()
    text = _SPACES.sub(" ", text)
    return _BLANK_LINES.sub("\n\n", text).replace(" \n", "\n").replace("\n ", "\n").strip()
