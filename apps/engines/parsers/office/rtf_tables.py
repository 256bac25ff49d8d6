"""The tables at the head of an RTF file: its code page, fonts and styles."""

import codecs
import re

from apps.engines.parsers.office.rtf_words import CHARSETS, PAGES

_HEAD = 8192
_LONGEST_TABLE = 2_000_000
_PAGE = re.compile(r"\\ansicpg(\d{1,5})")
_FONT = re.compile(r"\\f(\d{1,5})(?![a-z\d])")
_CHARSET = re.compile(r"\\fcharset(\d{1,3})")
_CODE_PAGE = re.compile(r"\\cpg(\d{1,5})")
_STYLE = re.compile(r"\\s(\d{1,5})(?![a-z\d])")
_OUTLINE = re.compile(r"\\outlinelevel(\d)")
_NAMED = re.compile(r"\bheading (\d)", re.IGNORECASE)
_TITLED = re.compile(r"[ }]Title;")
_DEEPEST_TITLE = 6


def codec(source: str) -> str:
    """The code page that the file says of itself."""
    found = _PAGE.search(source[:_HEAD])
    return _known(int(found.group(1))) if found else "cp1252"


def fonts_of(source: str) -> dict[int, str]:
    """Code pages by the number of the font; fonts of the file's own code page are left out."""
    fonts: dict[int, str] = {}
    for entry in _entries(source, "fonttbl"):
        number, charset, page = (found.search(entry) for found in (_FONT, _CHARSET, _CODE_PAGE))
        if number and page:
            fonts[int(number.group(1))] = _known(int(page.group(1)))
        elif number and charset and int(charset.group(1)) in CHARSETS:
            fonts[int(number.group(1))] = CHARSETS[int(charset.group(1))]
    return fonts


def headings_of(source: str) -> dict[int, int]:
    """Levels by the number of the style, of styles that are headings."""
    levels: dict[int, int] = {}
    for entry in _entries(source, "stylesheet"):
        number = _STYLE.search(entry)
        outline, named = _OUTLINE.search(entry), _NAMED.search(entry)
        level = int(outline.group(1)) + 1 if outline else int(named.group(1)) if named else 0
        if not level and _TITLED.search(entry):
            level = 1
        if number and level:
            levels[int(number.group(1))] = min(level, _DEEPEST_TITLE)
    return levels


def _known(page: int) -> str:
    name = PAGES.get(page, f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"


def _entries(source: str, name: str) -> list[str]:
    """The groups of one table; an entry of old writers without braces ends at a semicolon."""
    start = source.find(f"{{\\{name}")
    if start < 0:
        return []
    depth, begun, entries = 0, start, []
    table = source[start : start + _LONGEST_TABLE]
    end = len(table)
    for brace in re.finditer(r"\\[\\{}]|[{}]", table):
        if brace.group() == "{":
            depth += 1
            begun = brace.end() if depth == 2 else begun
        elif brace.group() == "}":
            depth -= 1
            if depth == 1:
                entries.append(table[begun : brace.start()])
            if depth <= 0:
                end = brace.start()
                break
    return entries or table[:end].split(";")
