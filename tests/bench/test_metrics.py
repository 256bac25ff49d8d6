"""What the measurements count."""

import pytest

from bench.metrics import (
    contains_gold,
    distinct,
    mean_ndcg,
    ndcg,
    normalised,
    percentile,
    recall,
    share,
)


def test_a_perfect_ranking_is_one_and_an_empty_one_is_zero():
    assert ndcg(["a", "b"], {"a", "b"}) == 1
    assert ndcg([], {"a"}) == 0
    assert ndcg(["a"], set()) == 0


def test_a_later_place_counts_less():
    assert ndcg(["x", "a"], {"a"}) == pytest.approx(1 / 1.584962, rel=1e-5)
    assert ndcg(["x"] * 10 + ["a"], {"a"}) == 0


def test_a_ranking_without_one_of_two_is_between():
    assert ndcg(["a", "x"], {"a", "b"}) == pytest.approx(1 / (1 + 1 / 1.584962), rel=1e-5)


def test_a_question_that_found_nothing_counts_in_the_mean():
    assert mean_ndcg({"q1": ["a"]}, {"q1": {"a"}, "q2": {"b"}}) == 0.5


def test_recall_counts_what_was_found_of_what_there_is():
    assert recall(["a", "x", "b"], {"a", "b", "c"}, k=3) == pytest.approx(2 / 3)
    assert recall(["a"], set()) == 0


@pytest.mark.parametrize(
    ("answer", "gold", "holds"),
    [
        ("The Panthers gave up 308 points [1].", ["308"], True),
        ("It was Kawann Short.[2]", ["kawann  short"], True),
        ("答案是“308 分”[1]。", ["308分"], True),
        ("卡万·肖特领先。", ["卡万•肖特"], True),
        ("three hundred", ["308"], False),
        ("anything", [""], False),
        ("In [12] 1999", ["12"], False),
        ("It is the Golden anniversary", ["a golden anniversary"], True),
    ],
)
def test_an_answer_holds_the_gold_string(answer, gold, holds):
    assert contains_gold(answer, gold) is holds


def test_case_marks_and_spaces_do_not_count():
    assert normalised("The  ＦＵＬＬ-width, “Text”!") == "fullwidthtext"


def test_percentiles_are_values_that_occurred():
    assert percentile([5, 1, 4, 2, 3], 50) == 3
    assert percentile([1, 2], 95) == 2
    assert percentile([], 95) == 0
    assert share([]) == 0


def test_passages_of_one_document_are_one_document():
    assert distinct(["a", "b", "a"]) == ["a", "b"]
