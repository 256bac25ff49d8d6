"""Whether sources speak of a question: what was found, and a small model's opinion."""

import math

import pytest

from apps.rag import evidence
from apps.rag.evidence import Verdict
from apps.rag.ports import FusedHit, Side


def hit(chunk, dense=None, keyword=None):
    ranks = {Side.DENSE: dense, Side.KEYWORD: keyword}
    ranks = {side: (rank, 1.0) for side, rank in ranks.items() if rank}
    return FusedHit(chunk, "v", 0.1, ranks)


def hits(*each):
    return {one.chunk_id: one for one in each}


def test_sides_agree_when_both_put_the_same_passage_first():
    found = hits(hit("a", 1, 1), hit("b", 2, 2))
    assert evidence.sides_agree(found, ["a", "b"])
    assert not evidence.sides_agree(hits(hit("a", 1, 2), hit("b", 2, 1)), ["a", "b"])


def test_only_passages_that_the_asker_may_read_are_compared():
    """Both sides preferred one that was dropped: among the rest they agree."""
    found = hits(hit("secret", 1, 1), hit("a", 2, 2), hit("b", 3, 5))
    assert evidence.sides_agree(found, ["a", "b"])


def test_one_side_alone_agrees_with_nobody():
    assert not evidence.sides_agree(hits(hit("a", dense=1)), ["a"])
    assert not evidence.sides_agree({}, [])


def test_what_speaks_of_all_of_it_is_answered_and_what_speaks_of_nothing_refused():
    assert evidence.verdict(evidence.support(1.0, agreed=True)) is Verdict.ANSWER
    assert evidence.verdict(evidence.support(0.0, agreed=False)) is Verdict.REFUSE
    assert evidence.verdict(evidence.support(0.5, agreed=True)) is Verdict.ASK


@pytest.mark.parametrize("agreed", [True, False])
def test_sources_in_another_script_are_never_judged_by_their_words(agreed):
    support = evidence.support(None, agreed=agreed)
    assert evidence.verdict(support) is Verdict.ASK
    assert evidence.is_answered(support, 1.0)
    assert not evidence.is_answered(support, -1.0)


def test_a_yes_lifts_a_doubt_and_a_no_confirms_it():
    support = evidence.support(0.4, agreed=True)
    assert evidence.is_answered(support, 1.5)
    assert not evidence.is_answered(support, -0.5)


def test_the_odds_are_those_of_yes_against_no_in_any_spelling():
    likely = {"Yes": math.log(0.5), " yes": math.log(0.1), "No": math.log(0.3), "The": -3.0}
    assert evidence.odds_of(likely, {"yes"}, {"no"}) == pytest.approx(math.log(2), abs=0.01)


def test_odds_stay_bounded_when_one_answer_is_not_listed():
    assert 5 < evidence.odds_of({"有": -0.01}, {"有"}, {"没有"}) < 20
    assert evidence.odds_of({"Maybe": -0.1}, {"yes"}, {"no"}) == 0
