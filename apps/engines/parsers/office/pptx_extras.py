"""What a slide shows beside text and tables: diagrams and charts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pptx
from lxml import etree

from apps.engines.parsers.tables import table_block
from apps.rag.ports import Block, BlockKind

_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SAFE = etree.XMLParser(resolve_entities=False, no_network=True)


def extras_of(path: Path) -> dict[int, list[Block]]:
    """Blocks for each slide's number: the points of its diagrams, the figures of its charts."""
    found: dict[int, list[Block]] = defaultdict(list)
    for number, slide in enumerate(pptx.Presentation(str(path)).slides, start=1):
        found[number] += _diagrams(slide, number)
        for shape in _shapes(slide.shapes):
            if getattr(shape, "has_chart", False):
                found[number] += table_block(_figures(shape.chart), page=number)
    return found


def _diagrams(slide: Any, number: int) -> Iterator[Block]:
    for relation in slide.part.rels.values():
        if relation.is_external or not relation.reltype.endswith("/diagramData"):
            continue
        root = etree.fromstring(relation.target_part.blob, parser=_SAFE)
        for point in root.iter(f"{_DGM}pt"):
            text = " ".join(node.text or "" for node in point.iter(f"{_A}t")).strip()
            if text:
                yield Block(BlockKind.LIST_ITEM, text, page=number)


def _shapes(shapes: Iterable[Any]) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _figures(chart: Any) -> list[list[str]]:
    """The chart as a table: a column for each series."""
    plot = next(iter(chart.plots), None)
    if plot is None:
        return []
    categories = [str(category) for category in plot.categories]
    series = list(plot.series)
    rows = [["", *(one.name or "" for one in series)]]
    for place, category in enumerate(categories):
        values = [one.values[place] if place < len(one.values) else None for one in series]
        rows.append([category, *("" if value is None else f"{value:g}" for value in values)])
    return rows
