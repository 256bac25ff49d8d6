"""Whether the sources speak of a question, for models too small to tell by themselves.

A model of 1.5 billion parameters that is told to refuse in doubt refuses half of what its sources
answer; told to answer, it refuses nothing. So what was found decides first: how much of the
question the best sources mention, and whether vectors and words agree on the best one. Only between
two clear cases is the model asked, and not for a sentence but for the odds of a yes.

Figures: XQuAD with a third of its paragraphs held back, ``docs/benchmarks.md``, "Answers".
"""

import math
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from apps.rag.ports import FusedHit, Side

# Both sides of the search put the same passage first: worth this much of a question's words.
_AGREEMENT = 0.3
# The odds of a yes (natural logarithm) count this much beside the words.
_OPINION = 0.3
# What words, agreement and opinion must come to.
_ENOUGH = 0.8
# Opinions lie between -1 and 2: below the one and above the other they would change nothing.
_HOPELESS = 0.2
_CLEAR = 1.1
# In place of words that cannot be compared (another script, nothing named): the opinion decides.
_NEUTRAL = 0.7
# The probability of a word that is not among the likely ones.
_UNLIKELY = 1e-4


class Verdict(StrEnum):
    """What to do with a question, given what was found."""

    ANSWER = "answer"
    ASK = "ask"
    REFUSE = "refuse"


def support(coverage: float | None, *, agreed: bool) -> float:
    """How far the sources speak of a question, 0 to 1.3.

    ``coverage``: the best source's share of the question's words (``apps.rag.words.coverage``), None
    where that cannot be told. ``agreed``: see ``sides_agree``.
    """
    if coverage is None:
        return _NEUTRAL
    return coverage + _AGREEMENT * agreed


def verdict(support: float) -> Verdict:
    """Answer, refuse, or ask the model for its opinion first."""
    if support >= _CLEAR:
        return Verdict.ANSWER
    return Verdict.ASK if support >= _HOPELESS else Verdict.REFUSE


def is_answered(support: float, odds: float) -> bool:
    """Whether to answer, given the model's ``odds`` (natural logarithm of yes to no)."""
    return support + _OPINION * odds >= _ENOUGH


def sides_agree(hits: Mapping[str, FusedHit], chunk_ids: Iterable[str]) -> bool:
    """Whether, among these passages, vectors and words rank the same one first."""
    ranks = [hits[chunk_id].ranks for chunk_id in chunk_ids if chunk_id in hits]
    best = [
        min((at[side][0], place) for place, at in enumerate(ranks) if side in at)[1]
        for side in Side
        if any(side in at for at in ranks)
    ]
    return len(best) == len(Side) and len(set(best)) == 1


def odds_of(
    log_probabilities: Mapping[str, float], yes: Collection[str], no: Collection[str]
) -> float:
    """The natural logarithm of the odds of a yes, from the first token's log probabilities.

    Upper and lower case and spaces do not matter. Bounded, since only likely tokens are listed.
    """

    def share(words: Collection[str]) -> float:
        said = (math.exp(log) for token, log in log_probabilities.items() if _plain(token) in words)
        return _UNLIKELY + sum(said)

    return math.log(share(yes) / share(no))


def _plain(token: str) -> str:
    return token.strip().casefold()
