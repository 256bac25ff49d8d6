"""Two sides of an index, fused by rank."""

import contextvars
import threading

import pytest

from apps.rag.ports import EngineBusy, EngineUnavailable, Hit, Reach, Side
from apps.rag.retrieve import Mode, Silence, can_read, fuse, retrieve

REACH = Reach(frozenset({"c"}))
ENGLISH_ONLY = frozenset({"en"})


def hits(*ids):
    return [Hit(each, f"version of {each}", 1.0 - n / 100) for n, each in enumerate(ids)]


class Engines:
    """Embedder and index in one; answers what it was given, or raises it."""

    dimensions = 1

    def __init__(self, dense=(), keyword=(), embedding=(1.0,)):
        self.answers = {"dense": dense, "keyword": keyword, "embedding": list(embedding)}
        self.calls = []

    def _answer(self, name, *call):
        self.calls.append((name, *call))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def embed_query(self, text):
        return self._answer("embedding", text)

    def by_vector(self, vector, reach, *, limit):
        return self._answer("dense", tuple(vector), reach, limit)

    def by_words(self, text, reach, *, limit):
        return self._answer("keyword", text, reach, limit)

    @property
    def asked(self):
        return {call[0] for call in self.calls}


def search(engines, question="notice period", **options):
    options = {"limit": 5, "reach": REACH} | options
    reach = options.pop("reach")
    return retrieve(question, reach, embedder=engines, index=engines, **options)


def side(found, name):
    (trace,) = [each for each in found.trace.sides if each.side is name]
    return trace


# --- fusion -----------------------------------------------------------------------------------


def test_a_chunk_that_both_sides_found_comes_first():
    found = search(Engines(dense=hits("a", "b"), keyword=hits("c", "b")))
    assert [each.chunk_id for each in found.hits] == ["b", "a", "c"]
    best = found.hits[0]
    assert best.score == pytest.approx(2 / 62)
    assert best.ranks == {Side.DENSE: (2, 0.99), Side.KEYWORD: (2, 0.99)}
    assert best.version_id == "version of b"


def test_every_candidate_is_returned_whatever_the_limit():
    found = search(Engines(dense=hits("a", "b"), keyword=hits("c", "d")), limit=1)
    assert {each.chunk_id for each in found.hits} == {"a", "b", "c", "d"}


def test_a_chunk_that_an_index_gives_twice_counts_once():
    (only,) = fuse({Side.DENSE: (*hits("a"), *hits("a"))})
    assert only.score == pytest.approx(1 / 61)


def scripted(chunk, *, is_cjk):
    return Hit(chunk, "v", 0.5, is_cjk)


def test_words_do_not_outvote_an_answer_in_the_other_language():
    """The best by vectors is English; Chinese ones share words with the Chinese question."""
    english = scripted("english", is_cjk=False)
    chinese = [scripted(name, is_cjk=True) for name in ("far", "farther")]
    both = {Side.DENSE: (english, *chinese), Side.KEYWORD: tuple(chinese)}
    assert [each.chunk_id for each in fuse(both, asks_cjk=True)] == ["english", "far", "farther"]
    assert fuse(both)[0].chunk_id == "far"


def test_the_ranks_that_are_told_are_those_that_were_found():
    hit = scripted("english", is_cjk=False)
    (found,) = fuse({Side.DENSE: (hit,), Side.KEYWORD: ()}, asks_cjk=True)
    assert found.ranks == {Side.DENSE: (1, 0.5)}
    assert found.score == pytest.approx(2 / 61)


def test_vectors_alone_give_no_language_a_second_vote():
    dense = (scripted("own", is_cjk=True), scripted("other", is_cjk=False))
    found = fuse({Side.DENSE: dense}, asks_cjk=True)
    assert [each.score for each in found] == pytest.approx([1 / 61, 1 / 62])


def test_a_passage_whose_script_is_unknown_is_treated_as_before():
    found = fuse({Side.DENSE: tuple(hits("a")), Side.KEYWORD: tuple(hits("b"))}, asks_cjk=True)
    assert [each.score for each in found] == pytest.approx([1 / 61, 1 / 61])


def test_both_sides_are_asked_as_deep_as_the_limit_needs():
    for limit, depth in ((5, 50), (20, 80)):
        engines = Engines()
        found = search(engines, limit=limit)
        assert ("dense", (1.0,), REACH, depth) in engines.calls
        assert ("keyword", "notice period", REACH, depth) in engines.calls
        assert found.trace.depth == depth


def test_a_search_is_exhausted_when_no_side_was_full():
    assert search(Engines(dense=hits("a"))).trace.is_exhausted
    full = hits(*map(str, range(50)))
    assert not search(Engines(dense=full)).trace.is_exhausted


# --- who votes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("notice", {"reach": Reach(frozenset())}),
        (" ", {}),
        ("", {}),
        ("notice", {"limit": 0}),
    ],
)
def test_nothing_to_search_in_or_for_asks_nobody(question, options):
    engines = Engines(dense=hits("a"), keyword=hits("a"))
    found = search(engines, question, **options)
    assert found.hits == ()
    assert engines.calls == []
    assert {each.silence for each in found.trace.sides} == {Silence.NOT_ASKED}


def test_one_side_alone_can_be_asked():
    engines = Engines(dense=hits("a"), keyword=hits("b"))
    assert [each.chunk_id for each in search(engines, mode=Mode.DENSE).hits] == ["a"]
    engines = Engines(dense=hits("a"), keyword=hits("b"))
    found = search(engines, mode=Mode.KEYWORD)
    assert [each.chunk_id for each in found.hits] == ["b"]
    assert engines.asked == {"keyword"}
    assert side(found, Side.DENSE).silence is Silence.NOT_ASKED


def test_an_embedder_that_cannot_read_the_question_does_not_vote():
    engines = Engines(dense=hits("wrong"), keyword=hits("right"))
    found = search(engines, "通知期限是多久？", languages=ENGLISH_ONLY)
    assert [each.chunk_id for each in found.hits] == ["right"]
    assert engines.asked == {"keyword"}
    assert side(found, Side.DENSE).silence is Silence.LANGUAGE
    assert not found.trace.is_degraded
    assert found.trace.language == "zh"


def test_whoever_asks_for_the_dense_side_gets_it_in_any_language():
    engines = Engines(dense=hits("a"))
    found = search(engines, "通知期限", mode=Mode.DENSE, languages=ENGLISH_ONLY)
    assert [each.chunk_id for each in found.hits] == ["a"]


@pytest.mark.parametrize(
    ("question", "languages", "readable"),
    [
        ("What is the notice period?", ENGLISH_ONLY, True),
        ("通知期限？", ENGLISH_ONLY, False),
        ("Kubernetes 怎么重启", ENGLISH_ONLY, False),
        ("通知期限？", None, True),
        ("通知期限？", frozenset({"zh", "en"}), True),
        ("What is the notice period?", frozenset({"zh"}), False),
        ("What does the clause named 保密 in the contract say?", ENGLISH_ONLY, True),
    ],
)
def test_reading_goes_by_the_share_of_chinese_characters(question, languages, readable):
    assert can_read(question, languages) is readable


# --- engines that fail ------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["embedding", "dense"])
def test_without_the_dense_side_words_answer_and_the_trace_says_so(part):
    engines = Engines(keyword=hits("b"))
    engines.answers[part] = EngineBusy("full")
    found = search(engines)
    assert [each.chunk_id for each in found.hits] == ["b"]
    dense = side(found, Side.DENSE)
    assert (dense.voted, dense.silence, dense.error_code) == (
        False,
        Silence.UNAVAILABLE,
        "ENGINE_BUSY",
    )
    assert found.trace.is_degraded


def test_without_the_keyword_side_vectors_answer():
    found = search(Engines(dense=hits("a"), keyword=EngineUnavailable("down")))
    assert [each.chunk_id for each in found.hits] == ["a"]
    assert found.trace.is_degraded


def test_with_no_side_left_the_error_is_raised():
    broken = EngineUnavailable("down")
    with pytest.raises(EngineUnavailable):
        search(Engines(keyword=broken, embedding=[]), mode=Mode.KEYWORD)
    engines = Engines(keyword=broken)
    engines.answers["embedding"] = broken
    with pytest.raises(EngineUnavailable):
        search(engines)
    with pytest.raises(EngineUnavailable):
        search(engines, mode=Mode.DENSE)


def test_a_bug_is_not_taken_for_an_engine_that_is_down():
    engines = Engines(keyword=hits("b"))
    engines.answers["dense"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        search(engines)


# --- side by side -----------------------------------------------------------------------------


def test_both_sides_run_at_once_and_see_the_context_of_the_caller():
    scope = contextvars.ContextVar("scope")
    scope.set("alice")
    meeting = threading.Barrier(2, timeout=5)
    seen = []

    class Meeting(Engines):
        def by_vector(self, vector, reach, *, limit):
            seen.append(scope.get())
            meeting.wait()
            return hits("a")

        def by_words(self, text, reach, *, limit):
            seen.append(scope.get())
            meeting.wait()
            return hits("b")

    found = search(Meeting())
    assert seen == ["alice", "alice"]
    assert {each.chunk_id for each in found.hits} == {"a", "b"}
    assert all(each.took_ms >= 0 for each in found.trace.sides)
