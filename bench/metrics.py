"""What is counted: ranks, shares, percentiles."""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int = 10) -> float:
    """Normalised discounted cumulative gain of one ranking; a relevant one counts 1."""
    if not relevant:
        return 0.0
    gain = sum(1 / math.log2(at + 2) for at, name in enumerate(ranked[:k]) if name in relevant)
    ideal = sum(1 / math.log2(at + 2) for at in range(min(k, len(relevant))))
    return gain / ideal


def mean_ndcg(
    runs: Mapping[str, Sequence[str]], relevant: Mapping[str, Collection[str]], k: int = 10
) -> float:
    """Mean over every question that has an answer, asked or not."""
    return share([ndcg(runs.get(question, ()), gold, k) for question, gold in relevant.items()])


def recall(ranked: Sequence[str], relevant: Collection[str], k: int = 10) -> float:
    if not relevant:
        return 0.0
    return len(set(ranked[:k]) & set(relevant)) / len(relevant)


def share(values: Sequence[float | bool]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def percentile(values: Sequence[float], p: float) -> float:
    """Nearest-rank percentile; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


def normalised(text: str) -> str:
    """As the usual reading-comprehension score compares: no case, punctuation, articles, spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(
        char if unicodedata.category(char)[0] not in {"P", "S"} else " " for char in plain
    )
    return "".join(_ARTICLES.sub(" ", plain).split())


def contains_gold(answer: str, gold: Sequence[str]) -> bool:
    """Whether one of the gold strings stands in the answer, citation marks left out."""
    said = normalised(re.sub(r"\[\d+\]", " ", answer))
    return any(normalised(each) in said for each in gold if normalised(each))


def distinct(names: Sequence[str]) -> list[str]:
    """The first of each, in order: passages → documents."""
    return list(dict.fromkeys(names))
