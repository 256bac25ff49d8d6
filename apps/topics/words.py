"""Whether a text has a word or fits a pattern, however it is written: capitals, full width, traditional
characters, spaces between characters and what cannot be seen make no difference.

Patterns are RE2's: the time that one takes grows with the text and no faster, whatever it says.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import opencc
import re2

LONGEST_WORD, LONGEST_PATTERN, MOST = 100, 500, 200
# Two megabytes of automaton: a pattern that needs more is refused when it is written.
_MOST_MEMORY = 2 << 20
# Spaces between two Chinese characters say nothing.
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_BETWEEN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def plain(text: str) -> str:
    """As words are compared: one width, simplified, lower case, without what is not seen."""
    return evened(text).casefold()


def evened(text: str) -> str:
    """The same with its capitals, as patterns see it."""
    wide = unicodedata.normalize("NFKC", text)
    seen = "".join(sign for sign in wide if unicodedata.category(sign) not in {"Cf", "Mn"})
    return _BETWEEN.sub("", " ".join(str(_simplifier().convert(seen)).split()))


def has_word(text: str, words: Iterable[str]) -> str:
    """The first of the words that stands in ``plain`` text; "" where none does.

    Letters of an alphabet are found as whole words; one that ends in ``*`` as their beginning.
    """
    return next((word for word in words if _stands_in(text, word)), "")


def _stands_in(text: str, word: str) -> bool:
    wanted = plain(word.rstrip("*"))
    if not wanted:
        return False
    is_open = word.endswith("*")
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        begins = not (_is_letter(wanted[0]) and at and _is_letter(text[at - 1]))
        ends = is_open or not (_is_letter(wanted[-1]) and end < len(text) and _is_letter(text[end]))
        if begins and ends:
            return True
        at = text.find(wanted, at + 1)
    return False


def _is_letter(sign: str) -> bool:
    """Of a script that puts spaces between words; Chinese does not."""
    return sign.isalnum() and not "\u2e80" <= sign <= "\uffdc"


def fits(text: str, patterns: Iterable[str]) -> str:
    """The first of the patterns that ``evened`` text fits; "" where it fits none. One that cannot
    be read any more fits nothing: it was checked when it was written."""
    for pattern in patterns:
        made = compiled(pattern)
        if made is not None and made.search(text):
            return pattern
    return ""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> "re2._Regexp[str] | None":
    """A pattern that is ready to use; None for what is no pattern, or one too large."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(str(_simplifier().convert(pattern)), options)
    except re2.error:
        return None
