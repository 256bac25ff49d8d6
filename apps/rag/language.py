"""Which of the two languages of the product a text is written in.

A guess from characters and a few small words, without a model: questions are too short for
statistical detectors, and the answer is only used to choose a prompt and to leave out an engine
that cannot read the script.
"""

import re
from typing import Literal

Language = Literal["zh", "en"]

# Han with its extensions and compatibility forms, kana, Hangul: scripts written without spaces
# or read by the same models.
CJK = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)

_CJK_FROM = 0.25
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_HAN_CHARACTER = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_WORD = re.compile(f"[^\\W\\d_{CJK}]+")
_CHINESE_SMALL_WORDS = re.compile(
    "[的了吗呢吧么是在和与或有不我你您这那哪谁其何]|怎|什么|多少|如何|为什|是否|哪些|请"
)
_ENGLISH_SMALL_WORDS = re.compile(
    r"\b(?:what|when|where|which|who|whom|whose|why|how|is|are|was|were|do|does|did|can|could|"
    r"may|must|should|will|would|the|an?|of|to|in|on|for|and|or|with|from|about|has|have|my|our)\b",
    re.IGNORECASE,
)


def cjk_share(text: str) -> float:
    """Share (0 to 1) of CJK characters among CJK characters and words of other scripts.

    A word of another script counts as one: a product name in Latin letters does not outweigh the
    Chinese sentence around it. A text without letters has share 0.
    """
    characters = len(_CJK_CHARACTER.findall(text))
    units = characters + len(_WORD.findall(text))
    return characters / units if units else 0.0


def is_cjk(text: str) -> bool:
    """Whether a quarter of a text or more is in CJK characters: out of reach for a model, or an
    index of words, without them."""
    return cjk_share(text) >= _CJK_FROM


def language_of(text: str) -> Language:
    """The language to answer in: "zh" for Chinese, "en" for everything else.

    Where both scripts occur, small words decide ("What is 保密期?" is English, "Pod 的 limit 是多少"
    is Chinese); where they do not, the larger share.
    """
    if not _HAN_CHARACTER.search(text):
        return "en"
    is_chinese = bool(_CHINESE_SMALL_WORDS.search(text))
    is_english = bool(_ENGLISH_SMALL_WORDS.search(text))
    if is_chinese != is_english:
        return "zh" if is_chinese else "en"
    return "zh" if cjk_share(text) >= 0.5 else "en"
