"""Whether a page's own text can be used, or its picture must be read instead."""

import unicodedata
from collections.abc import Sequence
from itertools import islice

import pypdfium2 as pdfium
from pypdfium2 import raw

from apps.engines.parsers.pdf.pdf_lines import Line

# Fewer characters than this on a page that is a picture are a stamp or a page number.
_STAMP = 100
# Fewer are nothing.
_NOTHING = 8
# How much of the page a picture covers that is the page, or that may hold text; so many outlines
# may be letters.
_WHOLE, _PART, _OUTLINES = 0.4, 0.05, 40
_MOST_BROKEN = 0.15
# Of the Latin letters of a text in any language, about this share are vowels; in one whose codes
# stand for other letters hardly any are.
_VOWELS = frozenset("aeiouyæøœ")
_LEAST_VOWELS, _LEAST_LETTERS = 0.2, 80
_DEEPEST, _MOST_OBJECTS = 3, 5000


def must_be_recognised(page: pdfium.PdfPage, lines: Sequence[Line]) -> bool:
    """No text where something is drawn, a stamp on a picture of a page, or text whose characters
    are not those that are seen."""
    text = "".join(line.text for line in lines)
    if len(text) >= _STAMP:
        return is_garbage(text)
    covered, outlines = _drawn(page)
    if covered >= _WHOLE:
        return True
    is_drawn = covered >= _PART or outlines >= _OUTLINES
    return (len(text) < _NOTHING and is_drawn) or is_garbage(text)


def is_garbage(text: str) -> bool:
    """Characters that mean nothing, or Latin letters that make no words."""
    seen = [char for char in text if not char.isspace()]
    if not seen:
        return False
    broken = sum(_is_broken(char) for char in seen)
    return broken > _MOST_BROKEN * len(seen) or _is_shifted(text)


def _is_broken(char: str) -> bool:
    return char == "\ufffd" or unicodedata.category(char) in {"Co", "Cn", "Cc", "Cs"}


def _is_shifted(text: str) -> bool:
    plain = unicodedata.normalize("NFD", text.lower())
    letters = [char for char in plain if char.isalpha()]
    latin = [char for char in letters if "a" <= char <= "z" or char in _VOWELS]
    if len(latin) < max(_LEAST_LETTERS, 0.8 * len(letters)):
        return False
    return sum(char in _VOWELS for char in latin) < _LEAST_VOWELS * len(latin)


def _drawn(page: pdfium.PdfPage) -> tuple[float, int]:
    """(the share of the page that its largest picture covers, number of outlines)."""
    area = max(page.get_width() * page.get_height(), 1.0)
    covered, outlines = 0.0, 0
    for thing in islice(page.get_objects(max_depth=_DEEPEST), _MOST_OBJECTS):
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            covered = max(covered, _area(thing) / area)
        elif thing.type in {raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING}:
            outlines += 1
    return covered, outlines


def _area(thing: pdfium.PdfObject) -> float:
    try:
        left, bottom, right, top = thing.get_bounds()
    except pdfium.PdfiumError:
        return 0.0
    return float(abs(right - left) * abs(top - bottom))
