"""Marks that recognition confuses because they differ by width alone, told apart by what is known of
type: Chinese text has wide brackets and commas, and a dash is as long as it was drawn."""

import re
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_HAN = (
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_WIDE_MARKS = r"、。《》「」『』【】〈〉，；：！？（）“”"
_IS_HAN = re.compile(f"[{_HAN}]")
_NEAR_BRACKET = re.compile(f"[{_HAN}{_WIDE_MARKS}]")
_MARK = re.compile(rf"(?<=[{_HAN}》」』）])[,;:!?](?![\w/\\.])|(?<=[{_HAN}])[,;:!?](?=[{_HAN}])")
_WIDE = {"(": "（", ")": "）", ",": "，", ";": "；", ":": "：", "!": "！", "?": "？"}
# Addresses, names of files and code are spelled with narrow marks in Chinese text, too.
_AS_IT_IS = re.compile(
    r"\S*://\S+|\S+@\S+|\w+[(（]\d+[)）]\.[A-Za-z][A-Za-z0-9]{1,4}|\b[A-Za-z]\w*_\([^()]*\)"
)
_IS_CODE = re.compile(r"[{}]|[=!<>]=|\b(?:SELECT|FROM|WHERE|return|def|import)\b")
_DASHES = "-\u2010\u2011\u2013\u2014"
_HYPHEN, _EN, _EM = "-", "\u2013", "\u2014"
# Lengths in heights of small letters: a hyphen is a half, an en dash one, an em dash two of them.
_EN_FROM, _EM_FROM = 0.67, 1.35
# Letters of typewriters are as far apart as that, and their hyphens are as long as dashes.
_TYPEWRITER = 1.3


def has_dash(text: str) -> bool:
    """Whether the picture of a line has to be looked at for its dashes. Chinese has others."""
    return any(each in _DASHES for each in text) and not _IS_HAN.search(text)


def in_chinese(text: str) -> str:
    """The line with wide marks where they stand among Chinese characters; brackets in pairs."""
    if not _IS_HAN.search(text) or _IS_CODE.search(text):
        return text
    kept = {at for found in _AS_IT_IS.finditer(text) for at in range(*found.span())}
    chars = list(text.replace("\uff02", '"'))
    for mark in _MARK.finditer("".join(chars)):
        if mark.start() not in kept:
            chars[mark.start()] = _WIDE[mark.group()]
    for places in _brackets(chars):
        if kept.intersection(places):
            continue
        near = [chars[at + step] for at, step in _beside(places) if 0 <= at + step < len(chars)]
        is_wide = any(chars[at] in "（）" for at in places)
        if is_wide or any(_NEAR_BRACKET.match(char) for char in near):
            for at in places:
                chars[at] = _WIDE.get(chars[at], chars[at])
    return "".join(chars)


def _brackets(chars: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """Where the two brackets of each pair are; one alone where the line has no other for it."""
    opened: list[int] = []
    for at, char in enumerate(chars):
        if char in "(（":
            opened.append(at)
        elif char in ")）":
            yield (opened.pop(), at) if opened else (at,)
    yield from ((at,) for at in opened)


def _beside(places: tuple[int, ...]) -> Sequence[tuple[int, int]]:
    """What says of which kind they are: what is before and in them. What follows says nothing:
    "f(x)的值" is as it should be."""
    if len(places) == 1:
        return [(places[0], -1), (places[0], 1)]
    return [(places[0], -1), (places[0], 1), (places[1], -1)]


def with_dashes(text: str, line: Grey) -> str:
    """The line with each dash as long as it is in the picture of the line, dark on light or light
    on dark. Where not as many are seen as were read all stay as they were read."""
    read = [at for at, char in enumerate(text) if char in _DASHES]
    lengths = _lengths(line, len(text.strip()))
    if len(lengths) != len(read):
        return text
    chars = list(text)
    for at, length in zip(read, lengths, strict=True):
        chars[at] = _HYPHEN if length < _EN_FROM else _EN if length < _EM_FROM else _EM
    return "".join(chars)


def _lengths(line: Grey, count: int) -> Sequence[float]:
    """Of the dashes of a line from left to right, in heights of small letters; none where that is
    not to be told."""
    _, found = cv2.threshold(line, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    ink: Grey = np.asarray(found, dtype=np.uint8)
    if np.count_nonzero(ink) > ink.size / 2:
        ink = ~ink
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h, _area in stats[1:]]
    letters = [box for box in boxes if box[3] > 0.2 * line.shape[0]]
    if len(letters) < 4:
        return []
    # Most letters are small ones, without strokes above and below.
    small = float(np.percentile([h for _x, _y, _w, h in letters], 40))
    bottom = float(np.median([y + h for _x, y, _w, h in letters]))
    if line.shape[1] / max(count, 1) > _TYPEWRITER * small:
        return []
    dashes = [box for box in boxes if _is_dash(box, small, bottom) and _is_alone(box, ink)]
    return [w / small for _x, _y, w, _h in sorted(dashes)]


def _is_dash(box: tuple[int, int, int, int], small: float, bottom: float) -> bool:
    """Flat, long enough, and at half the height of small letters."""
    _x, y, w, h = box
    above = (bottom - y - h / 2) / small
    return w > 2 * h and h < 0.3 * small and w > 0.3 * small and 0.25 < above < 0.9


def _is_alone(box: tuple[int, int, int, int], ink: Grey) -> bool:
    """Nothing above or below it: no part of a letter, of an equals sign, of a line."""
    x, y, w, h = box
    middle = ink[:, x + w // 4 : x + w - w // 4]
    near = np.count_nonzero(middle[max(y - 1, 0) : y + h + 1])
    return bool(np.count_nonzero(middle) <= near * 1.1)
