"""How many tokens a text costs, estimated without a tokenizer.

The estimate is a sum over characters, so it is additive (``weight(a + b) == weight(a) + weight(b)``)
and a text can be cut at a budget in one pass. The weights were fitted to the XLM-R vocabulary of
multilingual-e5 over XQuAD (zh, en), CMRC 2018 and 10-Q filings: the mean of estimate over truth is
0.97 to 1.06 for each set and no paragraph was under 0.79. Qwen's vocabulary is somewhat kinder to
Chinese, so the estimate is on the safe side there.
"""

import math
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

# Hundredths of a token. No character is above 100: one always fits into a budget of one token.
_CJK, _LOWER, _UPPER, _DIGIT, _SPACE, _PUNCTUATION, _LETTER, _OTHER = 75, 25, 45, 50, 5, 80, 60, 100
HUNDRED = 100


def _weight_of(character: str) -> int:
    code = ord(character)
    if 0x3040 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7AF:
        return _CJK
    if character.isspace():
        return _SPACE
    if code < 128:
        if character.isalpha():
            return _UPPER if character.isupper() else _LOWER
        return _DIGIT if character.isdigit() else _PUNCTUATION
    return _LETTER if unicodedata.category(character)[0] in "LM" and code < 0x3000 else _OTHER


class _Weights(dict[str, int]):
    """The weight of each character seen so far."""

    def __missing__(self, character: str) -> int:
        weight = self[character] = _weight_of(character)
        return weight


_WEIGHTS = _Weights()


def weight(text: str) -> int:
    """Estimated cost of a text in hundredths of a token; additive over concatenation."""
    return sum(map(_WEIGHTS.__getitem__, text))


def running_weights(text: str) -> Iterator[int]:
    """The weight of every non-empty prefix of a text, shortest first."""
    return accumulate(map(_WEIGHTS.__getitem__, text))


def estimate_tokens(text: str) -> int:
    """Estimated number of tokens of a text, rounded up.

    About 1.3 characters a token in Chinese, 4 in English, 2 in identifiers and figures.
    """
    return math.ceil(weight(text) / HUNDRED)
