"""Whether a new version is worse than the live one, or good enough to take its place. Pure rules.

Worse: Fisher's exact test (1935), one-sided, on the shares of failures and of refusals, and the
test of Mann and Whitney (1947) on the time to the first word. It is looked at after every answer,
so a difference counts only beyond the boundary of Haybittle (1971) and Peto (1976): p < 0.001 at
each look keeps the chance of a false alarm over all looks near that of one look.

Good enough: a test of non-inferiority (Blackwelder, 1982) with the interval of Agresti and Caffo
(2000): the shares may be higher by no more than a margin. It is looked at three times only, each
time with a third of the error (Bonferroni): 95% confidence over all looks together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, median

FEWEST = 20
ENOUGH = 200
# The answers after which a version may be promoted; after the last a person decides.
LOOKS = (ENOUGH, 2 * ENOUGH, 4 * ENOUGH)
BOUNDARY = 0.001
MARGIN = 0.05
# A difference in time that nobody feels is none.
SLOWER = 1.25
SLOWER_MS = 150
ERROR = 0.05
_CONFIDENT = NormalDist().inv_cdf(1 - ERROR / len(LOOKS))


class Verdict(StrEnum):
    WAIT = "wait"
    ROLL_BACK = "roll_back"
    PROMOTE = "promote"


class Why(StrEnum):
    """What a verdict stands on."""

    TOO_FEW = "too_few"
    FAILURES = "failures"
    REFUSALS = "refusals"
    SLOW = "slow"
    AS_GOOD = "as_good"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of the answers of one version. ``first_ms``: times to the first word."""

    asked: int = 0
    failed: int = 0
    refused: int = 0
    first_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    why: Why
    p: float = 1.0


def judge(new: Tally, live: Tally) -> Judgement:
    """What is to become of ``new``. Refusals are counted among answers, failures among all."""
    if min(new.asked, live.asked) < FEWEST:
        return Judgement(Verdict.WAIT, Why.TOO_FEW)
    said_new, said_live = new.asked - new.failed, live.asked - live.failed
    looks = (
        (Why.FAILURES, higher_share(new.failed, new.asked, live.failed, live.asked)),
        (Why.REFUSALS, higher_share(new.refused, said_new, live.refused, said_live)),
        (Why.SLOW, _slower(new.first_ms, live.first_ms)),
    )
    for why, p in looks:
        if p < BOUNDARY:
            return Judgement(Verdict.ROLL_BACK, why, p)
    if new.asked not in LOOKS:
        return Judgement(Verdict.WAIT, Why.UNDECIDED)
    is_as_good = (
        excess(new.failed, new.asked, live.failed, live.asked) < MARGIN
        and excess(new.refused, said_new, live.refused, said_live) < MARGIN
        and _slower(new.first_ms, live.first_ms) > ERROR
    )
    if is_as_good:
        return Judgement(Verdict.PROMOTE, Why.AS_GOOD)
    return Judgement(Verdict.WAIT, Why.UNDECIDED)


def higher_share(hits: int, of: int, others: int, of_others: int) -> float:
    """p of Fisher's exact test that the share ``hits / of`` is only by chance so much higher."""
    total, all_hits = of + of_others, hits + others
    ways = math.comb(total, of)
    tail = sum(
        math.comb(all_hits, k) * math.comb(total - all_hits, of - k)
        for k in range(hits, min(of, all_hits) + 1)
    )
    return tail / ways if ways else 1.0


def excess(hits: int, of: int, others: int, of_others: int) -> float:
    """By how much the share ``hits / of`` may be higher than the other, at one of the looks."""
    p, q = (hits + 1) / (of + 2), (others + 1) / (of_others + 2)
    spread = math.sqrt(p * (1 - p) / (of + 2) + q * (1 - q) / (of_others + 2))
    return p - q + _CONFIDENT * spread


def _slower(new: Sequence[int], live: Sequence[int]) -> float:
    """p that the new times are longer only by chance; 1 where nobody would feel it."""
    if min(len(new), len(live)) < FEWEST:
        return 1.0
    was, now = median(live), median(new)
    if now < was * SLOWER or now - was < SLOWER_MS:
        return 1.0
    return longer(new, live)


def longer(new: Sequence[int], others: Sequence[int]) -> float:
    """p of the one-sided test of Mann and Whitney, by its normal approximation with ties."""
    n, m = len(new), len(others)
    pooled = sorted([(value, 1) for value in new] + [(value, 0) for value in others])
    rank_sum, ties, start = 0.0, 0.0, 0
    while start < len(pooled):
        end = start
        while end < len(pooled) and pooled[end][0] == pooled[start][0]:
            end += 1
        rank_sum += sum(mine for _value, mine in pooled[start:end]) * (start + 1 + end) / 2
        ties += (end - start) ** 3 - (end - start)
        start = end
    u = rank_sum - n * (n + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    return 1 - NormalDist().cdf((u - n * m / 2 - 0.5) / math.sqrt(variance))
