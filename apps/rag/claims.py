"""An answer as sentences with the sources that each cites."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.rag.sentences import sentence_spans

_MARK = re.compile(r"\[([1-9]\d{0,2})\]")
_SPACED_MARK = re.compile(r"\s*" + _MARK.pattern)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_LINE = re.compile(r"[^\n]*\n?")
_DECORATION = re.compile(r"\s*(?:#{1,6}\s+.*|(?:[-*+•]|\d{1,3}[.)、])\s+)?")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, ``start`` to ``end`` without the marks behind it, in line ``line``.

    ``marks`` are the (start, end) of its marks, ``numbers`` what they cite.
    """

    start: int
    end: int
    text: str
    numbers: tuple[int, ...]
    marks: tuple[tuple[int, int], ...]
    line: int


def claims_of(text: str) -> Iterator[Claim]:
    """The sentences of an answer that state something: no code, headings or list signs.

    Marks inside a sentence or right behind it ("… days. [1] Then …") are its own; the text of a
    claim has them taken out. ``text`` has its marks in the form ``[n]``.
    """
    is_code = False
    position = 0
    for number, line in enumerate(_LINE.findall(text)):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            yield from _claims_of_line(line, position, number)
        position += len(line)


def _claims_of_line(line: str, offset: int, number: int) -> Iterator[Claim]:
    decoration = _DECORATION.match(line)
    begin = decoration.end() if decoration else 0
    # Blanked out, a mark is white space between or inside sentences.
    blank = _MARK.sub(lambda mark: " " * len(mark.group()), line)
    spans = [(begin + start, begin + end) for start, end in sentence_spans(blank[begin:])]
    marks = list(_MARK.finditer(line))
    limits = [*(start for start, _ in spans[1:]), len(line)][: len(spans)]
    for (start, end), limit in zip(spans, limits, strict=True):
        own = [mark for mark in marks if start <= mark.start() < limit]
        yield Claim(
            start=offset + start,
            end=offset + end,
            text=_SPACED_MARK.sub("", line[start:end]),
            numbers=tuple(int(mark.group(1)) for mark in own),
            marks=tuple((offset + mark.start(), offset + mark.end()) for mark in own),
            line=number,
        )
