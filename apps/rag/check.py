"""Whether an answer says what its sources say, judged by words and figures alone.

This finds the plain failures (a wrong figure, a sentence from nowhere) at no cost; it does not
understand. Where it cannot tell, as between two languages, it says nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.rag.claims import Claim, claims_of
from apps.rag.language import cjk_share
from apps.rag.prompt import Source
from apps.rag.sentences import sentence_spans
from apps.rag.words import figures_of, numbers_in, words_of

# Under this share of its words a cited sentence is marked, if it has enough words to judge.
_GROUNDED_FROM = 0.25
_WORDS_TO_JUDGE = 4
_LONGEST_UNIT = 200
_LONGEST_QUOTE = 320
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_Terms = frozenset[str | Decimal]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` of a text."""

    start: int
    end: int


def supported(sentence: str, passage_text: str) -> float:
    """How much of a sentence a passage holds: 0 (nothing) to 1 (every word and figure).

    The share of the sentence's words (pairs of characters in Chinese) and figures found in the
    passage; 0 where a figure written in digits is missing from the passage in any form.
    """
    figures = figures_of(sentence)
    if figures:
        numbers = numbers_in(passage_text)
        if any(not values & numbers for values in figures):
            return 0.0
    words = words_of(sentence)
    total = len(words) + len(figures)
    return (len(words & words_of(passage_text)) + len(figures)) / total if total else 0.0


def unsupported_spans(text: str, sources: Sequence[Source]) -> list[Span]:
    """Sentences of an answer that cite sources in which they are not to be found.

    Marked are those with a figure that no cited source holds, and those that share less than a
    quarter of their words with them. Sentences without a mark, of too few words, or in another
    language than their sources are left alone (but for figures).
    """
    shown = {source.number: shown_text(source) for source in sources}
    return [
        Span(claim.start, claim.end)
        for claim in claims_of(text)
        if claim.numbers and not _is_grounded(claim, shown)
    ]


def best_quote(passage_text: str, about: str) -> tuple[int, int]:
    """(start, end) of the sentence or two of a passage that match a sentence or question best.

    Words that are rare in the passage count more. The whole passage where nothing matches.
    """
    units = _units(passage_text)
    wanted = words_of(about)
    figures = frozenset[Decimal]().union(*figures_of(about))
    held = [
        _Terms(words_of(part) & wanted) | (numbers_in(part) & figures)
        for part in (passage_text[start:end] for start, end in units)
    ]
    counts = Counter(word for words in held for word in words)
    if not counts:
        return 0, len(passage_text)

    def worth(words: _Terms) -> float:
        return sum(math.log(1 + len(units) / counts[word]) for word in words)

    best = max(range(len(units)), key=lambda at: (worth(held[at]), -at))
    first = last = best
    for neighbour in (best + 1, best - 1):
        if not 0 <= neighbour < len(units):
            continue
        start, end = min(first, neighbour), max(last, neighbour)
        adds = worth(held[neighbour] - held[best])
        if adds * 2 > worth(held[best]) and units[end][1] - units[start][0] <= _LONGEST_QUOTE:
            first, last = start, end
            break
    return units[first][0], units[last][1]


def _is_grounded(claim: Claim, shown: dict[int, str]) -> bool:
    text = "\n".join(shown.get(number, "") for number in claim.numbers)
    if not text.strip():
        return True
    score = supported(claim.text, text)
    if score == 0.0 and figures_of(claim.text):
        return False
    is_translated = (cjk_share(claim.text) > 0.5) != (cjk_share(text) > 0.5)
    if is_translated or len(words_of(claim.text)) < _WORDS_TO_JUDGE:
        return True
    return score >= _GROUNDED_FROM


def shown_text(source: Source) -> str:
    """Everything a source says: its document's name, the titles above it, its text."""
    passage = source.passage
    text = source.text if passage.around else passage.text
    return "\n".join((passage.document_name, *passage.headings, text))


def _units(text: str) -> list[tuple[int, int]]:
    """The sentences of a passage; long ones without borders, such as tables, by their lines."""
    units: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if end - start > _LONGEST_UNIT and "\n" in text[start:end]:
            units += [found.span() for found in _LINE.finditer(text, start, end)]
        else:
            units.append((start, end))
    return units
