"""Which words of a passage answer to the words of a question."""

import re

from apps.rag.language import CJK
from apps.rag.ports import Passage

# More terms than a person reads marks for; also the bound on a hostile question.
MOST_TERMS = 64

_WORD = re.compile(f"[^\\W_{CJK}]+(?:[-'’][^\\W_{CJK}]+)*")
_CJK_RUN = re.compile(f"[{CJK}]{{2,}}")
_CJK_SMALL = re.compile(
    "什么|怎么|怎样|如何|多少|哪些|哪个|哪里|哪儿|是否|为何|为什么|请问|可以|能否|需要|应该|我们|你们|他们"
    "|[的了吗呢吧么是在和与或及有被把对从到由我你您它这那几哪谁其请]"
)
_SMALL = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "me",
        "must",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "should",
        "so",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "ly", "s", "y")


def highlights(passage: Passage | str, question: str) -> list[tuple[int, int]]:
    """(start, end) in the passage's text of each run that the question names; in order, disjoint.

    Latin words match by their stem, Chinese by every pair of characters, so that neighbouring
    pairs join into the longest common phrase.
    """
    text = passage if isinstance(passage, str) else passage.text
    patterns = [*_word_patterns(question), *_pair_patterns(question)]
    if not patterns:
        return []
    # A look-ahead, so that overlapping pairs of one phrase are all found.
    found = re.finditer(f"(?=({'|'.join(patterns)}))", text, re.IGNORECASE)
    return _joined([match.span(1) for match in found])


def _word_patterns(question: str) -> list[str]:
    words = dict.fromkeys(word.casefold() for word in _WORD.findall(question))
    kept = [word for word in words if word not in _SMALL and (len(word) > 1 or word.isdigit())]
    return [_pattern_of(word) for word in kept[:MOST_TERMS]]


def _pattern_of(word: str) -> str:
    before, after = f"(?<![^\\W{CJK}])", f"(?![^\\W{CJK}])"
    stem = _stem(word)
    tail = f"[^\\W_{CJK}]{{0,6}}" if len(word) > 3 else "s?"
    if any(character.isdigit() for character in word):
        return f"{before}{re.escape(word)}{after}"
    return f"{before}{re.escape(stem)}{tail}{after}"


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _pair_patterns(question: str) -> list[str]:
    runs = _CJK_RUN.findall(_CJK_SMALL.sub(" ", question))
    pairs = dict.fromkeys(run[at : at + 2] for run in runs for at in range(len(run) - 1))
    return [re.escape(pair) for pair in list(pairs)[:MOST_TERMS]]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
