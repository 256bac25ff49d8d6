"""Makes unstructured read what a file says of its structure, and guess nothing.

The library guesses titles from the words, with an English model: it takes most Chinese lines for
titles, fetches that model from the network at first use, and imports spaCy and torch for it (360 MB
and six seconds instead of 140 MB and one). So spaCy is not loaded and the guesses are switched off.
"""

import re
import sys
import types
from collections.abc import Callable
from functools import cache, cached_property
from importlib import import_module
from typing import Any

from lxml import etree

from apps.engines.parsers.office.docx_source import plain

_HEADING = re.compile(r"标题 ?([1-9])")
_OUTLINE = "./w:pPr/w:outlineLvl/@w:val"
# Names that Chinese office programs give to built-in styles.
_CHINESE_STYLES = {"标题": "Title", "副标题": "Subtitle", "列出段落": "List Paragraph"}
_DEEPEST_STYLE = 12


@cache
def partitioner(kind: str) -> Callable[..., list[Any]]:
    """``partition_docx`` and its like, imported once and made to guess nothing."""
    if "spacy" not in sys.modules:
        sys.modules["spacy"] = types.ModuleType("spacy")
    module = import_module(f"unstructured.partition.{kind}")
    for room in (module, *_html_rooms(kind)):
        for name in ("is_possible_narrative_text", "is_possible_title", "is_us_city_state_zip"):
            if hasattr(room, name):
                setattr(room, name, _no)
    if kind == "docx":
        _read_all_heading_styles(module)
        _read_plain_documents(module)
    partition: Callable[..., list[Any]] = getattr(module, f"partition_{kind}")
    return partition


def _no(*_args: object, **_kwargs: object) -> bool:
    return False


def _html_rooms(kind: str) -> list[Any]:
    if kind not in {"html", "md"}:
        return []
    parser: Any = import_module("unstructured.partition.html.parser")
    partition: Any = import_module("unstructured.partition.html.partition")
    elements: Any = import_module("unstructured.documents.elements")

    def kind_of(text: str) -> Any:
        """A paragraph of one character is text too."""
        return elements.ListItem if parser.is_bulleted_text(text) else elements.Text

    parser.derive_element_type_from_text = kind_of
    # The library's own parser drops a text of more than ten megabytes without a word.
    large = etree.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True)
    large.set_element_class_lookup(parser.element_class_lookup)
    parser.html_parser = partition.html_parser = large
    return [parser]


def _read_all_heading_styles(module: Any) -> None:
    """Styles are known by their English names; see them by Chinese names and outline levels too."""
    original = module._DocxPartitioner._style_name  # noqa: SLF001 - no public place says this

    def style_name(self: Any, paragraph: Any) -> str:
        style_id = paragraph._p.style  # noqa: SLF001 - python-docx's own element
        if style_id not in self._style_names:
            name = original(self, paragraph)
            self._style_names[style_id] = _built_in_name(name, paragraph.style, module)
        return str(self._style_names[style_id])

    module._DocxPartitioner._style_name = style_name  # noqa: SLF001 - see above


def _read_plain_documents(module: Any) -> None:
    """The library sees top-level paragraphs and tables only; have all text there."""

    def document(self: Any) -> Any:
        return plain(module.docx.Document(self._docx_file))

    patched = cached_property(document)
    patched.__set_name__(module.DocxPartitionerOptions, "document")
    module.DocxPartitionerOptions.document = patched


def _built_in_name(name: str, style: Any, module: Any) -> str:
    if name in module.STYLE_TO_ELEMENT_MAPPING or name == "Normal":
        return name
    named = _HEADING.fullmatch(name)
    if named:
        return f"Heading {named.group(1)}"
    if name in _CHINESE_STYLES:
        return _CHINESE_STYLES[name]
    for _ in range(_DEEPEST_STYLE):  # a style made from a heading is one
        if style is None:
            break
        level = style.element.xpath(_OUTLINE)
        if level and level[0] in set("012345678"):
            return f"Heading {int(level[0]) + 1}"
        style = style.base_style
    return name
