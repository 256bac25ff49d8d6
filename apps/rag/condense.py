"""A follow-up question made to stand alone, for search, without asking a model.

"And for part-timers?" or "那兼职呢？" finds nothing by itself. Where a question leans on the one
before, that one is put in front of it; both sides of the search cope well with a question too many
and badly with one too few. A question leans when it begins like a continuation ("and", "那"), ends
in 呢, is a word or two with a question mark, or is short and refers back (it, they, 它, 该).
"""

import re
from collections.abc import Sequence

from apps.rag.language import language_of
from apps.rag.ports import Speaker, Turn

_MOST_STEPS = 3
_LONGEST_PART = 200
_LEADS_EN = re.compile(
    r"^(?:and|but|or|so|then|also|else|what about|how about|what if|why(?: not)?\s*\??$|which ones?\b|"
    r"same\b|(?:in|for|with|at|on|from|of|by|to|without|under|within|after|before)(?: \S+){1,3}\s*\?$|in that case|if so|tell me more|more\b|who else|what else|where else|when else)\b",
    re.IGNORECASE,
)
_REFERS_EN = re.compile(
    r"\b(?:they|them|their|theirs|its|he|him|his|she|her|hers|those|these|such|there|former|latter|"
    r"the (?:same|second|first|third|last|other|others|previous|above)(?: one)?)\b"
    r"|\b(?:it|this|that)\b(?!\s+(?:is|was)?\s*(?:possible|allowed|permitted|necessary|required|true|ok)\b)",
    re.IGNORECASE,
)
# "is it allowed to …", "the fact that …": the word points at nothing.
_EMPTY_IT = re.compile(
    r"\b(?:is|was|does) it (?:\w+ )?(?:possible|allowed|permitted|necessary|required|true|ok|okay|"
    r"mandatory|compulsory|legal)\b|\b(?:does|did|will|would) it (?:take|cost|mean) (?:to|for|if|when)\b",
    re.IGNORECASE,
)
_SHORT_EN, _VERY_SHORT_EN = 9, 2
_LEADS_ZH = re.compile(
    "^(?:那么?(?![些个天里儿])|还有|另外|而且|如果(?:是|不)|要是|换成|为什么[？?]?$|为啥|具体|"
    "再|然后|接着|其中|同样|除此|除了这|反过来|详细)"
)
_ENDS_ZH = re.compile("呢[？?！!。]*$")
_REFERS_ZH = re.compile(
    "(?<!其)[它他她]们?(?!人)|这[个些种样条项类份点]|那[个些种样条项类份]|上述|上面|前者|后者|其(?![他它实余])|该(?![不怎如])|此(?!外)|刚才|以上"
)
_SHORT_ZH, _VERY_SHORT_ZH = 16, 4
_LETTERS_ZH = re.compile(r"\w")


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question to search with: itself, or with the questions it leans on in front of it.

    ``history`` is oldest first; only what the person asked is used. A chain of follow-ups is
    followed up to three steps back. Each earlier question is given at most 200 characters.
    """
    parts = [question.strip()]
    earlier = [turn.text.strip() for turn in history if turn.speaker is Speaker.USER]
    for before in reversed(earlier[-_MOST_STEPS:]):
        if not leans(parts[0]):
            break
        if before and before not in parts:
            parts.insert(0, before[:_LONGEST_PART])
    return " ".join(parts)


def leans(question: str) -> bool:
    """Whether a question cannot be understood without the one before it."""
    text = question.strip()
    return _leans_zh(text) if language_of(text) == "zh" else _leans_en(text)


def _leans_en(text: str) -> bool:
    words = text.split()
    if _LEADS_EN.search(text) or (len(words) <= _VERY_SHORT_EN and text.endswith("?")):
        return True
    return len(words) <= _SHORT_EN and bool(_REFERS_EN.search(_EMPTY_IT.sub("", text)))


def _leans_zh(text: str) -> bool:
    length = len(_LETTERS_ZH.findall(text))
    if _LEADS_ZH.search(text) or (length <= _VERY_SHORT_ZH and text.endswith(("?", "？"))):
        return True
    if length > _SHORT_ZH:
        return False
    return bool(_ENDS_ZH.search(text) or _REFERS_ZH.search(text))
