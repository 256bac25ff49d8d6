"""Lines of a document to blocks: paragraphs, titles, lists and tables. Knows no PDF library."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.engines.parsers.pdf.pdf_grid import Grid
from apps.engines.parsers.pdf.pdf_lines import Line, mean_confidence
from apps.engines.parsers.pdf.pdf_tables import groups
from apps.engines.parsers.tables import line_of
from apps.rag.language import CJK
from apps.rag.ports import Block, BlockKind

Page = list[Line]

# A title is this much larger, or this much heavier, than the text.
_LARGER, _HEAVIER = 1.15, 1.2
_LONGEST_TITLE = 160
_EDGE_LINES = 3
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"[-–—\s]*(page\s*)?[#第]?\s*#\s*(页|/\s*#|of\s*#)?[-–—\s]*", re.IGNORECASE
)
_BULLET = re.compile(r"^[•▪●○■□◆◇‣∙·\uf0b7\uf0a7\uf076➢➤✓*–—-]\s+|^[•▪●■◆\uf0b7\uf0a7]")
_NUMBERED = re.compile(r"^(\(?[a-zA-Z0-9]{1,3}[).]|（[一二三四五六七八九十\d]+）|[①-⑳])\s*(?=\S)")
_ARTICLE = re.compile(r"^第[一二三四五六七八九十百零〇\d]{1,6}[条章节编]")
_SENTENCE_END = re.compile(r"[.!?;:,。！？；：，、][”’\"')）】》]*$")
_ENDS_IN_HYPHEN = re.compile(r"[a-z]-$")
_CJK_AT_EDGE = re.compile(f"[{CJK}，。、；：？！（）“”《》【】]")
_WORD = re.compile(f"[^\\W\\d_]{{3}}|[{CJK}]{{2}}")


@dataclass(frozen=True, slots=True)
class Body:
    """What most of the text looks like: the measure for what stands out."""

    size: float
    weight: int
    title_sizes: tuple[float, ...]


def blocks_of(pages: Sequence[Page]) -> list[Block]:
    """The blocks of a document in reading order. Lines that repeat at page edges are left out."""
    kept = without_running_lines(pages)
    body = _body(kept)
    return [
        block
        for page in kept
        for lines, grids in groups(page)
        for block in (_table(lines, grids) if grids else _texts(lines, body))
    ]


def without_running_lines(pages: Sequence[Page]) -> list[Page]:
    """Pages without headers, footers and page numbers: what stands at the edge of many pages."""
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({_pattern(line) for line in _edges(page)})
    least = max(3, len(pages) * 0.4)
    running = {
        pattern
        for pattern, times in seen.items()
        if times >= least or (_PAGE_NUMBER.fullmatch(pattern) and len(pages) > 1)
    }
    return [_trimmed(page, running) for page in pages]


def _pattern(line: Line) -> str:
    return _DIGITS.sub("#", line.text)


def _edges(page: Page) -> list[Line]:
    return page if len(page) <= 2 * _EDGE_LINES else [*page[:_EDGE_LINES], *page[-_EDGE_LINES:]]


def _trimmed(page: Page, running: set[str]) -> Page:
    edges = {id(line) for line in _edges(page) if _pattern(line) in running}
    return [line for line in page if id(line) not in edges]


def _body(pages: Sequence[Page]) -> Body:
    sizes: Counter[float] = Counter()
    weights: Counter[int] = Counter()
    for line in (line for page in pages for line in page):
        sizes[round(line.size, 4)] += len(line.text)
        weights[line.weight] += len(line.text)
    size = sizes.most_common(1)[0][0] if sizes else 0.0
    weight = weights.most_common(1)[0][0] if weights else 0
    larger = sorted({round(s, 3) for s in sizes if s > size * _LARGER}, reverse=True)
    return Body(size, weight, tuple(larger))


def _table(lines: Page, grids: Sequence[Grid]) -> Iterator[Block]:
    """Tables: one row a line, cells apart, the rows that name columns as their header."""
    for grid in grids:
        rows = [line_of(row) for row in grid.rows]
        yield Block(
            BlockKind.TABLE,
            "\n".join(rows),
            page=lines[0].box.page,
            boxes=grid.boxes,
            header="\n".join(rows[: grid.headings]) if grid.headings < len(rows) else "",
            confidence=_confidence(lines),
        )


def _texts(lines: Page, body: Body) -> Iterator[Block]:
    for paragraph in _paragraphs(lines):
        text = _flowing(paragraph)
        level = _title_level(paragraph, text, body)
        kind = BlockKind.TEXT
        if level:
            kind = BlockKind.TITLE
        elif _BULLET.match(text):
            kind, text = BlockKind.LIST_ITEM, "• " + _BULLET.sub("", text)
        elif _NUMBERED.match(text):
            kind = BlockKind.LIST_ITEM
        yield Block(
            kind,
            text,
            page=paragraph[0].box.page,
            level=level,
            boxes=tuple(line.box for line in paragraph),
            confidence=_confidence(paragraph),
        )


def _confidence(lines: Page) -> float | None:
    mean = mean_confidence(lines)
    return None if mean is None else round(mean, 3)


def _paragraphs(lines: Page) -> Iterator[Page]:
    if not lines:
        return
    gap = _usual_gap(lines)
    paragraph = [lines[0]]
    right = lines[0].box.x1
    for before, line in pairwise(lines):
        right = max(right, before.box.x1)
        if _begins(before, line, gap=gap, right=right):
            yield paragraph
            paragraph, right = [], line.box.x1
        paragraph.append(line)
    yield paragraph


def _usual_gap(lines: Page) -> float:
    """From one base line to the next within paragraphs: the most common step."""
    steps = [
        round((below.box.y1 - above.box.y1) / above.size, 1)
        for above, below in pairwise(lines)
        if above.size and 0.5 < (below.box.y1 - above.box.y1) / above.size < 3
    ]
    return Counter(steps).most_common(1)[0][0] if steps else 1.3


def _begins(before: Line, line: Line, *, gap: float, right: float) -> bool:
    """Whether a line begins a new paragraph."""
    size = before.size or 1e-6
    step = (line.box.y1 - before.box.y1) / size
    is_other_type = abs(line.size - before.size) > 0.12 * size or _differ(before, line)
    is_apart = step > gap + 0.45 or step < -0.2 or line.box.x0 > before.box.x1
    if is_other_type or is_apart or _BULLET.match(line.text):
        return True
    em = before.em
    is_indented = em < line.box.x0 - before.box.x0 < 5 * em
    is_short = before.box.x1 < right - 3 * em
    ended = bool(_SENTENCE_END.search(before.text))
    return (
        (is_short and (ended or is_indented))
        or (ended and is_indented)
        or (bool(_NUMBERED.match(line.text) or _ARTICLE.match(line.text)) and (ended or is_short))
    )


def _differ(before: Line, line: Line) -> bool:
    lighter, heavier = sorted((before.weight, line.weight))
    return lighter > 0 and heavier > lighter * _HEAVIER


def _title_level(lines: Page, text: str, body: Body) -> int:
    """1 to 6 for a title, 0 for other text."""
    letters = sum(char.isalpha() for char in text)
    if len(lines) > 3 or len(text) > _LONGEST_TITLE or not _WORD.search(text):
        return 0
    if letters < len(text) * 0.4:  # a formula
        return 0
    if _SENTENCE_END.search(text) and not text.endswith((":", "：")):
        return 0
    size = min(line.size for line in lines)
    if size > body.size * _LARGER:
        larger = sum(1 for other in body.title_sizes if other > size * 1.05)
        return min(larger + 1, 4)
    if body.weight and min(line.weight for line in lines) > body.weight * _HEAVIER:
        return min(len(body.title_sizes) + 1, 5)
    return 0


def _flowing(lines: Iterable[Line]) -> str:
    """One running text: hyphens at line ends joined, no space between Chinese lines."""
    text = ""
    for line in lines:
        if not text:
            text = line.text
        elif _ENDS_IN_HYPHEN.search(text) and line.text[:1].islower():
            text = text[:-1] + line.text
        elif _CJK_AT_EDGE.match(text[-1]) and _CJK_AT_EDGE.match(line.text):
            text += line.text
        else:
            text += " " + line.text
    return text
