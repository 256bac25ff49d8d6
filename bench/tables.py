"""Tables of the ICDAR 2013 competition: how like the rows that are read are to those that people
marked, by TEDS (tree edit distance based similarity; Zhong, ShafieiBavani and Jimeno Yepes,
"Image-based table recognition: data, model, and evaluation", ECCV 2020, arXiv:1911.10683).

A table is a tree of rows and cells. To add or leave out a row or a cell costs 1, another text in a
cell its Levenshtein distance over the longer text; one less the cost over the nodes of the larger
tree is the measure. Two things are stricter or plainer than there: cells stay in their rows when
rows are aligned, and a cell that spans others is one with empty ones beside it. A table that goes
on on another page counts there by itself. One that was not found counts 0.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from lxml import etree

from apps.rag.ports import Block, BlockKind
from bench.scans import distance

Row = tuple[str, ...]
Table = tuple[Row, ...]


def marked(path: Path) -> dict[int, list[Table]]:
    """The tables that people marked, by page."""
    found: dict[int, list[Table]] = defaultdict(list)
    for region in etree.parse(path, etree.XMLParser(recover=True)).iter("region"):
        cells = {place: text for cell in region.iter("cell") for place, text in _cell(cell)}
        rows, columns = (sorted({place[axis] for place in cells}) for axis in (0, 1))
        table = tuple(tuple(cells.get((row, column), "") for column in columns) for row in rows)
        found[int(region.get("page") or 1)].append(table)
    return found


def _cell(cell: etree._Element) -> Iterator[tuple[tuple[int, int], str]]:
    """Its text at its first place, and nothing at the others that it spans."""
    row, column = int(cell.get("start-row") or 0), int(cell.get("start-col") or 0)
    text = "".join(cell.findtext("content") or "").strip()
    for down in range(row, int(cell.get("end-row") or row) + 1):
        for across in range(column, int(cell.get("end-col") or column) + 1):
            yield (down, across), text if (down, across) == (row, column) else ""


def shown(blocks: Sequence[Block]) -> dict[int, list[Table]]:
    """The tables that were read, by page; empty cells at the end of a row are not written."""
    found: dict[int, list[Table]] = defaultdict(list)
    for block in blocks:
        if block.kind is BlockKind.TABLE:
            rows = [[cell.strip() for cell in line.split("|")] for line in block.text.split("\n")]
            width = max(map(len, rows))
            found[block.page or 1].append(tuple((*row, *[""] * (width - len(row))) for row in rows))
    return found


def best(wanted: Sequence[Table], got: Sequence[Table]) -> list[float]:
    """The measure of each table of a page, each with a table of its own: the most alike first."""
    pairs = sorted(
        ((teds(one, other), i, j) for i, one in enumerate(wanted) for j, other in enumerate(got)),
        reverse=True,
    )
    scores = dict.fromkeys(range(len(wanted)), 0.0)
    seen: tuple[set[int], set[int]] = (set(), set())
    for score, i, j in pairs:
        if i not in seen[0] and j not in seen[1]:
            scores[i] = score
            seen[0].add(i)
            seen[1].add(j)
    return list(scores.values())


def teds(wanted: Table, got: Table) -> float:
    """1: the same rows of the same cells; 0: nothing in common."""
    nodes = max(_nodes(wanted), _nodes(got))
    cost = _aligned(
        [1.0 + len(row) for row in wanted],
        [1.0 + len(row) for row in got],
        lambda i, j: _rows(wanted[i], got[j]),
    )
    return max(0.0, 1 - cost / nodes)


def _nodes(table: Table) -> int:
    return 1 + sum(1 + len(row) for row in table)


@cache
def _rows(one: Row, other: Row) -> float:
    return _aligned([1.0] * len(one), [1.0] * len(other), lambda i, j: _texts(one[i], other[j]))


def _aligned(
    one: Sequence[float], other: Sequence[float], change: Callable[[int, int], float]
) -> float:
    """The least cost to turn one sequence into another, given what each part costs to leave out."""
    row = [0.0]
    for cost in other:
        row.append(row[-1] + cost)
    for i, cost in enumerate(one):
        following = [row[0] + cost]
        for j, added in enumerate(other):
            least = min(row[j + 1] + cost, following[j] + added)
            following.append(least if row[j] >= least else min(least, row[j] + change(i, j)))
        row = following
    return row[-1]


@cache
def _texts(one: str, other: str) -> float:
    a, b = ("".join(text.split()) for text in (one, other))
    return 0.0 if a == b else distance(a, b) / max(len(a), len(b))
