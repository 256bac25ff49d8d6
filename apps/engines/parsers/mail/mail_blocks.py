"""What every kind of e-mail has: a head and a body, in HTML, in plain text, or in both."""

from collections.abc import Iterator, Sequence

from apps.engines.parsers.plain.text_parser import paragraphs
from apps.engines.parsers.web.unstructured_parser import html_blocks
from apps.rag.ports import Block, BlockKind

_LONGEST_SUBJECT = 250
# Plain text is cleaner, unless it is only a hint that there is a web page.
_LEAST_SHARE = 0.3
_LONGEST_CELL = 200


def head_blocks(subject: str, lines: Sequence[tuple[str, str]], level: int) -> Iterator[Block]:
    """The subject as a title, and who wrote to whom and when."""
    if subject.strip():
        yield Block(BlockKind.TITLE, subject.strip()[:_LONGEST_SUBJECT], level=level)
    said = [f"{name}: {value}" for name, value in lines if value.strip()]
    if said:
        yield Block(BlockKind.TEXT, "\n".join(said))


def body_blocks(*, html: Sequence[str], plain: Sequence[str]) -> list[Block]:
    """The better of both bodies: the plain one, but for tables, which only HTML has."""
    texts = [block for text in plain for block in paragraphs(text)]
    if not html:
        return texts
    pages = [block for page in html for block in html_blocks(b"\xef\xbb\xbf" + _encoded(page))]
    is_enough = _length(texts) >= _LEAST_SHARE * _length(pages)
    return texts if is_enough and not any(map(_is_data, pages)) else pages


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _length(blocks: Sequence[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def _is_data(block: Block) -> bool:
    """A table of figures rather than a frame that puts a letter in place."""
    rows = [line.split(" | ") for line in block.text.split("\n")]
    return (
        block.kind is BlockKind.TABLE
        and len(rows) > 1
        and min(map(len, rows)) > 1
        and max(len(cell) for row in rows for cell in row) <= _LONGEST_CELL
    )
