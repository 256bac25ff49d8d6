"""Tells a model's thinking from its answer where the server leaves both in one text."""

from apps.rag.ports import Delta, DeltaKind

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkingSplitter:
    """Reads an answer that may begin with ``<think>…</think>``; tags may be cut anywhere.

    Only a tag at the very beginning counts: later ones are text that the answer speaks about.
    """

    def __init__(self) -> None:
        self._held = ""
        self._wanted: str | None = _OPEN
        self._is_after_tag = False

    def split(self, delta: Delta) -> list[Delta]:
        """What can be said for certain after this delta."""
        if delta.kind is not DeltaKind.TEXT:
            return [delta]
        if self._wanted is None:
            return self._answer(delta.text)
        self._held += delta.text
        return self._opening() if self._wanted == _OPEN else self._closing()

    def rest(self) -> list[Delta]:
        """What was held back when the stream ended."""
        held, self._held = self._held, ""
        kind = DeltaKind.THINKING if self._wanted == _CLOSE else DeltaKind.TEXT
        return [Delta(held, kind)] if held else []

    def _opening(self) -> list[Delta]:
        begin = self._held.lstrip()
        if begin.startswith(_OPEN):
            self._held, self._wanted = begin.removeprefix(_OPEN), _CLOSE
            return self._closing()
        if _OPEN.startswith(begin):
            return []
        self._wanted = None
        return self.rest()

    def _closing(self) -> list[Delta]:
        thought, tag, answer = self._held.partition(_CLOSE)
        if tag:
            self._held, self._wanted, self._is_after_tag = "", None, True
            thoughts = [Delta(thought, DeltaKind.THINKING)] if thought else []
            return thoughts + self._answer(answer)
        keep = _length_of_partial_tag(self._held)
        said, self._held = (
            self._held[: len(self._held) - keep],
            self._held[len(self._held) - keep :],
        )
        return [Delta(said, DeltaKind.THINKING)] if said else []

    def _answer(self, text: str) -> list[Delta]:
        """The answer begins where its first letter is, not at the lines below the tag."""
        text = text.lstrip() if self._is_after_tag else text
        self._is_after_tag = self._is_after_tag and not text
        return [Delta(text)] if text else []


def _length_of_partial_tag(text: str) -> int:
    """How much of the end of ``text`` may be the beginning of the closing tag."""
    longest = min(len(_CLOSE) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if _CLOSE.startswith(text[-n:])), 0)
