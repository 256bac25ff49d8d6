"""Reasoning that a model writes into its answer between ``<think>`` and ``</think>``."""

from apps.rag.ports import Delta, DeltaKind

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkingSplitter:
    """Splits streamed text into TEXT and THINKING deltas; a tag may come in any number of parts.

    A tag opens only at the beginning of the answer or of a line, so that an answer *about* such
    tags stays text. White space around the thinking is dropped. Thinking that is never closed
    stays thinking.
    """

    def __init__(self) -> None:
        self._held = ""
        self._kind = DeltaKind.TEXT
        self._is_line_start = True
        self._drops_space = False

    def feed(self, text: str) -> list[Delta]:
        """What is certain after this piece, in order; the rest is held until more comes."""
        return self._split(self._held + text, is_last=False)

    def flush(self) -> list[Delta]:
        """What was held, at the end of the stream."""
        return self._split(self._held, is_last=True)

    def _split(self, text: str, *, is_last: bool) -> list[Delta]:
        deltas: list[Delta] = []
        while True:
            is_text = self._kind is DeltaKind.TEXT
            at = self._opening(text) if is_text else text.find(_CLOSE)
            if at < 0:
                break
            self._say(deltas, text[:at])
            text = text[at + len(_OPEN if is_text else _CLOSE) :]
            self._kind = DeltaKind.THINKING if is_text else DeltaKind.TEXT
            self._is_line_start = True
            self._drops_space = True
        keep = 0 if is_last else self._uncertain(text)
        self._say(deltas, text[: len(text) - keep])
        self._held = text[len(text) - keep :]
        return deltas

    def _opening(self, text: str) -> int:
        at = text.find(_OPEN)
        while at >= 0 and not self._begins_line(text, at):
            at = text.find(_OPEN, at + 1)
        return at

    def _begins_line(self, text: str, at: int) -> bool:
        before = text[:at].rpartition("\n")
        return not before[2].strip() and bool(before[1] or self._is_line_start)

    def _uncertain(self, text: str) -> int:
        """How many characters at the end may be the beginning of the tag that is awaited."""
        tag = _OPEN if self._kind is DeltaKind.TEXT else _CLOSE
        for size in range(min(len(tag) - 1, len(text)), 0, -1):
            if text.endswith(tag[:size]):
                return size
        return 0

    def _say(self, deltas: list[Delta], text: str) -> None:
        if self._drops_space:
            text = text.lstrip()
        if not text:
            return
        self._drops_space = False
        before = text.rpartition("\n")
        self._is_line_start = not before[2].strip() and bool(before[1] or self._is_line_start)
        deltas.append(Delta(text, self._kind))
