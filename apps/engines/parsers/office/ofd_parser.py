"""OFD, the fixed layout of Chinese offices (GB/T 33190): pages of placed text in a ZIP of XML."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.engines.parsers.pdf.pdf_layout import blocks_of
from apps.engines.parsers.pdf.pdf_lines import Cell, Line, joined_lines
from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.zip_guard import members, part_of
from apps.rag.ports import Block, Box, ParseError

_ROOT = "OFD.xml"
_LOCKED = "Encryptions.xml"
_MOST_PAGES = 5000
_A4 = (0.0, 0.0, 210.0, 297.0)
_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
_USUAL_WEIGHT = 400
# How far a line of type reaches below its base, in parts of its size.
_BELOW = 0.2


@dataclass(frozen=True, slots=True)
class _Page:
    """Number and box (in millimetres) of a page."""

    number: int
    left: float
    top: float
    width: float
    height: float

    def line(self, text: str, rect: tuple[float, float, float, float], size: float) -> Line:
        """``rect``: left, top, right, bottom in millimetres."""
        xs = [_within((x - self.left) / self.width) for x in rect[::2]]
        ys = [_within((y - self.top) / self.height) for y in rect[1::2]]
        box = Box(self.number, min(xs), min(ys), max(xs), max(ys))
        cell = Cell(text, box.x0, box.x1)
        return Line((cell,), box, size / self.height, size / self.width, _USUAL_WEIGHT)


class OfdParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        if any(info.filename == _LOCKED for info in members(path)):
            raise ParseError("ENCRYPTED", "encrypted OFD")
        return blocks_of([page for root in _documents(path) for page in _pages(path, root)])


def _documents(path: Path) -> Iterator[str]:
    """Where each document of the file begins; nearly always there is one."""
    roots = [each.text or "" for each in _tree(path, _ROOT).iter("{*}DocRoot")]
    if not roots:
        raise ParseError("UNREADABLE", "no DocRoot")
    for root in roots:
        yield _place(_ROOT, root)


def _pages(path: Path, root: str) -> Iterator[list[Line]]:
    document = _tree(path, root)
    usual = _numbers(document.findtext(".//{*}CommonData/{*}PageArea/{*}PhysicalBox"), _A4)
    templates = {
        each.get("ID", ""): _place(root, each.get("BaseLoc", ""))
        for each in document.iter("{*}TemplatePage")
    }
    places = [each.get("BaseLoc", "") for each in document.iterfind(".//{*}Pages/{*}Page")]
    if len(places) > _MOST_PAGES:
        raise ParseError("TOO_COSTLY", f"{len(places)} pages")
    for number, place in enumerate(places, start=1):
        content = _tree(path, _place(root, place))
        box = _numbers(content.findtext("{*}Area/{*}PhysicalBox"), usual)
        page = _Page(number, box[0], box[1], max(box[2], 1.0), max(box[3], 1.0))
        # A form is a template: its labels are text of the page like what is filled in.
        used = [each.get("TemplateID", "") for each in content.iter("{*}Template")]
        below = [_tree(path, templates[pk]) for pk in used if pk in templates]
        pieces = [line for tree in (*below, content) for line in _lines(tree, page)]
        yield joined_lines(_in_order(pieces))


def _lines(tree: Any, page: _Page) -> Iterator[Line]:
    for each in tree.iter("{*}TextObject"):
        left, top, width, height = _numbers(each.get("Boundary"), (0.0, 0.0, 0.0, 0.0))
        # A matrix scales the type and where it stands; what is turned is taken as it is.
        matrix = _numbers(each.get("CTM"), (1.0, 0.0, 0.0, 1.0, 0.0, 0.0))
        size = abs(_numbers(each.get("Size"), (height,))[0] * (matrix[3] or matrix[1])) or 1.0
        codes = [code for code in each.iterfind("{*}TextCode") if (code.text or "").strip()]
        base = 0.0
        for code in codes:
            base = _numbers(code.get("Y"), (base,))[0]
            bottom = top + matrix[5] + base * (matrix[3] or 1.0)
            edges = (bottom - size, bottom + _BELOW * size)
            if len(codes) == 1 and height:
                edges = (top, top + height)
            text = " ".join((code.text or "").split())
            yield page.line(text, (left, edges[0], left + width, edges[1]), size)


def _in_order(lines: list[Line]) -> list[Line]:
    """Rows from the top, each from the left: programs write text in the order of their templates."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=_middle):
        height = line.box.y1 - line.box.y0
        if rows and _middle(line) - _middle(rows[-1][0]) < height / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box.x0)]


def _middle(line: Line) -> float:
    return (line.box.y0 + line.box.y1) / 2


def _tree(path: Path, name: str) -> Any:
    tree = tree_of(part_of(path, name))
    if tree is None:
        raise ParseError("UNREADABLE", f"nothing in {name}")
    return tree


def _place(beside: str, said: str) -> str:
    """The name of a part, said absolutely or as seen from another part."""
    folder = "" if said.startswith("/") else posixpath.dirname(beside)
    return posixpath.normpath(posixpath.join(folder, said.lstrip("/")))


def _numbers(said: str | None, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    found = tuple(float(each) for each in _NUMBER.findall(said or "")[: len(otherwise)])
    return found if len(found) == len(otherwise) else otherwise


def _within(part: float) -> float:
    return round(min(max(part, 0.0), 1.0), 4)
