"""What Word and Excel files hold beside their text and cells: charts, comments, text boxes of
sheets, and what stands on every page."""

import html
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.engines.parsers.office.embedded import embedded_blocks
from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.running_heads import head_blocks_of
from apps.engines.parsers.tables import table_block
from apps.engines.parsers.zip_guard import end_of, members, part_of
from apps.rag.ports import Block, BlockKind, ParseError

_CHART = re.compile(r"(?:word|xl)/charts/chart\d*\.xml")
_COMMENTS = re.compile(r"word/comments\.xml|xl/comments\d*\.xml|xl/comments/comment\d*\.xml")
_HEADS = re.compile(r"word/(?:header|footer)\d*\.xml")
_DRAWING = re.compile(r"xl/drawings/drawing\d*\.xml")
_SHEET = re.compile(r"xl/worksheets/sheet\d*\.xml")
_MOST_PARTS = 500
# Behind the cells of a sheet: what is printed on its pages, in three parts, with codes for fonts,
# numbers, dates and names.
_END = 64 * 1024
_PRINTED = re.compile(
    rb"<(?:\w+:)?(?:odd|even|first)(?:Header|Footer)\b[^>]{0,100}>([^<]{1,2000})<"
)
_PARTS = re.compile("&[LCR]")
_CODES = re.compile('&"[^"]{0,200}"|&K[0-9A-Fa-f+-]{6}|&[0-9]{1,3}|&[A-Za-z]')


def parts_beside(path: Path) -> list[Block]:
    """Charts as tables, text boxes, comments, heads and feet of pages, files inside. A part that is
    broken is left out: the text is worth reading without it."""
    names = [info.filename for info in members(path)]
    blocks = [block for root in _roots(path, names, _CHART) for block in _chart(root)]
    for pattern in (_DRAWING, _COMMENTS):
        for root in _roots(path, names, pattern):
            blocks += (Block(BlockKind.TEXT, text) for text in _texts(root))
    heads = (text for root in _roots(path, names, _HEADS) for text in _texts(root))
    printed = (text for name in names if _SHEET.fullmatch(name) for text in _printed(path, name))
    return blocks + head_blocks_of((*heads, *printed)) + embedded_blocks(path)


def _roots(path: Path, names: list[str], pattern: "re.Pattern[str]") -> Iterator[Any]:
    for name in sorted(name for name in names if pattern.fullmatch(name))[:_MOST_PARTS]:
        try:
            root = tree_of(part_of(path, name))
        except (ParseError, zipfile.BadZipFile):
            continue
        if root is not None:
            yield root


def _texts(root: Any) -> Iterator[str]:
    """A text for each paragraph; in comments of old sheets, for each comment."""
    paragraphs = list(root.iter("{*}p")) or list(root.iter("{*}comment"))
    for paragraph in paragraphs:
        text = "".join(each.text or "" for each in paragraph.iter("{*}t"))
        if text.strip():
            yield text


def _printed(path: Path, name: str) -> Iterator[str]:
    for found in _PRINTED.findall(end_of(path, name, _END)):
        for part in _PARTS.split(html.unescape(found.decode("utf-8", errors="replace"))):
            yield _CODES.sub("", part.replace("&&", "\x00")).replace("\x00", "&").strip()


def _chart(root: Any) -> Iterator[Block]:
    """Its title, and its figures with a row for each category and a column for each series."""
    for title in root.iter("{*}title"):
        text = "".join(each.text or "" for each in title.iter("{*}t")).strip()
        if text:
            yield Block(BlockKind.TEXT, text)
    series = list(root.iter("{*}ser"))[:100]
    if not series:
        return
    categories = _points(series[0], "cat") or _points(series[0], "xVal")
    columns = [_points(one, "val") or _points(one, "yVal") for one in series]
    names = [" ".join(v.text or "" for v in one.iterfind("{*}tx//{*}v")) for one in series]
    places = sorted(set(categories).union(*columns))[:10_000]
    rows = [[categories.get(at, ""), *(column.get(at, "") for column in columns)] for at in places]
    yield from table_block([["", *names], *rows])


def _points(series: Any, name: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for point in series.iterfind(f"{{*}}{name}//{{*}}pt"):
        at = point.get("idx", "")
        value = point.findtext("{*}v") or ""
        if at.isdecimal():
            found.setdefault(int(at), value)
    return found
