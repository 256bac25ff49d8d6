"""EPUB: the chapters in the order of the spine, each through the reader of web pages."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.web.unstructured_parser import html_blocks, warm_html
from apps.engines.parsers.zip_guard import part_of
from apps.rag.ports import Block, BlockKind, ParseError

_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_MOST_CHAPTERS = 5000


class EpubParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        """Import the reader of web pages: a second or more."""
        warm_html()

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        book = _tree(path, _book_of(path))
        locked = _locked(path)
        blocks: list[Block] = []
        title = next(_all(book, "title"), None)
        if title is not None and (name := " ".join("".join(title.itertext()).split())):
            blocks.append(Block(BlockKind.TITLE, name, level=1))
        for chapter in _chapters(book, posixpath.dirname(_book_of(path))):
            if chapter in locked:
                raise ParseError("ENCRYPTED", chapter)
            blocks += _chapter(part_of(path, chapter, missing=b""))
        return blocks


def _chapter(data: bytes) -> Iterator[Block]:
    """A chapter's headings stand below the book's title."""
    for block in html_blocks(data):
        level = min(block.level + 1, 6) if block.kind is BlockKind.TITLE else 0
        yield Block(block.kind, block.text, level=level, header=block.header)


def _book_of(path: Path) -> str:
    """Where the container says that the book is described."""
    root = _tree(path, "META-INF/container.xml")
    for file in _all(root, "rootfile"):
        if name := file.get("full-path"):
            return str(name)
    raise ParseError("UNREADABLE", "no rootfile")


def _chapters(book: Any, folder: str) -> list[str]:
    """Names of parts; an address outside of the book is none of them."""
    items = {item.get("id"): item for item in _all(book, "item")}
    names: dict[str, None] = {}
    for reference in _all(book, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _PAGES:
            continue
        if "nav" in item.get("properties", "").split():
            continue  # the table of contents
        address = unquote(item.get("href", "")).partition("#")[0]
        names[posixpath.normpath(posixpath.join(folder, address))] = None
    if len(names) > _MOST_CHAPTERS:
        raise ParseError("TOO_COSTLY", f"{len(names)} chapters")
    return list(names)


def _locked(path: Path) -> frozenset[str]:
    """Parts that are encrypted; fonts often are, in books that anybody may read."""
    data = part_of(path, "META-INF/encryption.xml", missing=b"")
    if not data.strip():
        return frozenset()
    uris = (each.get("URI", "") for each in _all(tree_of(data), "CipherReference"))
    return frozenset(unquote(uri) for uri in uris)


def _tree(path: Path, name: str) -> Any:
    root = tree_of(part_of(path, name))
    if root is None:
        raise ParseError("UNREADABLE", f"{name} is empty")
    return root


def _all(root: Any, name: str) -> Iterator[Any]:
    """Elements by their local name: books are careless about namespaces."""
    return (each for each in root.iter("{*}" + name))
