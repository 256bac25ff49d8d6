"""Pages, Keynote and Numbers of 2005 to 2012, whose documents are XML; of later ones the preview
that is in some of them, which is a PDF."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from apps.engines.media_types import SIGNATURES, Container, MediaType
from apps.engines.parsers.pdf.pdfium_parser import PdfiumParser
from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.running_heads import head_blocks_of
from apps.engines.parsers.tables import table_block
from apps.engines.parsers.zip_guard import part_of
from apps.rag.ports import Block, BlockKind, ParseError

_SF = "{http://developer.apple.com/namespaces/sf}"
_SFA = "{http://developer.apple.com/namespaces/sfa}"
_PARTS = ("index.xml", "index.apxl")
_PREVIEW = "QuickLook/Preview.pdf"
# Themes, samples and styles hold text that is not of this document.
_SKIPPED = frozenset(
    {
        *("theme-list", "stylesheet", "section-prototypes", "prototypes", "masters-group"),
        *("version-history", "metadata", "cell-comment-mapping", "events", "build-chunks"),
        *("charts", "thumbnails"),
    }
)
_HEADING = re.compile(r"(?:Heading|标题|Überschrift|Titre)\s*(\d)?")
_CELLS = frozenset(("t", "n", "d", "b", "f", "g", "e", "pm", "pl", "o", "du", "s"))
_MOST_COLUMNS = 1000
_DEEPEST_TITLE = 6


class IworkParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        sources = (part_of(path, name, missing=b"") for name in _PARTS)
        root = next((tree_of(source) for source in sources if source.strip()), None)
        if root is None:
            return _preview(path)
        return _Reading(root).blocks()


def _preview(path: Path) -> list[Block]:
    """The preview's text. Nobody can open it beside the document, so it has no places."""
    shown = part_of(path, _PREVIEW, missing=b"")
    if not shown.startswith(SIGNATURES[Container.PDF]):
        raise ParseError("UNREADABLE", "no index")
    with NamedTemporaryFile(prefix="footnote-preview-") as out:
        out.write(shown)
        out.flush()
        blocks = PdfiumParser().parse(Path(out.name), media_type=MediaType.PDF)
    return [replace(block, boxes=()) for block in blocks]


class _Reading:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._levels = _levels(root)
        self._page: int | None = None
        self._heads: list[str] = []

    def blocks(self) -> list[Block]:
        blocks = list(self._inside(self._root, is_title=False))
        return blocks + head_blocks_of(self._heads)

    def _inside(self, element: Any, *, is_title: bool) -> Iterator[Block]:
        for child in element:
            name = _name(child)
            if name in _SKIPPED:
                continue
            if name == "slide":
                self._page = (self._page or 0) + 1
            if name == "p" and child.tag.startswith(_SF):
                yield from self._paragraph(child, is_title=is_title)
            elif name == "tabular-model":
                yield from table_block(_rows(child), page=self._page)
            elif name in {"headers", "footers"}:
                self._heads += (_text(each) for each in child.iter(f"{_SF}p"))
            else:
                yield from self._inside(child, is_title=is_title or name == "title-placeholder")

    def _paragraph(self, element: Any, *, is_title: bool) -> Iterator[Block]:
        text = _text(element)
        if not text.strip():
            return
        level = 1 if is_title else self._levels.get(element.get(f"{_SF}style", ""), 0)
        if level:
            yield Block(BlockKind.TITLE, " ".join(text.split()), page=self._page, level=level)
        else:
            yield Block(BlockKind.TEXT, text, page=self._page)


def _levels(root: Any) -> dict[str, int]:
    """Styles that are named as headings, or are made from one."""
    levels: dict[str, int] = {}
    for style in root.iter(f"{_SF}paragraphstyle"):
        above = levels.get(style.get(f"{_SF}parent-ident", ""), 0)
        named = _HEADING.match(style.get(f"{_SF}name", ""))
        is_title = style.get(f"{_SF}name", "") in {"Title", "标题"}
        level = 1 if is_title else int(named.group(1) or 1) if named else above
        for key in (style.get(f"{_SFA}ID"), style.get(f"{_SF}ident")):
            if key and level:
                levels[key] = min(max(level, 1), _DEEPEST_TITLE)
    return levels


def _text(element: Any) -> str:
    """The words with their breaks; the text of a note stands where its mark is."""
    pieces = [element.text or ""]
    for child in element:
        name = _name(child)
        if name in {"br", "crbr", "lnbr", "pgbr", "sectbr", "intratopicbr"}:
            pieces.append("\n")
        elif name == "tab":
            pieces.append("\t")
        elif name not in _SKIPPED and name != "":
            pieces.append(_text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _rows(model: Any) -> list[list[str]]:
    grid, source = model.find(f"{_SF}grid"), model.find(f".//{_SF}datasource")
    if grid is None or source is None:
        return []
    said = grid.get(f"{_SF}numcols", "1")
    columns = min(max(int(said[:6]), 1), _MOST_COLUMNS) if said.isdecimal() else 1
    cells = [_cell(each) for each in source if _name(each) in _CELLS]
    return [cells[at : at + columns] for at in range(0, len(cells), columns)]


def _cell(cell: Any) -> str:
    """The words of a cell as they were typed; the value where there are none."""
    typed = cell.find(f"{_SF}ct")
    if typed is not None and typed.get(f"{_SFA}s"):
        return str(typed.get(f"{_SFA}s"))
    words = " ".join(_text(each) for each in cell.iter(f"{_SF}p")).strip()
    return words or cell.get(f"{_SF}v") or cell.get(f"{_SF}cell-date") or ""


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
