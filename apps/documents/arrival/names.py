"""Names of documents: kept as people wrote them, without what hurts."""

import re
import unicodedata
from itertools import count

LONGEST_BYTES = 255
FALLBACK = "document"

_SEPARATORS = re.compile(r"[/\\]")
_SPACES = re.compile(r"\s+")
# Controls, formats (direction marks that make "fdp.exe" look like "exe.pdf") and lone surrogates.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean_name(name: str) -> str:
    """A name that is safe to show and store: no folders, nothing invisible, at most 255 bytes.
    Angle brackets and quotes stay: they are text, and every page escapes text."""
    base = _SEPARATORS.split(name.strip())[-1] if not name.strip().endswith(("/", "\\")) else ""
    seen = "".join(
        " " if char.isspace() else char
        for char in unicodedata.normalize("NFC", base)
        if char.isspace() or unicodedata.category(char) not in _UNSEEN
    )
    plain = _SPACES.sub(" ", seen).strip().strip(".").strip()
    return _shortened(plain or FALLBACK)


def clean_path(name: str) -> str:
    """The same with the folders that a file lay in, as "folder/sub/a.pdf": text that tells two
    files of one name apart, never a path. Of what is too long the outermost folders go."""
    parts = [part for part in _SEPARATORS.split(name.strip()) if part.strip(". ")]
    kept = [clean_name(part) for part in parts] or [FALLBACK]
    while len("/".join(kept).encode()) > LONGEST_BYTES and len(kept) > 1:
        kept.pop(0)
    return "/".join(kept)


def numbered(name: str, taken: "set[str]") -> str:
    """``name``, or "name (2).pdf" and so on: the first that is not taken. Of a long name the end
    of the stem makes room for the number."""
    if name not in taken:
        return name
    stem, dot, suffix = _split(name)
    tails = (f" ({number}){dot}{suffix}" for number in count(2))
    return next(found for tail in tails if (found := _with_tail(stem, tail)) not in taken)


def _with_tail(stem: str, tail: str) -> str:
    room = LONGEST_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + tail


def suffix_of(name: str) -> str:
    """The part after the last dot, in lower case; empty when there is none."""
    return _split(name)[2].lower()


def stem_of(name: str) -> str:
    """The name without that part."""
    return _split(name)[0]


def _split(name: str) -> tuple[str, str, str]:
    stem, dot, suffix = name.rpartition(".")
    if not stem or stem.endswith("/") or "/" in suffix or len(suffix) > 10:
        return name, "", ""
    return stem, dot, suffix


def _shortened(name: str) -> str:
    """At most 255 bytes of UTF-8, with the suffix kept."""
    if len(name.encode()) <= LONGEST_BYTES:
        return name
    stem, dot, suffix = _split(name)
    return _with_tail(stem, dot + suffix)
