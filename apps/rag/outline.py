"""Blocks grouped into sections under their path of titles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from apps.rag.ports import Block, BlockKind
from apps.rag.tokens import HUNDRED, running_weights, weight

# What the titles above a chunk may cost together, in hundredths of a token. With a chunk of 320
# and the error of the estimate this stays under the 512 tokens that e5 reads.
PATH_BUDGET = 64 * HUNDRED
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Section:
    """Neighbouring blocks under one path of titles, outermost title first."""

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class _Title:
    block: Block
    text: str
    is_told: bool = False


@dataclass(slots=True)
class _Outline:
    """The titles that are open at one point of the document, and those nobody has been told of."""

    open_titles: list[_Title] = field(default_factory=list)
    untold: list[Block] = field(default_factory=list)
    sheet: str = ""

    def close_from(self, level: int) -> None:
        """Close titles of this level and deeper ones; an untold one is kept as text."""
        while self.open_titles and self.open_titles[-1].block.level >= level:
            title = self.open_titles.pop()
            if not title.is_told:
                self.untold.insert(0, _as_text(title.block))

    def enter_sheet(self, sheet: str) -> None:
        if sheet != self.sheet:
            self.close_from(0)
            self.sheet = sheet

    def open(self, block: Block) -> None:
        self.close_from(max(1, block.level))
        self.open_titles.append(_Title(block, " ".join(block.text.split())))

    def path(self) -> tuple[str, ...]:
        titles = [title.text for title in self.open_titles]
        if self.sheet and self.sheet not in titles:
            titles.insert(0, self.sheet)
        return clipped_path(titles)

    def tell(self) -> tuple[tuple[str, ...], list[Block]]:
        """The path for coming content, and titles that the path does not show whole, as text."""
        path = self.path()
        for title in self.open_titles:
            if not title.is_told and title.text not in path:
                self.untold.append(_as_text(title.block))
            title.is_told = True
        texts, self.untold = self.untold, []
        return path, texts


def sections(blocks: Sequence[Block], *, has_paths: bool) -> Iterator[Section]:
    """Cut blocks at titles. Without paths, titles are text like any other and there is one section.

    Every title is told at least once: in the ``headings`` of the content below it, or, where it has
    no content or is too long for a path, as a text block of the section that follows it.
    """
    outline = _Outline()
    headings: tuple[str, ...] = ()
    content: list[Block] = []
    for block in blocks:
        if not block.text.strip():
            continue
        is_title = has_paths and block.kind is BlockKind.TITLE
        if content and (is_title or block.sheet != outline.sheet):
            yield Section(headings, tuple(content))
            content = []
        outline.enter_sheet(block.sheet)
        if is_title:
            outline.open(block)
            continue
        if not content:
            headings, content = outline.tell()
        content.append(block)
    if content:
        yield Section(headings, tuple(content))
    outline.close_from(0)
    if outline.untold:
        yield Section((), tuple(outline.untold))


def clipped_path(titles: Sequence[str]) -> tuple[str, ...]:
    """The titles as they are, or each cut to an equal share where together they cost too much."""
    if sum(map(weight, titles)) <= PATH_BUDGET:
        return tuple(titles)
    share = PATH_BUDGET // len(titles)
    return tuple(_clipped(title, share) for title in titles)


def _clipped(title: str, budget: int) -> str:
    if weight(title) <= budget:
        return title
    room = budget - weight(_ELLIPSIS)
    fitting = sum(cost <= room for cost in running_weights(title[: budget // 5 + 1]))
    return title[:fitting].rstrip() + _ELLIPSIS


def _as_text(title: Block) -> Block:
    return replace(title, kind=BlockKind.TEXT, level=0)
