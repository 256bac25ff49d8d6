"""Word, PowerPoint, HTML and Markdown through unstructured; see ``unstructured_setup``."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from apps.engines.media_types import MediaType
from apps.engines.parsers.encodings import decode
from apps.engines.parsers.office.embedded import embedded_blocks
from apps.engines.parsers.office.ooxml_extras import parts_beside
from apps.engines.parsers.office.pptx_extras import extras_of
from apps.engines.parsers.tables import rows_of_html, table_block
from apps.engines.parsers.web.article import article, warm_article
from apps.engines.parsers.web.html_source import decoded_page, prepared
from apps.engines.parsers.web.unstructured_setup import partitioner
from apps.rag.ports import Block, BlockKind, ParseError

_SKIPPED = frozenset({"Header", "Footer", "PageBreak", "PageNumber", "Image"})
_KINDS = {
    "Title": BlockKind.TITLE,
    "ListItem": BlockKind.LIST_ITEM,
    "CodeSnippet": BlockKind.CODE,
}
_PARTITIONERS = {
    MediaType.DOCX: "docx",
    MediaType.PPTX: "pptx",
    MediaType.HTML: "html",
    MediaType.MARKDOWN: "md",
}
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_LONGEST_TITLE = 250
_DEEPEST_TITLE = 6
# The library would run a language detector over every element.
_ANY_LANGUAGE = [""]


class UnstructuredParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        """Import the library's part for this type: a second or more."""
        partitioner(_PARTITIONERS[MediaType(media_type)])
        if media_type == MediaType.HTML:
            warm_article()

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        kind = MediaType(media_type)
        blocks = [block for element in _elements(path, kind) for block in _blocks(element)]
        if kind is MediaType.HTML:
            return article(blocks, decoded_page(path.read_bytes()))
        if kind is MediaType.DOCX:
            return blocks + parts_beside(path)
        if kind is MediaType.PPTX:
            return _with_extras(blocks, path) + embedded_blocks(path)
        return blocks


def _elements(path: Path, kind: MediaType) -> Iterable[Any]:
    match kind:
        case MediaType.DOCX:
            return _partitioned("docx", filename=str(path))
        case MediaType.PPTX:
            return _notes_last(_partitioned("pptx", filename=str(path), include_slide_notes=True))
        case MediaType.HTML:
            return _html_elements(path.read_bytes())
        case MediaType.MARKDOWN:
            text = decode(path.read_bytes()).replace("\r\n", "\n")
            return _partitioned("md", text=_FRONT_MATTER.sub("", text))
        case _:
            raise ParseError("UNSUPPORTED", kind)


def html_blocks(data: bytes) -> list[Block]:
    """The blocks of a web page that stands in another file: a chapter, a mail."""
    return [block for element in _html_elements(data) for block in _blocks(element)]


def warm_html() -> None:
    """Import what ``html_blocks`` takes."""
    partitioner("html")


def _html_elements(data: bytes) -> Iterable[Any]:
    return _partitioned("html", text=prepared(data))


def _partitioned(kind: str, **source: Any) -> list[Any]:
    if source.get("text", "x").strip() == "":
        return []
    try:
        return partitioner(kind)(**source, languages=_ANY_LANGUAGE)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ParseError("UNREADABLE", f"{type(error).__name__}: {error}") from error


def _with_extras(blocks: list[Block], path: Path) -> list[Block]:
    """Diagrams and charts behind the text of their slide."""
    extras = extras_of(path)
    by_slide: dict[int, list[Block]] = {number: [] for number in extras}
    for block in blocks:
        by_slide.setdefault(block.page or 0, []).append(block)
    return [
        block
        for number in sorted(by_slide)
        for block in (*by_slide[number], *extras.get(number, ()))
    ]


def _notes_last(elements: list[Any]) -> Iterator[Any]:
    """What was said to a slide follows the slide; the library puts it before the slide's title."""
    for _, slide in groupby(elements, key=lambda element: element.metadata.page_number):
        yield from sorted(slide, key=lambda element: element.category == "NarrativeText")


def _blocks(element: Any) -> Iterator[Block]:
    category, text, about = element.category, element.text or "", element.metadata
    if category in _SKIPPED or not text.strip():
        return
    if category == "Table":
        rows = rows_of_html(about.text_as_html or "") or [[text]]
        yield from table_block(rows, page=about.page_number)
        return
    kind = _KINDS.get(category, BlockKind.TEXT)
    if kind is BlockKind.TITLE and len(text) > _LONGEST_TITLE:
        kind = BlockKind.TEXT  # a paragraph in the style of a heading
    depth = min((about.category_depth or 0) + 1, _DEEPEST_TITLE)
    yield Block(kind, text, page=about.page_number, level=depth if kind is BlockKind.TITLE else 0)
