"""Lines of a document to blocks: paragraphs, titles, lists and tables. Knows no PDF library."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.engines.parsers.pdf.pdf_lines import Line, mean_confidence
from apps.rag.language import CJK
from apps.rag.ports import Block, BlockKind, Box

Page = list[Line]

# A title is this much larger, or this much heavier, than the text.
_LARGER, _HEAVIER = 1.15, 1.2
_LONGEST_TITLE = 160
_EDGE_LINES = 3
# Column headings begin at most this far left of the values under them.
_OVER_VALUES = 0.08
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
_AMOUNT = re.compile(r"[$¥€£(]?\s*-?\d[\d,.]*\s*[)%]?|—|-|–")
_WORD = re.compile(f"[^\\W\\d_]{{3}}|[{CJK}]{{2}}")
_YEAR = re.compile(r"(19|20)\d\d")


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
        for group, is_table in _groups(page)
        for block in (_table(group) if is_table else _texts(group, body))
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


def _groups(page: Page) -> Iterator[tuple[Page, bool]]:
    """The page as runs of text and of table rows, in order."""
    flags = _table_flags(page)
    start = 0
    for position in range(1, len(page) + 1):
        if position == len(page) or flags[position] != flags[start]:
            yield page[start:position], flags[start]
            start = position


def _table_flags(page: Page) -> list[bool]:
    """Which lines belong to tables: rows in a run, and short labels and headings between them."""
    rows = [line.is_row for line in page]
    flags = list(rows)
    for number, line in enumerate(page):
        if not rows[number]:
            reach = 3 if len(line.text) < 60 else 2 if len(line.text) < 120 else 0
            above = rows[max(0, number - reach) : number]
            flags[number] = any(above) and any(rows[number + 1 : number + 1 + reach])
    for number in range(len(page)):  # column headings above the first row
        if flags[number] and not (number and flags[number - 1]):
            _claim_headings(page, flags, number)
    for number, line in enumerate(page):  # a row alone is a line with a tab in it
        alone = not any(flags[max(0, number - 1) : number] + flags[number + 1 : number + 2])
        if alone and len(line.cells) < 3:
            flags[number] = False
    return flags


def _claim_headings(page: Page, flags: list[bool], first: int) -> None:
    """Take the lines above a table that stand over its columns of values, across labels such as
    "Net sales:" in between."""
    values = min(line.cells[1].x0 for line in page[first : first + 5] if line.is_row)
    claimed: list[int] = []
    highest = first
    for number in range(first - 1, max(first - 12, -1), -1):
        line = page[number]
        is_label = line.text.endswith((":", "：")) and len(line.text) < 60
        if line.is_row or not (is_label or line.box.x0 > values - _OVER_VALUES):
            break
        claimed.append(number)
        if line.box.x0 > values - _OVER_VALUES:
            highest = number
    for number in claimed:
        flags[number] = flags[number] or number >= highest


def _table(lines: Page) -> Iterator[Block]:
    """A table: one row a line, cells apart, its column headings on the first line."""
    left = min(line.box.x0 for line in lines)
    heads: Page = []
    for line in lines:
        if _is_heading_row(line, left):
            heads.append(line)
        elif line.is_row:
            break
    rest = [line for line in lines if line not in heads]
    if not heads and len(rest) > 1 and _names_columns(rest[0], rest[1:]):
        heads, rest = rest[:1], rest[1:]
    header = " | ".join(_columns(heads)) if rest else ""
    rows = [" | ".join(cell.text for cell in line.cells) for line in rest or lines]
    boxes = tuple(line.box for line in rest or lines)
    if header:
        rows.insert(0, header)
        boxes = (_union([line.box for line in heads]), *boxes)
    yield Block(
        BlockKind.TABLE,
        "\n".join(rows),
        page=lines[0].box.page,
        boxes=boxes,
        header=header,
        confidence=_confidence(lines),
    )


def _is_heading_row(line: Line, left: float) -> bool:
    """Nothing in the column of labels, and no amounts."""
    if line.box.x0 < left + 0.1:
        return False
    return all(not _AMOUNT.fullmatch(c.text) or _YEAR.fullmatch(c.text) for c in line.cells)


def _names_columns(first: Line, others: Page) -> bool:
    """A first row of words or years over rows of the same width."""
    widest = max(len(line.cells) for line in others)
    return len(first.cells) >= max(widest, 2) and all(
        not _AMOUNT.fullmatch(cell.text) or _YEAR.fullmatch(cell.text) for cell in first.cells
    )


def _columns(lines: Page) -> list[str]:
    """Column headings; what stands under another piece and over nothing else continues it."""
    columns: list[tuple[str, float, float]] = []
    for line in lines:
        for cell in line.cells:
            if columns and not line.is_row:
                text, x0, x1 = columns[-1]
                overlap = min(x1, cell.x1) - max(x0, cell.x0)
                if overlap > 0.5 * max(min(x1 - x0, cell.x1 - cell.x0), 1e-6):
                    columns[-1] = (f"{text} {cell.text}", min(x0, cell.x0), max(x1, cell.x1))
                    continue
            columns.append((cell.text, cell.x0, cell.x1))
    return [text for text, _, _ in columns]


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


def _union(boxes: Sequence[Box]) -> Box:
    return Box(
        boxes[0].page,
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )
