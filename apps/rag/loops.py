"""Noticing a model that says the same thing for ever."""

import re
from collections import Counter, deque

_TAIL = 1200
_LONGEST_UNIT = 300
_LOOK_EVERY = 40
_LEAST_REPEATED = 160
_LEAST_RULE = 600
_TIMES = 4
_LINES, _SAME_LINES = 12, 6
_LEAST_LINE = 12
_ENUMERATOR = re.compile(r"^\W*(?:\d+[.)、．]\s*)?\W*")


class LoopGuard:
    """Told every piece of an answer, says whether it has begun to go round in circles.

    Two signs: the text ends in one unit of up to 300 characters that fills at least 160 characters
    and four turns (for units without letters, such as a ruled line or table border, 600), or six
    of the last twelve lines are the same but for their numbering.
    """

    def __init__(self) -> None:
        self._tail = ""
        self._unseen = 0
        self._line = ""
        self._lines: deque[str] = deque(maxlen=_LINES)

    def is_looping(self, text: str) -> bool:
        """Take the next piece; whether the text up to its end loops."""
        self._tail = (self._tail + text)[-_TAIL:]
        self._unseen += len(text)
        has_same_lines = self._has_same_lines(text)
        if self._unseen < _LOOK_EVERY:
            return has_same_lines
        self._unseen = 0
        return has_same_lines or _repeats(self._tail)

    def _has_same_lines(self, text: str) -> bool:
        *ended, self._line = (self._line + text[-_TAIL:]).split("\n")
        if not ended:
            return False
        self._lines.extend(_ENUMERATOR.sub("", line).strip() for line in ended)
        long_lines = Counter(line for line in self._lines if len(line) >= _LEAST_LINE)
        return any(times >= _SAME_LINES for times in long_lines.values())


def _repeats(tail: str) -> bool:
    return any(_fills(tail, unit) for unit in range(1, min(_LONGEST_UNIT, len(tail) // 2) + 1))


def _fills(tail: str, unit: int) -> bool:
    """Whether the tail ends in enough turns of a unit of this many characters."""
    has_letters = any(map(str.isalnum, tail[-unit:]))
    length = max(_TIMES * unit, _LEAST_REPEATED if has_letters else _LEAST_RULE)
    if length > len(tail):
        return False
    end = tail[-length:]
    return end[unit:] == end[:-unit]
