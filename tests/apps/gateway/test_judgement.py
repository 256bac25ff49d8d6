"""A version is taken away when it is significantly worse, promoted when it is as good, and else
left: the tests behind it against known values, and against chance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.routing.judgement import (
    BOUNDARY,
    ENOUGH,
    FEWEST,
    LOOKS,
    MARGIN,
    Tally,
    Verdict,
    Why,
    higher_share,
    judge,
    longer,
)

counts = st.integers(0, 300)


def test_fishers_test_gives_the_values_of_the_textbook() -> None:
    # The lady tasting tea (Fisher, 1935): 3 of 4 right by chance, 4 of 4.
    assert round(higher_share(3, 4, 1, 4), 4) == 0.2429
    assert round(higher_share(4, 4, 0, 4), 4) == 0.0143


def test_the_test_of_mann_and_whitney_knows_longer_from_shorter() -> None:
    shorter, other = list(range(100, 200)), list(range(150, 250))
    assert longer(other, shorter) < BOUNDARY
    assert longer(shorter, other) > 1 - BOUNDARY
    assert longer([5] * 30, [5] * 30) == 1.0


def test_a_version_that_fails_refuses_or_is_slow_is_taken_away() -> None:
    live = Tally(200, 2, 5, tuple([400] * 198))
    assert judge(Tally(40, 20, 0), live).why is Why.FAILURES
    assert judge(Tally(40, 0, 30), live).why is Why.REFUSALS
    slow = judge(Tally(40, 0, 1, tuple(range(2000, 2040))), live)
    assert (slow.verdict, slow.why) == (Verdict.ROLL_BACK, Why.SLOW)


def test_one_that_is_as_good_takes_its_place_after_enough_answers_and_not_before() -> None:
    live = Tally(500, 5, 20, tuple([400] * 495))
    good = Tally(ENOUGH, 2, 8, tuple([405] * (ENOUGH - 2)))
    assert judge(good, live).verdict is Verdict.PROMOTE
    assert judge(Tally(ENOUGH - 1, 2, 8, good.first_ms), live).verdict is Verdict.WAIT
    # It is looked at a few times only: with every look chance has one more try.
    assert judge(Tally(ENOUGH + 1, 2, 8, good.first_ms), live).verdict is Verdict.WAIT


def test_a_version_that_is_worse_by_the_margin_is_hardly_ever_promoted() -> None:
    chance = random.Random(41)
    promoted = 0
    for _ in range(200):
        new, live, asked = 0, 0, 0
        for look in LOOKS:
            new += sum(chance.random() < 0.05 + MARGIN for _ in range(look - asked))
            live += sum(chance.random() < 0.05 for _ in range(look - asked))
            asked = look
            if judge(Tally(look, new), Tally(look, live)).verdict is Verdict.PROMOTE:
                promoted += 1
                break
    assert promoted <= 200 * 0.08  # 5% of trials, and what chance adds in 200 of them


@given(counts, counts, counts, counts)
def test_nothing_is_decided_on_a_few(asked: int, failed: int, live: int, refused: int) -> None:
    new = Tally(min(asked, FEWEST - 1), min(failed, asked, FEWEST - 1), 0)
    assert judge(new, Tally(live, 0, min(refused, live))).verdict is Verdict.WAIT


@given(st.integers(FEWEST, 300), st.integers(FEWEST, 300), st.data())
def test_whatever_the_figures_p_is_a_probability(of: int, others: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    other_hits = data.draw(st.integers(0, others))
    assert -1e-9 <= higher_share(hits, of, other_hits, others) <= 1 + 1e-9


def test_an_equal_version_is_hardly_ever_taken_away_however_often_one_looks() -> None:
    chance = random.Random(38)
    alarms = 0
    for _ in range(60):
        new, live = [0, 0], [0, 0]
        for _answer in range(100):
            for side in (new, live):
                side[0] += 1
                side[1] += chance.random() < 0.1
            verdict = judge(Tally(new[0], new[1]), Tally(live[0], live[1])).verdict
            if verdict is Verdict.ROLL_BACK:
                alarms += 1
                break
    assert alarms <= 2
