"""Citation marks in a stream of text: ``[1]`` is one mark, however its characters arrive.

What counts as a mark: numbers of one to three digits in ``[]``, ``【】`` or ``［］``, also several
(``[1, 2]``, ``[1、2]``, ``[1-3]``), with a word that models like to add (``[source 1]``, ``[来源1]``,
``[^1]``) or doubled brackets. What does not: ``[2024]``, ``[0]`` or ``[note]``, a Markdown link
``[1](…)``, and anything inside code, inline or fenced. An inline code ends with its line.

A mark that names no source is dropped from the text, with one space before it: a reader could not
follow it, and it would look like evidence. All others become ``[n]``, one mark per number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"[1-9]\d{0,2}"
_MARK = re.compile(
    r"(?P<space>[ \u00a0]?)(?:\[{1,2}|[【［])\s?(?:\^|#|(?:sources?|来源|资料|文档)\s?:?\s?)?"
    rf"(?P<numbers>{_NUMBER}(?:\s?[,，、;；–~-]\s?{_NUMBER})*)"
    r"\s?(?:\]{1,2}|[】］])",
    re.IGNORECASE,
)
# Every beginning of a mark matches this.
_MAYBE_MARK = re.compile(
    r"[ \u00a0]?[\[【［]{1,2}\s?[\^#A-Za-z来源资料文档]{0,8}\s?:?\s?[\d\s,，、;；–~-]*"
)
_NUMBER_OR_RANGE = re.compile(rf"({_NUMBER})(?:\s?[–~-]\s?({_NUMBER}))?")
_SPECIAL = re.compile(r"[ \u00a0]?[\[【［]|`+|~+|\n")
# A longer mark is text, and a longer range only its two ends.
_LONGEST_MARK = 48
_LONGEST_RANGE = 10
_FENCE = 3


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Text without marks."""

    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation of source ``number``, counted from 1."""

    number: int

    @property
    def text(self) -> str:
        return f"[{self.number}]"


Part = TextPiece | Mark


class CitationStream:
    """Takes an answer piece by piece and gives text and marks as soon as they are certain.

    ``"".join(part.text for part in parts)`` is the normalised answer, the same for every way of
    cutting the stream.
    """

    def __init__(self, source_count: int) -> None:
        self._source_count = source_count
        self._held = ""
        self._code = ""  # the backticks or tildes that opened the code around this point
        self._is_fenced = False
        self._line_is_blank = True
        self._parts: list[Part] = []
        self._plain: list[str] = []

    def feed(self, text: str) -> list[Part]:
        """The next piece of the answer."""
        return self._parse(self._held + text, is_last=False)

    def flush(self) -> list[Part]:
        """What was held, at the end of the answer."""
        return self._parse(self._held, is_last=True)

    def _parse(self, text: str, *, is_last: bool) -> list[Part]:
        position = 0
        while found := _SPECIAL.search(text, position):
            self._say(text[position : found.start()])
            position = found.start()
            if not is_last and self._has_to_wait(text, found):
                break
            position = self._take(text, found)
        else:
            # A last space may belong to a mark that will be dropped.
            keep = 1 if not is_last and text[position:].endswith((" ", "\u00a0")) else 0
            self._say(text[position : len(text) - keep])
            position = len(text) - keep
        self._held = text[position:]
        self._end_text()
        parts, self._parts = self._parts, []
        return parts

    def _has_to_wait(self, text: str, found: re.Match[str]) -> bool:
        """Whether characters still to come decide what begins here."""
        if found.group()[0] in "`~":
            return found.end() == len(text)
        if self._code or found.group() == "\n":
            return False
        mark = self._mark(text, found.start())
        if mark:
            return mark.end() == len(text)
        is_open = len(text) - found.start() < _LONGEST_MARK
        return is_open and bool(_MAYBE_MARK.fullmatch(text, found.start()))

    def _take(self, text: str, found: re.Match[str]) -> int:
        """Say what begins here; the position behind it."""
        begin = found.group()
        if begin == "\n":
            self._end_line()
        elif begin[0] in "`~":
            self._turn_code(begin)
        elif mark := self._citation(text, found.start()):
            self._cite(mark)
            return mark.end()
        self._say(begin)
        return found.end()

    def _mark(self, text: str, start: int) -> re.Match[str] | None:
        return _MARK.match(text, start, start + _LONGEST_MARK)

    def _citation(self, text: str, start: int) -> re.Match[str] | None:
        mark = None if self._code else self._mark(text, start)
        is_link = mark is not None and text.startswith("(", mark.end())
        return None if is_link else mark

    def _cite(self, mark: re.Match[str]) -> None:
        numbers = [n for n in _numbers(mark.group("numbers")) if n <= self._source_count]
        if not numbers:
            return
        self._say(mark.group("space"))
        self._end_text()
        self._parts.extend(Mark(number) for number in dict.fromkeys(numbers))
        self._line_is_blank = False

    def _turn_code(self, run: str) -> None:
        """Open or close code at a run of backticks or tildes."""
        can_fence = self._line_is_blank and len(run) >= _FENCE
        if not self._code:
            if can_fence or run[0] == "`":
                self._code, self._is_fenced = run, can_fence
        elif self._is_fenced:
            if can_fence and run.startswith(self._code):
                self._code = ""
        elif run == self._code:
            self._code = ""

    def _end_line(self) -> None:
        if not self._is_fenced:
            self._code = ""

    def _say(self, text: str) -> None:
        if not text:
            return
        self._plain.append(text)
        _, newline, line = text.rpartition("\n")
        self._line_is_blank = not line.strip() and bool(newline or self._line_is_blank)

    def _end_text(self) -> None:
        if self._plain:
            self._parts.append(TextPiece("".join(self._plain)))
            self._plain = []


def parse(text: str, source_count: int) -> list[Part]:
    """A whole answer as text and marks."""
    stream = CitationStream(source_count)
    return [*stream.feed(text), *stream.flush()]


def normalised(text: str, source_count: int) -> str:
    """A whole answer with its marks written ``[n]`` and marks without a source dropped."""
    return "".join(part.text for part in parse(text, source_count))


def cited_numbers(text: str, source_count: int) -> list[int]:
    """The sources that an answer cites, each once, in the order of their first mark."""
    marks = (part.number for part in parse(text, source_count) if isinstance(part, Mark))
    return list(dict.fromkeys(marks))


def without_marks(text: str) -> str:
    """An answer without any mark, as it goes into the history of the next prompt."""
    return normalised(text, source_count=0)


def _numbers(written: str) -> Iterator[int]:
    """The numbers of a mark; a range stands for all in it."""
    for found in _NUMBER_OR_RANGE.finditer(written):
        first = int(found.group(1))
        last = int(found.group(2) or first)
        if first <= last < first + _LONGEST_RANGE:
            yield from range(first, last + 1)
        else:
            yield from (first, last)
