"""XML as text under the names of its elements. No entity is resolved and nothing is fetched."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from lxml import etree

from apps.engines.parsers.encodings import decode
from apps.engines.parsers.plain.tree_blocks import Tree, tree_blocks
from apps.rag.ports import Block, ParseError

# Names that say nothing beside the text they hold.
_TEXTUAL = frozenset({"p", "para", "simpara", "text", "title", "head", "line", "l", "value", "t"})


class XmlParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        root = tree_of(path.read_bytes())
        return [] if root is None else tree_blocks(((_name(root), _value(root)),))


def tree_of(data: bytes) -> Any:
    """The root of hostile XML; None when there is none. Raises ParseError UNREADABLE."""
    try:
        return etree.fromstring(data, parser=_parser())
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        # It may say an encoding that it is not in.
        text = decode(data).partition("?>")
        body = (text[2] if text[0].lstrip().startswith("<?xml") else "".join(text)).strip()
        try:
            return etree.fromstring(body.replace("\x00", "").encode(), parser=_parser())
        except (etree.XMLSyntaxError, LookupError, ValueError):
            raise ParseError("UNREADABLE", f"XML: {error}") from error


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        # Depth and size of texts keep the library's limits: deeper trees end in a stack overflow.
        huge_tree=False,
    )


def _value(element: Any) -> Tree:
    children = list(element.iterchildren(tag=etree.Element))
    own = " ".join((element.text or "").split())
    pairs = [(_name_of(key), value) for key, value in element.attrib.items()]
    if not children:
        return own if not pairs else (*pairs, ("", own))
    if own or any((child.tail or "").strip() for child in children):  # words and marks among them
        text = " ".join("".join(element.itertext()).split())
        return text if not pairs else (*pairs, ("", text))
    return (*pairs, *_pairs(children))


def _pairs(children: list[Any]) -> Iterator[tuple[str, Tree]]:
    """Elements of one name that follow each other are one list."""
    for name, some in groupby(children, key=_name):
        values = [_value(child) for child in some]
        shown = "" if name.lower() in _TEXTUAL else name
        if len(values) == 1 or not shown:
            yield from ((shown, value) for value in values)
        else:
            yield shown, values


def _name(element: Any) -> str:
    return _name_of(element.tag)


def _name_of(tag: str) -> str:
    return tag.rpartition("}")[2]
