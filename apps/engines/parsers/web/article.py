"""Which blocks of a web page are its article, where it has one.

trafilatura finds the article and gives its text; which blocks hold that text is decided here, so
that headings, tables and their order are those of the page.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from apps.rag.ports import Block, BlockKind

# Smaller pages have nothing to leave out, larger ones are data and would take minutes.
_LEAST, _MOST = 800, 3_000_000
_PIECE = 12
_SHARE = 0.7
# A paragraph that a person would read, and the part of them that an article must hold: less where
# the page says that it is one.
_LONG = 100
_LEAST_LONG, _LEAST_SAID = 0.4, 0.25
_SAYS = re.compile(
    r"""og:type["'][^>]{0,80}article|article:published_time|"@type"\s*:\s*\[?\s*"\w*(?:Article|BlogPosting)"""
    r"""|itemtype=["'][^"']{0,40}(?:Article|BlogPosting)|itemprop=["']articleBody""",
    re.IGNORECASE,
)
# What prose has and menus have not.
_ENDS = re.compile(r"[.!?…](?:\s|$|[\"'”’)])|[。！？]")
# An article of fewer characters may be a chance find.
_LEAST_TEXT = 400


def article(blocks: list[Block], page: str) -> list[Block]:
    """The blocks of the article of ``page``; all of them when it is none."""
    text = _extracted(page) if len(page) <= _MOST else ""
    length, found = sum(len(block.text) for block in blocks), len(text)
    if length < _LEAST and found < _LEAST_TEXT:
        return blocks
    pieces, lines = _pieces(text), frozenset(map(_plain, text.split("\n")))
    said = [_is_said(block, pieces, lines) for block in blocks]
    kept = sum(len(block.text) for block, is_in in zip(blocks, said, strict=True) if is_in)
    longest = max((len(block.text) for block in blocks), default=0)
    is_elsewhere = length < found or 2 * longest > length
    if found >= _LEAST_TEXT and 2 * kept < found and is_elsewhere:
        return _anew(blocks, text)
    if not text or not _is_article(blocks, said, says_so=_SAYS.search(page) is not None):
        return blocks
    return [block for block, is_in in zip(blocks, _whole(blocks, said), strict=True) if is_in]


def _anew(blocks: Sequence[Block], text: str) -> list[Block]:
    """Its text by itself: the page is laid out with a table, or by a script."""
    headline = [block for block in blocks if block.kind is BlockKind.TITLE and block.level == 1][:1]
    return [*headline, *(Block(BlockKind.TEXT, line) for line in text.split("\n") if line.strip())]


def warm_article() -> None:
    """Import the library: half a second."""
    _library()


def _library() -> Any:
    import trafilatura  # noqa: PLC0415 - heavy: only where pages are read

    return trafilatura


def _extracted(page: str) -> str:
    try:
        found = _library().extract(page, include_comments=False, favor_precision=True)
        return str(found or "")
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return ""  # a page that it cannot take apart is read whole


def _pieces(text: str) -> frozenset[str]:
    plain = _plain(text)
    return frozenset(plain[at : at + _PIECE] for at in range(max(1, len(plain) - _PIECE + 1)))


def _plain(text: str) -> str:
    return "".join(text.replace("|", " ").split()).lower()


def _is_said(block: Block, pieces: frozenset[str], lines: frozenset[str]) -> bool:
    """Whether most of a block stands in the article; of a short one, all, on a line of its own."""
    plain = _plain(block.text)
    if len(plain) < _PIECE:
        return plain in lines or f"-{plain}" in lines
    own = [plain[at : at + _PIECE] for at in range(0, len(plain) - _PIECE + 1, 3)]
    return sum(piece in pieces for piece in own) >= _SHARE * len(own)


def _is_article(blocks: Sequence[Block], said: Sequence[bool], *, says_so: bool) -> bool:
    """Most of what a person would read is in it: lists of news and manuals are no articles."""
    long = [
        (len(block.text), is_in)
        for block, is_in in zip(blocks, said, strict=True)
        if _is_prose(block)
    ]
    whole = sum(length for length, _ in long)
    least = _LEAST_SAID if says_so else _LEAST_LONG
    return (says_so or whole > 0) and sum(n for n, is_in in long if is_in) >= least * whole


def _whole(blocks: Sequence[Block], said: Sequence[bool]) -> Iterator[bool]:
    """With the headline, the headings above what is kept, and the tables within."""
    first = said.index(True)
    last = len(said) - 1 - list(reversed(said)).index(True)
    figures = [block.kind in {BlockKind.TABLE, BlockKind.CODE} for block in blocks]
    for at, block in enumerate(blocks):
        if _is_title(block):
            under = next((n for n in range(at, len(blocks)) if not _is_title(blocks[n])), at)
            is_headline = at < first and block.level == 1
            yield (
                is_headline or said[at] or said[under] or (first < under < last and figures[under])
            )
        else:
            yield said[at] or (first < at < last and figures[at])


def _is_prose(block: Block) -> bool:
    # A Chinese character says as much as two letters, at the least.
    length = len(block.text) + sum(char > "\u2e7f" for char in block.text[:_LONG])
    is_long = block.kind is not BlockKind.TITLE and length >= _LONG
    return is_long and _ENDS.search(block.text) is not None


def _is_title(block: Block) -> bool:
    return block.kind is BlockKind.TITLE
