"""Where sentences end, in Chinese and English, in linear time.

Rules rather than a model: a border that is missed costs little, a border inside "Dr. Li" or "3.5"
breaks a fact in two, so in doubt there is none.
"""

import re

from apps.rag.language import CJK

_CLOSERS = "”’」』）】》〉)\\]\"'"

# The look-behinds and possessive quantifiers keep a run of five million dots linear.
_BORDER = re.compile(
    f"(?P<cjk>[。！？；…｡]++[{_CLOSERS}]*+)"
    f"|(?P<latin>(?<![.!?])[.!?]++[{_CLOSERS}]*+(?=\\s|[{CJK}]|$))"
    r"|(?P<blank>\n[^\S\n]*+\n)"
)
_NEVER_LAST = re.compile(
    "al|approx|art|assoc|capt|cf|ch|co|col|corp|dept|dr|eds|eq|esp|est|ext|figs?|gen|gov|inc|incl|"
    "jr|ltd?|max|min|mrs?|ms|mt|nos|prof|pp|refs?|rep|resp|rev|sec|sen|sgt|sr|st|tel|vols?|vs"
)
_BEFORE_A_NUMBER = frozenset(["no", "p", "ver"])
_OPENERS = "([{\"'“‘（「『【《"
_LOOK_BACK = 24


def _last_word(text: str, end: int) -> str:
    """The word, or chain like "e.g", that ends right before the dot at ``end``."""
    words = text[max(0, end - _LOOK_BACK) : end].split()
    return words[-1].lstrip(_OPENERS) if words else ""


def _follower(text: str, start: int) -> str:
    """The first character after the white space at ``start``; looks only a few characters far."""
    return text[start : start + _LOOK_BACK].lstrip()[:1]


def _is_numbering(text: str, dot: int, word: str) -> bool:
    """ "3." or "b." at the beginning of a line: the number of what follows, not a sentence."""
    start = dot - len(word)
    line_start = text.rfind("\n", max(0, start - _LOOK_BACK), start) + 1
    before = text[max(line_start, start - _LOOK_BACK) : start]
    return len(word) <= 3 and not before.strip() and (line_start > 0 or start < _LOOK_BACK)


def _is_abbreviation(word: str, follower: str) -> bool:
    lowered = word.lower()
    if _NEVER_LAST.fullmatch(lowered) or _is_dotted(word):
        return True
    if lowered in _BEFORE_A_NUMBER:
        return follower.isdigit()
    return len(word) == 1 and word.isupper() and word != "I"


def _is_dotted(word: str) -> bool:
    """ "e.g", "U.S" or "Ph.D", but neither "3.5" nor "example.com"."""
    parts = word.split(".")
    return len(parts) > 1 and all(part.isalpha() and len(part) <= 2 for part in parts)


def _ends_sentence(text: str, border: re.Match[str]) -> bool:
    """Whether a run of ".", "!" or "?" with white space or CJK behind it ends a sentence."""
    follower = _follower(text, border.end())
    if not follower:
        return True
    if follower.islower():
        return False
    mark = border.group("latin")
    if mark[0] != "." or mark.startswith(".."):
        return True
    word = _last_word(text, border.start())
    return not (_is_abbreviation(word, follower) or _is_numbering(text, border.start(), word))


def sentence_borders(text: str, start: int = 0) -> list[int]:
    """Positions right after the last character of each sentence, the end of the text included."""
    borders = [
        found.end()
        for found in _BORDER.finditer(text, start)
        if found.lastgroup != "latin" or _ends_sentence(text, found)
    ]
    if not borders or borders[-1] < len(text):
        borders.append(len(text))
    return borders


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence without the white space around it; only space lies between."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in sentence_borders(text):
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(stripped)))
        start = end
    return spans


def is_finished(text: str) -> bool:
    """Whether a text ends where a sentence may end (also a colon, or no letters at all)."""
    stripped = text.rstrip().rstrip("”’」』）】》〉)]\"'")
    return not stripped or stripped[-1] in "。！？；…｡.!?:：;"
