"""Bytes to text without being told the encoding.

Unicode by its marks and its patterns; then the East Asian encodings, each tried and scored by how
many of its characters are common ones; Western ones last, by charset-normalizer.
"""

import codecs
from collections.abc import Iterator
from functools import lru_cache

from charset_normalizer import from_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_EAST_ASIAN = ("gb18030", "big5hkscs", "cp950", "cp932", "euc_jp", "cp949")
_SAMPLE = 64 * 1024
_PLAIN_CONTROLS = frozenset("\t\n\r\f\v\x1b\x1a")
# The most frequent characters of each language: wrong decodings hardly ever give them.
_FREQUENT = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里"
    "這來國個說們為時會過對裡後於與發無現經學業當動區實關點體場開應種還進問題長請電話員機構報"
    "のにはをたがでてとしれさあいるもかなっらりこすき"
    "이다의는에을하고가한를은지로도기사대어인시나"
    "，。、；：？！（）“”《》"
)
# One wrong character in a hundred is damage; one in five is another encoding.
_GOOD_ENOUGH = 0.80


def decode(data: bytes) -> str:
    """The text of ``data``. Never raises: bytes that fit nowhere become U+FFFD."""
    encoding = detect(data[:_SAMPLE])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        # The beginning said nothing, such as ASCII before the first Chinese: look there.
        start = error.start & ~3
        later = detect(data[start : start + _SAMPLE])
        text = data.decode(later if _is_plain(data[:start]) else encoding, errors="replace")
    return text.removeprefix("\ufeff")


def detect(sample: bytes) -> str:
    """The encoding that a beginning of a file is most likely in; "utf-8" when nothing fits."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\x00" not in sample and _partly(sample, "utf-8") is not None:
        return "utf-8"
    best = max(_scored(sample), default=(0.0, ""))
    if best[0] >= _GOOD_ENOUGH:
        return best[1]
    return _western(sample)


def looks_like_text(sample: bytes) -> bool:
    """Whether a beginning of a file is text in any encoding, rather than a picture or a program."""
    text = sample.decode(detect(sample), errors="replace")
    if not text:
        return True
    odd = sum(
        char == "\ufffd" or (char < " " and char not in _PLAIN_CONTROLS) or "\x7f" <= char < "\xa0"
        for char in text
    )
    return odd / len(text) < 0.05


def _is_plain(data: bytes) -> bool:
    return data.isascii() and b"\x00" not in data


def _scored(sample: bytes) -> Iterator[tuple[float, str]]:
    for encoding in (*(_WIDE if _may_be_wide(sample) else ()), *_EAST_ASIAN):
        text = _partly(sample, encoding)
        if text:
            yield _score(text, is_wide=encoding in _WIDE), encoding


def _may_be_wide(sample: bytes) -> bool:
    """Unicode in units of two or four bytes; Chinese without a single NUL occurs."""
    return len(sample) % 2 == 0


def _partly(sample: bytes, encoding: str) -> str | None:
    """The sample decoded, whose last character may be cut; None when it is not this encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return None


def _score(text: str, *, is_wide: bool) -> float:
    """0 to 1 and a little more: the share of plausible characters among those that are not ASCII,
    with a bonus for frequent ones that decides between two plausible encodings."""
    wide = [char for char in text if char > "\x7f"]
    plain = len(text) - len(wide)
    if any(char < " " and char not in _PLAIN_CONTROLS for char in text):
        return 0.0
    if not wide:
        return 1.0 if is_wide else 0.0
    if not is_wide and not plain and len(wide) < 2:
        return 0.5
    plausible = sum(_is_common(char) for char in wide) / len(wide)
    frequent = sum(char in _FREQUENT for char in wide) / len(wide)
    return plausible + frequent


@lru_cache(maxsize=65536)
def _is_common(char: str) -> bool:
    """Kana, hangul, punctuation, or a Han character of the first level of GB 2312 or Big5."""
    point = ord(char)
    if 0x3000 <= point <= 0x30FF or 0xFF01 <= point <= 0xFFEE or 0x2010 <= point <= 0x203B:
        return True
    if 0xAC00 <= point <= 0xD7A3:
        return "\xb0\xa1" <= char.encode("cp949").decode("latin-1") < "\xc9"
    if not 0x4E00 <= point <= 0x9FFF:
        return False
    gb = char.encode("gb2312", errors="ignore")
    big5 = char.encode("big5", errors="ignore")
    return bool(gb and gb[0] < 0xD8) or bool(big5 and big5[0] < 0xC9)


def _western(sample: bytes) -> str:
    guesses = list(from_bytes(sample))
    if not guesses:
        return "utf-8"
    best = guesses[0]
    for guess in guesses:  # as good as the best, and by far the most common
        if "cp1252" in guess.could_be_from_charset and guess.coherence >= best.coherence:
            return "cp1252"
    return best.encoding
