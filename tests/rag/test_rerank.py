"""Passages put in order by a reranker."""

import pytest

from apps.rag.ports import EngineError, Passage
from apps.rag.rerank import rerank


def passage(text, **fields):
    return Passage(text, "v", "d", "Handbook", "c", text, None, **fields)


class ByLength:
    def __init__(self):
        self.asked = []

    def score(self, query, passages):
        self.asked.append((query, list(passages)))
        return [len(text) for text in passages]


def test_the_best_come_first_with_their_new_score():
    found = rerank("q", [passage("a"), passage("ccc"), passage("bb")], ByLength(), limit=2)
    assert [(each.text, each.score) for each in found] == [("ccc", 3.0), ("bb", 2.0)]


def test_the_reranker_reads_the_titles_too():
    reranker = ByLength()
    rerank("q", [passage("a", headings=("Leave", "Sick"))], reranker, limit=1)
    assert reranker.asked == [("q", ["Leave\nSick\na"])]


def test_equal_scores_keep_their_order():
    found = rerank("q", [passage("b"), passage("a")], ByLength(), limit=5)
    assert [each.text for each in found] == ["b", "a"]


def test_nothing_asks_nobody():
    reranker = ByLength()
    assert rerank("q", [], reranker, limit=3) == []
    assert rerank("q", [passage("a")], reranker, limit=0) == []
    assert reranker.asked == []


def test_a_missing_score_is_an_error():
    reranker = ByLength()
    reranker.score = lambda query, passages: [1.0]
    with pytest.raises(EngineError, match="asked for 2 scores, got 1"):
        rerank("q", [passage("a"), passage("b")], reranker, limit=2)
