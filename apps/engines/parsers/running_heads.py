"""What stands at the top and bottom of every page, once: the number of a rule, its date, its owner."""

import re
from collections.abc import Iterable

from apps.rag.ports import Block, BlockKind

_NUMBERS = re.compile(r"[\W\d_]+")
# A page number in words.
_NOTHING = frozenset(
    {"", "page", "pageof", "of", "第页", "第页共页", "共页", "页", "seite", "seitevon"}
)
_MOST = 40


def head_blocks_of(texts: Iterable[str]) -> list[Block]:
    """One block for each different text that is more than a page number."""
    kept: dict[str, str] = {}
    for text in texts:
        words = _NUMBERS.sub("", text).lower()
        if words not in _NOTHING:
            kept.setdefault(words, text)
    return [Block(BlockKind.TEXT, text) for text in list(kept.values())[:_MOST]]
