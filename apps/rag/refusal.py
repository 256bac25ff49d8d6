"""Saying that the documents do not answer, and recognising it."""

import re

from apps.rag.cite import cited_numbers

REFUSAL_EN = "The documents do not answer this question."
REFUSAL_ZH = "文档中没有这个问题的答案。"

_LONGEST_REFUSAL = 240
_ANY_SOURCE = 999
_NOT_LETTERS = re.compile(r"[\W_]+")

# What models write instead of the sentence they were given. Each names the sources or says that
# information is missing: "Breakfast is not provided" is an answer.
_PARAPHRASE_EN = re.compile(
    r"\b(?:documents?|sources?|passages?|context|text|information)\b[^.]{0,40}"
    r"(?:\b(?:do|does|did) not|\b(?:do|does|did)n['’]t|\bcannot)\s(?:\w+\s){0,2}?"
    r"(?:answer|contain|mention|provide|specify|state|give|say|address|indicate|discuss|cover)\b"
    r"|\b(?:contains?|provides?|has|have|gives?|there is|find|found) no "
    r"(?:\w+ ){0,2}(?:information|answer|mention|details?)\b"
    r"|\bno (?:\w+ ){0,2}(?:information|answer|mention)\b[^.]{0,40}\b(?:sources?|documents?|text|passages?)"
    r"|\b(?:not|n['’]t) (?:\w+ )?(?:mentioned|specified|stated)\b"
    r"|\b(?:not|n['’]t) (?:\w+ )?(?:provided|given|found|contained|available|answered) (?:in|by|within) "
    r"the (?:\w+ )?(?:documents?|sources?|text|passages?|context|information)\b"
    r"|\b(?:cannot|can['’]t|unable to|not able to|not possible to) (?:answer|determine)\b",
    re.IGNORECASE,
)
_PARAPHRASE_ZH = re.compile(
    "(?:文档|来源|资料|文中|文本|原文|上下文|信息)[^。]{0,16}(?:没有|没|未|不|无法|并未|未能)(?:有|能|被|明确|直接|具体)*"
    "(?:提到|提及|提供|说明|给出|包含|涉及|回答|记载|指出|明确|相关|任何|这个问题|关于|答案|信息)"
    "|(?:没有|未能?)(?:找到|提及|提供|提到)[^。]{0,16}(?:答案|信息|内容|资料)"
    "|无法(?:回答|确定|得知)|没有(?:相关的?|足够的?|这个问题的)?(?:答案|信息)|未找到(?:相关|答案)|未(?:被)?提[及到]"
)
_BUT = re.compile(r"\b(?:but|however|although|though)\b|但是?|不过|然而", re.IGNORECASE)


def refusal(language: str) -> str:
    """The fixed sentence in a language ("zh", else English)."""
    return REFUSAL_ZH if language.startswith("zh") else REFUSAL_EN


def is_refusal(text: str) -> bool:
    """Whether an answer says that the documents do not answer, and nothing else.

    True where it begins with the fixed sentence, whatever the case or punctuation. A paraphrase
    counts when it is short and neither cites a source nor goes on with a "but": a partial answer is
    an answer.
    """
    letters = _letters(text)
    if letters.startswith((_letters(REFUSAL_EN), _letters(REFUSAL_ZH))):
        return True
    if len(text) > _LONGEST_REFUSAL or _BUT.search(text) or cited_numbers(text, _ANY_SOURCE):
        return False
    return bool(_PARAPHRASE_EN.search(text) or _PARAPHRASE_ZH.search(text))


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text).lower()
