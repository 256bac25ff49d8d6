"""OpenDocument (text, sheets, slides) from its ``content.xml``."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apps.engines.parsers.office.odf_tables import cells_of, rows_of
from apps.engines.parsers.office.odf_text import OFFICE, PRESENTATION, STYLE, TABLE, TEXT, text_of
from apps.engines.parsers.office.sheet_parser import sheet_blocks
from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.running_heads import head_blocks_of
from apps.engines.parsers.tables import table_block
from apps.engines.parsers.zip_guard import part_of
from apps.rag.ports import Block, BlockKind, ParseError

_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
# Never text of the document: what was deleted, what is made from the headings, forms, settings.
_SKIPPED = frozenset(
    {
        f"{TEXT}tracked-changes",
        f"{TEXT}table-of-content",
        f"{TEXT}alphabetical-index",
        f"{TEXT}sequence-decls",
        f"{TEXT}variable-decls",
        f"{OFFICE}forms",
        f"{OFFICE}settings",
        f"{PRESENTATION}settings",
        f"{TABLE}shapes",
    }
)
_DEEPEST_TITLE = 6
_MOST_STYLES = 20


class OdfParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        if b"encryption-data" in part_of(path, "META-INF/manifest.xml", missing=b""):
            raise ParseError("ENCRYPTED", "encrypted OpenDocument")
        root = tree_of(part_of(path, "content.xml"))
        body = root.find(f".//{OFFICE}body") if root is not None else None
        if body is None:
            raise ParseError("UNREADABLE", "no office:body")
        return list(_Reading(_titles(root)).children(body, _Place())) + _heads(path)


@dataclass(frozen=True, slots=True)
class _Place:
    page: int | None = None
    is_list: bool = False
    is_title: bool = False


@dataclass(slots=True)
class _Reading:
    """One document. ``titles`` are the levels of paragraph styles that mean a heading."""

    titles: dict[str, int]
    pages: int = field(default=0)

    def children(self, element: Any, place: _Place) -> Iterator[Block]:
        for child in element:
            if isinstance(child.tag, str) and child.tag not in _SKIPPED:
                yield from self.blocks(child, place)

    def blocks(self, element: Any, place: _Place) -> Iterator[Block]:
        if element.tag in {f"{TEXT}h", f"{TEXT}p"}:
            yield from self._paragraph(element, place)
        elif element.tag == f"{TABLE}table":
            yield from self._table(element, place)
        elif element.tag == f"{_DRAW}page":
            self.pages += 1
            yield from self._slide(element, _Place(page=self.pages))
        elif element.tag == f"{TEXT}list":
            yield from self.children(element, replace(place, is_list=True))
        elif element.tag == f"{_DRAW}frame":
            is_title = element.get(f"{PRESENTATION}class") == "title"
            yield from self.children(element, replace(place, is_title=is_title))
        else:
            yield from self.children(element, place)

    def _slide(self, slide: Any, place: _Place) -> Iterator[Block]:
        """The title first, what is said to the slide last, wherever they stand in the file."""
        blocks = list(self.children(slide, place))
        titles = [block for block in blocks if block.kind is BlockKind.TITLE]
        yield from titles
        yield from (block for block in blocks if block.kind is not BlockKind.TITLE)

    def _paragraph(self, element: Any, place: _Place) -> Iterator[Block]:
        text, inside = text_of(element)
        level = self._level(element, place)
        if text.strip() and level:
            yield Block(BlockKind.TITLE, " ".join(text.split()), page=place.page, level=level)
        elif text.strip():
            kind = BlockKind.LIST_ITEM if place.is_list else BlockKind.TEXT
            yield Block(kind, text, page=place.page)
        for other in inside:  # notes, comments and boxes follow the paragraph they are tied to
            yield from self.children(other, _Place(page=place.page))

    def _level(self, element: Any, place: _Place) -> int:
        if place.is_title:
            return 1
        if element.tag == f"{TEXT}h":
            said = element.get(f"{TEXT}outline-level", "1")
            return min(int(said), _DEEPEST_TITLE) if said.isdecimal() and int(said) else 1
        return self.titles.get(element.get(f"{TEXT}style-name", ""), 0)

    def _table(self, table: Any, place: _Place) -> Iterator[Block]:
        if table.getparent().tag == f"{OFFICE}spreadsheet":
            yield from sheet_blocks(table.get(f"{TABLE}name", ""), rows_of(table))
            return
        yield from table_block([row for row in rows_of(table) if any(row)], page=place.page)
        for cell in cells_of(table):
            for inner in cell.iterchildren(f"{TABLE}table"):
                yield from self._table(inner, place)


def _heads(path: Path) -> list[Block]:
    """What the page styles put on every page."""
    data = part_of(path, "styles.xml", missing=b"")
    root = tree_of(data) if data.strip() else None
    if root is None:
        return []
    places = root.iter(*(f"{STYLE}{name}" for name in ("header", "footer", "header-left")))
    paragraphs = (each for place in places for each in place.iter(f"{TEXT}p", f"{TEXT}h"))
    return head_blocks_of(text_of(paragraph)[0] for paragraph in paragraphs)


def _titles(root: Any) -> dict[str, int]:
    """Styles by name that are, or are made from, a title or a heading."""
    parents = {
        style.get(f"{STYLE}name", ""): style.get(f"{STYLE}parent-style-name", "")
        for style in root.iter(f"{STYLE}style")
    }
    built_in = {"Title": 1} | {f"Heading_20_{n}": min(n, _DEEPEST_TITLE) for n in range(1, 11)}
    found = dict(built_in)
    for name in parents:
        above = name
        for _ in range(_MOST_STYLES):
            if above in built_in:
                found[name] = built_in[above]
                break
            above = parents.get(above, "")
    return found
