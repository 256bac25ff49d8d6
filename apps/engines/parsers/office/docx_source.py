"""A Word document made plain: text in content controls, text boxes, tracked insertions and notes
stands where readers of paragraphs and tables find it; deleted text and tables of contents do not."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from apps.engines.parsers.office.docx_numbers import add_numbers

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_GONE = (f"{_W}del", f"{_W}moveFrom", f"{_MC}Fallback")
_AROUND = tuple(f"{_W}{name}" for name in ("ins", "moveTo", "smartTag", "customXml", "fldSimple"))
_NOTES = ("/footnotes", "/endnotes")


def plain(document: Any) -> Any:
    """The python-docx document, changed in memory only."""
    body = document.element.body
    for element in list(body.iter(*_GONE)):
        _remove(element)
    for box in list(body.iter(f"{_W}txbxContent")):
        _move_behind_paragraph(box)
    for control in list(body.iter(f"{_W}sdt")):
        _unwrap_control(control)
    for element in list(body.iter(*_AROUND)):
        _replace(element, list(element))
    add_numbers(document)
    end = body.find(f"{_W}sectPr")
    for paragraph in _notes(document):
        if end is None:
            body.append(paragraph)
        else:
            end.addprevious(paragraph)
    return document


def _remove(element: Any) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _replace(element: Any, children: list[Any]) -> None:
    for child in children:
        element.addprevious(child)
    _remove(element)


def _move_behind_paragraph(box: Any) -> None:
    """The paragraphs of a text box follow the paragraph that it is anchored to."""
    anchor = next(box.iterancestors(f"{_W}p"), None)
    if anchor is None:
        return
    for block in reversed(list(box)):
        anchor.addnext(block)


def _unwrap_control(control: Any) -> None:
    galleries = control.iterfind(f"{_W}sdtPr/{_W}docPartObj/{_W}docPartGallery")
    content = control.find(f"{_W}sdtContent")
    is_contents = any(g.get(f"{_W}val") == "Table of Contents" for g in galleries)
    _replace(control, [] if content is None or is_contents else list(content))


def _notes(document: Any) -> Iterator[Any]:
    """Copies of the paragraphs of footnotes and endnotes, in order."""
    for relation in document.part.rels.values():
        if relation.is_external or not relation.reltype.endswith(_NOTES):
            continue
        root = _root(relation.target_part)
        for note in root:
            if note.get(f"{_W}type") is None:  # separators have one
                yield from (deepcopy(paragraph) for paragraph in note.iterchildren(f"{_W}p"))


def _root(part: Any) -> Any:
    """The part's tree, in the classes that python-docx gives to paragraphs."""
    from docx.oxml import parse_xml  # noqa: PLC0415 - heavy: only where documents are read

    return parse_xml(part.blob)
