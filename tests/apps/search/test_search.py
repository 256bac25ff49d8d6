"""One question in, permitted passages out."""

import pytest

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents.models import Chunk, Document
from apps.engines import factory
from apps.engines.adapters.fake import OverlapReranker
from apps.permissions.scope import NOBODY, ScopeMissing, entered, system_scope
from apps.rag.ports import EngineUnavailable, Reach
from apps.rag.retrieve import Mode
from apps.search.models import SearchLog
from apps.search.services import search
from apps.workspaces.models import Collection, CollectionGrant
from apps.workspaces.scopes import scope_of
from tests.factories import make_document, make_version

pytestmark = pytest.mark.django_db
QUESTION = "What is the notice period?"


@pytest.fixture
def lease(collection: Collection) -> Document:
    return make_document(
        collection, "lease.pdf", texts=["The notice period is ninety days.", "Rent is due monthly."]
    )


@pytest.fixture
def board(other_collection: Collection) -> Document:
    return make_document(other_collection, "board.pdf", texts=["The notice period is secret."])


def names(found) -> set[str]:
    return {passage.document_name for passage in found.passages}


def test_a_passage_comes_with_what_a_citation_needs(bob: User, lease: Document, as_) -> None:
    with as_(bob):
        passage = search(question=QUESTION).passages[0]
    assert passage.text == "The notice period is ninety days."
    assert passage.document_name == "lease.pdf"
    assert passage.document_id == str(lease.pk)
    assert passage.version_id == str(lease.current_id)
    assert passage.page == 1
    assert passage.score > 0


def test_only_what_the_asker_may_read_is_found(
    alice: User, bob: User, carol: User, lease: Document, board: Document, as_
) -> None:
    with as_(alice):
        assert names(search(question=QUESTION)) == {"lease.pdf", "board.pdf"}
    with as_(bob):
        assert names(search(question=QUESTION)) == {"lease.pdf"}
    with as_(carol):
        found = search(question=QUESTION)
    assert found.passages == ()
    assert found.trace.as_json()["fence"] == {"candidates": 0, "dropped": 0}


def test_naming_a_collection_narrows_and_never_widens(
    alice: User, bob: User, lease: Document, board: Document, other_collection: Collection, as_
) -> None:
    with as_(alice):
        assert names(search(question=QUESTION, collections=[other_collection.pk])) == {"board.pdf"}
        assert names(search(question=QUESTION, collections=[])) == set()
    with as_(bob):
        assert names(search(question=QUESTION, collections=[other_collection.pk])) == set()


def test_nobody_and_jobs_find_nothing_and_without_a_scope_it_raises(lease: Document) -> None:
    with entered(NOBODY):
        assert search(question=QUESTION).passages == ()
    with system_scope("test: a job searches for nobody"):
        assert search(question=QUESTION).passages == ()
    with pytest.raises(ScopeMissing):
        search(question=QUESTION)


def test_a_revoked_grant_bites_on_the_next_search(
    bob: User, lease: Document, collection: Collection, as_
) -> None:
    with as_(bob):
        assert search(question=QUESTION).passages
    with system_scope("test: revoke"):
        CollectionGrant.objects.filter(collection=collection, user=bob).delete()
    with as_(bob):
        assert search(question=QUESTION).passages == ()


def test_a_stale_index_is_stopped_by_the_second_fence(
    bob: User, lease: Document, board: Document, collection: Collection, as_, monkeypatch
) -> None:
    """The index believes that the board papers are in the collection that bob may read."""
    index = factory.fakes().index
    everything = Reach(frozenset({str(board.collection_id), str(lease.collection_id)}))
    honest_vector, honest_words = index.by_vector, index.by_words
    monkeypatch.setattr(
        index, "by_vector", lambda v, reach, *, limit: honest_vector(v, everything, limit=limit)
    )
    monkeypatch.setattr(
        index, "by_words", lambda t, reach, *, limit: honest_words(t, everything, limit=limit)
    )
    with as_(bob):
        found = search(question=QUESTION)
    assert names(found) == {"lease.pdf"}
    trace = found.trace.as_json()
    assert trace["fence"]["dropped"] == 1
    with system_scope("test: the id of a hidden passage"):
        hidden = Chunk.objects.get(document=board)
    assert str(hidden.pk) not in str(trace)
    assert str(board.pk) not in str(trace)


def test_a_version_that_is_not_current_is_not_found(bob: User, lease: Document, as_) -> None:
    with system_scope("test: a new version that says something else"):
        lease.current = make_version(lease, texts=["Something else."], data=b"new", number=2)
        lease.save()
    with as_(bob):
        assert search(question=QUESTION).passages == ()


def test_a_deleted_document_is_not_found(bob: User, lease: Document, as_) -> None:
    with system_scope("test: deleted, its rows still in the index"):
        Document.with_deleted.filter(pk=lease.pk).update(deleted_at=lease.created_at)
    with as_(bob):
        assert search(question=QUESTION).passages == ()


def test_the_index_is_asked_for_more_until_the_limit_is_full(
    bob: User, collection: Collection, as_
) -> None:
    """Sixty dead rows rank above the living ones; the first look is fifty deep."""
    dead = make_document(collection, "old.pdf", texts=["The notice period is ninety days."] * 60)
    with system_scope("test: a document whose rows the index still has"):
        Document.with_deleted.filter(pk=dead.pk).update(deleted_at=dead.created_at)
    make_document(
        collection, "new.pdf", texts=[f"Notice period, day {n}, of a lease." for n in range(5)]
    )
    with as_(bob):
        found = search(question="The notice period is ninety days.", limit=5)
    assert [passage.document_name for passage in found.passages] == ["new.pdf"] * 5
    assert found.trace.dropped == 60


def test_limit_cuts(bob: User, collection: Collection, as_) -> None:
    make_document(collection, "many.txt", texts=[f"The notice period {n}." for n in range(20)])
    with as_(bob):
        assert len(search(question=QUESTION, limit=3).passages) == 3
        assert len(search(question=QUESTION).passages) == 10


@pytest.mark.parametrize("question", ["", "   ", "\x00", "?!"])
def test_a_question_without_words_finds_nothing_or_something_and_never_fails(
    bob: User, lease: Document, as_, question: str
) -> None:
    with as_(bob):
        assert len(search(question=question).passages) <= 2


def test_the_trace_tells_ranks_and_times_per_side(bob: User, lease: Document, as_) -> None:
    with as_(bob):
        trace = search(question=QUESTION).trace.as_json()
    assert [side["side"] for side in trace["sides"]] == ["dense", "keyword"]
    assert all(side["voted"] and side["took_ms"] >= 0 for side in trace["sides"])
    first = trace["hits"][0]
    assert first["ranks"]["keyword"][0] == 1
    assert first["document"] == str(lease.pk)


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.KEYWORD])
def test_one_side_can_be_asked_alone(bob: User, lease: Document, as_, mode: Mode) -> None:
    with as_(bob):
        found = search(question=QUESTION, mode=mode)
    assert found.passages[0].text == "The notice period is ninety days."
    voted = [side["side"] for side in found.trace.as_json()["sides"] if side["voted"]]
    assert voted == [mode.value]


def test_without_the_embedder_the_words_decide_alone(
    bob: User, lease: Document, as_, monkeypatch
) -> None:
    calls = []

    def down(text: str) -> list[float]:
        calls.append(text)
        raise EngineUnavailable("down")

    monkeypatch.setattr(factory.fakes().embedder, "embed_query", down)
    with as_(bob):
        found = search(question=QUESTION)
    assert names(found) == {"lease.pdf"}
    assert found.trace.silent_sides == ["dense"]
    assert len(calls) == 1, "a server that is down is asked once a search"


def test_without_an_index_it_is_503(bob: User, lease: Document, as_, monkeypatch) -> None:
    def down(*args: object, **kwargs: object) -> None:
        raise EngineUnavailable("down")

    monkeypatch.setattr(factory.fakes().index, "by_vector", down)
    monkeypatch.setattr(factory.fakes().index, "by_words", down)
    with as_(bob), pytest.raises(AppError) as caught:
        search(question=QUESTION)
    assert (caught.value.code, caught.value.status) == ("INDEX_UNAVAILABLE", 503)


def test_a_reranker_reorders_and_its_failure_costs_nothing_else(
    bob: User, collection: Collection, as_, monkeypatch
) -> None:
    make_document(
        collection,
        "both.txt",
        texts=["notice notice notice notice", "the period of notice is what it is"],
    )
    factory.fakes().reranker = OverlapReranker()
    with as_(bob):
        found = search(question=QUESTION, limit=1)
    assert found.trace.is_reranked
    assert found.passages[0].text == "the period of notice is what it is"

    def down(*args: object) -> None:
        raise EngineUnavailable("down")

    monkeypatch.setattr(OverlapReranker, "score", down)
    with as_(bob):
        found = search(question=QUESTION, limit=1)
    assert not found.trace.is_reranked
    assert len(found.passages) == 1


def test_a_search_is_logged_without_the_text_of_passages(bob: User, lease: Document, as_) -> None:
    with as_(bob):
        search(question=QUESTION)
        search(question=QUESTION, log=False)
        row = SearchLog.objects.get()
    assert (row.owner_id, row.query, row.mode, row.hits) == (bob.pk, QUESTION, "hybrid", 2)
    assert "ninety" not in str(row.trace)
    assert str(lease.pk) in str(row.trace)


def test_a_log_is_seen_by_its_owner_only(bob: User, alice: User, lease: Document, as_) -> None:
    with as_(bob):
        search(question=QUESTION)
    with as_(alice):
        assert SearchLog.objects.count() == 0


def test_the_scope_decides_in_whichever_thread_the_sides_are_asked(
    bob: User, lease: Document, django_assert_max_num_queries
) -> None:
    # One of them asks whether there are rules about topics.
    with entered(scope_of(bob)), django_assert_max_num_queries(4):
        assert search(question=QUESTION).passages
