"""The words of a paragraph of an OpenDocument file."""

from typing import Any

_NAMES = "urn:oasis:names:tc:opendocument:xmlns:"
OFFICE = f"{{{_NAMES}office:1.0}}"
TEXT = f"{{{_NAMES}text:1.0}}"
TABLE = f"{{{_NAMES}table:1.0}}"
STYLE = f"{{{_NAMES}style:1.0}}"
PRESENTATION = f"{{{_NAMES}presentation:1.0}}"
_DRAW = f"{{{_NAMES}drawing:1.0}}"
# Blocks of their own inside of a paragraph.
_APART = frozenset({f"{TEXT}note", f"{OFFICE}annotation", f"{_DRAW}frame", f"{_DRAW}g"})
# The number of a footnote, who commented and when, the pronunciation above a word.
_UNSAID = frozenset(
    {
        f"{TEXT}note-citation",
        f"{TEXT}ruby-text",
        "{http://purl.org/dc/elements/1.1/}creator",
        "{http://purl.org/dc/elements/1.1/}date",
    }
)
_MOST_SPACES = 100


def text_of(paragraph: Any) -> tuple[str, list[Any]]:
    """The text, and the elements inside that are blocks of their own."""
    pieces: list[str] = []
    apart: list[Any] = []
    _gather(paragraph, pieces, apart)
    return "".join(pieces), apart


def _gather(element: Any, pieces: list[str], apart: list[Any]) -> None:
    pieces.append(_squeezed(element.text))
    for child in element:
        if child.tag in _APART:
            apart.append(child)
        elif child.tag == f"{TEXT}s":
            said = child.get(f"{TEXT}c", "1")
            pieces.append(" " * (min(int(said), _MOST_SPACES) if said.isdecimal() else 1))
        elif child.tag == f"{TEXT}tab":
            pieces.append("\t")
        elif child.tag == f"{TEXT}line-break":
            pieces.append("\n")
        elif isinstance(child.tag, str) and child.tag not in _UNSAID:
            _gather(child, pieces, apart)
        pieces.append(_squeezed(child.tail))


def _squeezed(text: str | None) -> str:
    """White space as the format means it: any run of it is one space."""
    if not text:
        return ""
    words = " ".join(text.split())
    before = " " if text[0].isspace() and words else ""
    after = " " if text[-1].isspace() else ""
    return before + words + after
