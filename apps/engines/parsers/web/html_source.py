"""A web page made ready to be read: decoded, and kept to what the page is about."""

import codecs
import re
from collections.abc import Callable, Iterable
from typing import Any

from lxml import etree, html

from apps.engines.parsers.encodings import decode, detect
from apps.engines.parsers.tables import span

_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_:-]+)", re.IGNORECASE)
_XML_HEAD = re.compile(r"^\s*<\?xml[^>]*\?>")
# What pages call gb2312 holds characters that only its successor has; so for the others.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "big5": "cp950"}
# Around the text of a page, never in it.
_AROUND = ("nav", "footer", "script", "style", "template", "noscript", "svg", "iframe")
_LEAST_MAIN = 200


def prepared(data: bytes) -> str:
    """The page as text that says no encoding any more, without menus and scripts; where it marks
    its main part, that part. Its title is a heading unless it has that heading itself."""
    source = _XML_HEAD.sub("", decoded_page(data)).replace("\x00", "")
    if not source.strip():
        return ""
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        page = html.document_fromstring(source, parser=parser)
    except etree.ParserError:
        return ""
    around: list[Any] = list(page.iter(*_AROUND))
    for element in around:
        is_of_an_article = element.tag == "footer" and _has(element.iterancestors("article"))
        if element.getparent() is not None and not is_of_an_article:
            element.drop_tree()
    for table in list(page.iter("table")):
        _spread_spans(table)
    title = " ".join((page.findtext(".//title") or "").split())
    body = _main_part(page)
    headings = {" ".join("".join(h.itertext()).split()) for h in body.iter("h1", "h2")}
    if title and title not in headings and not _has(body.iter("h1")):
        heading = html.Element("h1")
        heading.text = title
        body.insert(0, heading)
    text: str = html.tostring(body, encoding="unicode")
    return text if body.tag == "body" else f"<body>{text}</body>"


def _has(elements: Iterable[Any]) -> bool:
    """Not ``any``: an element without children is false."""
    return next(iter(elements), None) is not None


def _spread_spans(table: Any) -> None:
    """Put empty cells where a merged one reaches, so that columns stay in line: what reads the
    table next takes each row by itself. A table that holds others is a frame and left alone."""
    if any(True for _ in table.iterdescendants("table")):
        return
    reaching: dict[int, int] = {}  # column → rows below that a cell still reaches into
    for row in table.iter("tr"):
        column = 0
        for cell in list(row.iterchildren("td", "th")):
            column = _filled(cell.addprevious, column, reaching)
            down, across = span(cell, "rowspan") - 1, span(cell, "colspan")
            reaching[column] = down
            for step in range(1, across):
                reaching[column + step] = down
            for _ in range(1, across):
                cell.addnext(html.Element("td"))
            column += across
        _filled(row.append, column, reaching)


def _filled(add: Callable[[Any], None], column: int, reaching: dict[int, int]) -> int:
    """Add empty cells while one from above reaches into this column; the next free column."""
    while reaching.get(column, 0):
        reaching[column] -= 1
        add(html.Element("td"))
        column += 1
    return column


def decoded_page(data: bytes) -> str:
    """The page as text: a byte order mark first, then what the page says of itself if that is true, then its bytes."""
    has_mark = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    said = _META.search(data[:4096])
    if said and not has_mark and detect(data[:4096]) not in {"utf-16-le", "utf-16-be"}:
        try:
            name = codecs.lookup(said.group(1).decode("ascii")).name
            return data.decode(_WIDER.get(name, name))
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)


def _main_part(page: html.HtmlElement) -> html.HtmlElement:
    """``<main>``, or the only ``<article>``, when most of the text is in it; else the body."""
    body = page.find("body")
    body = page if body is None else body
    mains = list(body.iter("main")) or list(body.iter("article"))
    if len(mains) == 1:
        inside, whole = len(mains[0].text_content()), len(body.text_content())
        if inside > _LEAST_MAIN and inside > 0.5 * whole:
            return mains[0]
    return body
