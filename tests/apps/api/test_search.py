"""Search through the API: passages that the caller may read, and how they were found."""

import pytest

from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.api.conftest import code_of


@pytest.fixture
def documents(collection, other_collection):
    """One that bob may read, one that only alice may."""
    return (
        factories.make_document(collection, "lease.txt", external_id="L1"),
        factories.make_document(other_collection, "minutes.txt"),
    )


def _names(program, **body):
    answer = program.post("search", {"query": "notice period", **body})
    assert answer.status_code == 200, answer.content
    return [hit["document"]["name"] for hit in answer.json()["hits"]]


def test_each_finds_only_what_they_may_read(alice, bob, carol, documents, api_of):
    assert set(_names(api_of(alice))) == {"lease.txt", "minutes.txt"}
    assert set(_names(api_of(bob))) == {"lease.txt"}
    assert _names(api_of(carol)) == []


def test_a_hit_says_where_it_stands_and_how_it_was_found(bob, documents, api_of):
    answer = api_of(bob).post("search", {"query": "notice period", "limit": 1}).json()
    (hit,) = answer["hits"]
    assert hit["document"]["id"] == str(documents[0].pk)
    assert hit["external_id"] == "L1"
    assert (hit["page"], hit["text"]) == (1, factories.TEXT[0])
    assert hit["score"] > 0
    assert set(hit["ranks"]) <= {"dense", "keyword"}
    assert hit["ranks"]
    assert {side["side"] for side in answer["trace"]["sides"]} == {"dense", "keyword"}


def test_the_trace_names_nothing_that_the_caller_may_not_read(bob, documents, api_of):
    text = api_of(bob).post("search", {"query": "notice period"}).content.decode()
    hidden = documents[1]
    assert str(hidden.pk) not in text
    assert str(hidden.collection_id) not in text
    assert "minutes" not in text


def test_a_search_is_narrowed_to_collections_and_workspaces(alice, workspace, documents, api_of):
    mine = api_of(alice)
    only = str(documents[0].collection_id)
    assert set(_names(mine, collections=[only])) == {"lease.txt"}
    assert set(_names(mine, workspaces=[workspace.slug])) == {"lease.txt", "minutes.txt"}
    assert set(_names(mine, workspaces=[str(workspace.pk)], collections=[only])) == {"lease.txt"}


def test_a_collection_of_another_workspace_is_added_to_a_named_workspace(alice, documents, api_of):
    elsewhere = factories.make_workspace(manager=alice)
    third = factories.make_document(factories.make_collection(elsewhere), "third.txt")
    found = _names(
        api_of(alice),
        workspaces=[elsewhere.slug],
        collections=[str(documents[0].collection_id)],
        limit=20,
    )
    assert set(found) == {third.name, "lease.txt"}


def test_naming_what_one_may_not_see_is_not_found(bob, carol, workspace, documents, api_of):
    hidden = [str(documents[1].collection_id)]
    assert code_of(api_of(bob).post("search", {"query": "x", "collections": hidden})) == "NOT_FOUND"
    stranger = api_of(carol)
    for names in ([workspace.slug], [str(workspace.pk)], ["no-such"]):
        answer = stranger.post("search", {"query": "x", "workspaces": names})
        assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("mode", ["dense", "keyword", "hybrid"])
def test_each_mode_answers(bob, documents, api_of, mode):
    assert _names(api_of(bob), mode=mode)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 1000},
        {"query": "x", "mode": "magic"},
        {"query": "x", "collections": ["no-uuid"]},
        {"query": "x" * 8001},
        {"query": ["x"]},
        {"query": "x", "colections": []},
        ["query"],
    ],
)
def test_a_wrong_shape_is_refused(bob, api_of, body):
    answer = api_of(bob).post("search", body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "query", ["'; DROP TABLE", '"', "AND OR NOT", "*:*", "🙂", "。", "x" * 8000]
)
def test_strange_words_are_only_words(bob, documents, api_of, query):
    assert api_of(bob).post("search", {"query": query}).status_code == 200


def test_a_revoked_grant_bites_on_the_next_search(bob, collection, documents, api_of):
    viewer = api_of(bob)
    assert _names(viewer)
    with system_scope("test: revoke"):
        collection.grants.all().delete()
    assert _names(viewer) == []


def test_keys_for_reading_and_asking_search_and_so_do_those_for_writing(bob, documents, api_of):
    for scope in KeyScope:
        assert _names(api_of(bob, scope=scope)) == ["lease.txt"] * len(factories.TEXT)


def test_without_a_key_nothing_is_searched(nobody):
    assert code_of(nobody.post("search", {"query": "x"})) == "NOT_SIGNED_IN"


def test_an_index_that_is_down_is_said_so(bob, documents, api_of, monkeypatch):
    from apps.engines import factory  # noqa: PLC0415 - beside its only use
    from apps.rag.ports import EngineUnavailable  # noqa: PLC0415

    def down(*_args, **_kwargs):
        raise EngineUnavailable

    index = factory.index()
    for name in ("by_vector", "by_words", "search_both"):
        monkeypatch.setattr(index, name, down, raising=False)
    answer = api_of(bob).post("search", {"query": "notice"})
    assert (answer.status_code, code_of(answer)) == (503, "INDEX_UNAVAILABLE")
    assert answer["Retry-After"]
