"""Passages through the API, as each kind of caller."""

import pytest

from apps.documents.models import Chunk
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.api.conftest import code_of


@pytest.fixture
def dora(collection):
    user = factories.make_user("dora")
    factories.make_grant(collection, user, role=Role.CONTRIBUTOR)
    return user


@pytest.fixture
def document(collection):
    return factories.make_document(collection, texts=["The notice is ninety days.", "Two."])


@pytest.fixture
def chunk(document):
    with system_scope("test: look"):
        return Chunk.objects.filter(version=document.current_id).order_by("ordinal")[0]


def of(document, *more):
    return "/".join(["documents", str(document.pk), "passages", *map(str, more)])


def test_an_edit_is_shown_with_the_original_and_found(api_of, dora, bob, document, chunk):
    mine = api_of(dora)
    answer = mine.patch(of(document, chunk.pk), {"text": "It is sixty days.", "number": 0})
    assert (answer.status_code, answer.json()["number"]) == (200, 1)
    seen = api_of(bob).get(of(document)).json()["items"][0]
    assert seen["text"] == "It is sixty days."
    assert seen["edited"]["original"] == "The notice is ninety days."
    hit = api_of(bob).post("search", {"query": "ninety days"}).json()["hits"][0]
    assert (hit["text"], hit["edited"]["by"]) == ("It is sixty days.", "dora")


def test_a_stale_number_is_a_conflict_with_the_text_of_the_other(api_of, dora, document, chunk):
    mine = api_of(dora)
    mine.patch(of(document, chunk.pk), {"text": "First.", "number": 0})
    answer = mine.patch(of(document, chunk.pk), {"text": "Second.", "number": 0})
    assert (answer.status_code, code_of(answer)) == (409, "PASSAGE_CHANGED")
    assert answer.json()["error"]["details"]["text"] == "First."


def test_a_disabled_passage_leaves_lists_and_search_at_once(api_of, dora, bob, document, chunk):
    mine, other = api_of(dora), api_of(bob)
    mine.patch(of(document, chunk.pk), {"is_enabled": False, "number": 0})
    assert len(mine.get(of(document)).json()["items"]) == 2
    assert len(other.get(of(document)).json()["items"]) == 1
    assert len(other.get(f"documents/{document.pk}/chunks").json()["items"]) == 1
    assert other.get(f"documents/{document.pk}").json()["chunks"] == 1
    assert other.get(of(document, chunk.pk)).status_code == 404
    hits = other.post("search", {"query": "notice ninety days"}).json()["hits"]
    assert str(chunk.pk) not in {hit["chunk"] for hit in hits}


def test_a_passage_is_added_taken_back_and_told_in_its_history(api_of, dora, document, chunk):
    mine = api_of(dora)
    added = mine.post(of(document), {"text": "Holidays count.", "after": str(chunk.pk)})
    assert (added.status_code, added.json()["ordinal"], added.json()["is_added"]) == (201, 1, True)
    pk = added.json()["id"]
    steps = mine.get(of(document, pk, "history")).json()["items"]
    assert [(step["action"], step["after"]) for step in steps] == [("added", "Holidays count.")]
    assert mine.post(of(document, pk, "revert"), {"number": 1}).status_code == 204
    assert mine.get(of(document, pk)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"number": 0, "text": ""}, 422, "PASSAGE_EMPTY"),
        ({"number": 0, "text": "long " * 900}, 422, "PASSAGE_TOO_LONG"),
        ({"text": "No number."}, 400, "BAD_REQUEST"),
        ({"number": "many", "text": "x"}, 400, "BAD_REQUEST"),
        ({"number": 0, "texxt": "x"}, 400, "BAD_REQUEST"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    api_of, dora, document, chunk, body, status, code
):
    answer = api_of(dora).patch(of(document, chunk.pk), body)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert api_of(dora).get(of(document, chunk.pk)).json()["number"] == 0


def test_a_viewer_is_refused_and_a_stranger_finds_nothing(api_of, bob, carol, document, chunk):
    for person, status in ((bob, 403), (carol, 404)):
        theirs = api_of(person)
        body = {"text": "x", "number": 0}
        assert theirs.patch(of(document, chunk.pk), body).status_code == status
        assert theirs.post(of(document), {"text": "x"}).status_code == status
        assert theirs.post(of(document, chunk.pk, "revert"), {"number": 0}).status_code == status
        assert theirs.get(of(document, chunk.pk, "history")).status_code == status
        assert theirs.get(f"documents/{document.pk}/edits").status_code == status
    assert api_of(carol).get(of(document)).status_code == 404


def test_a_passage_of_another_document_is_not_there(api_of, dora, collection, document, chunk):
    other = factories.make_document(collection)
    body = {"text": "x", "number": 0}
    assert api_of(dora).patch(of(other, chunk.pk), body).status_code == 404


# --- cutting -------------------------------------------------------------------------------------
def test_settings_are_tried_applied_and_taken_back(api_of, alice, collection, document):
    mine, place = api_of(alice), f"collections/{collection.pk}/cutting"
    assert mine.get(place).json()["is_usual"] is True
    tried = mine.post(f"{place}/try", {"size": 100}).json()
    assert (tried["cost"]["documents"], tried["preview"]) == (1, None)
    applied = mine.put(place, {"size": 100, "parent": 500})
    assert applied.status_code == 202
    assert (applied.json()["size"], applied.json()["progress"]["waiting"]) == (100, 1)
    assert mine.post(f"{place}/undo").json()["is_usual"] is True


@pytest.mark.parametrize(
    "body", [{}, {"size": 5}, {"size": 100, "overlap": 90}, {"size": 100, "parent": 99}, {"x": 1}]
)
def test_settings_beyond_their_limits_are_refused(api_of, alice, collection, body):
    answer = api_of(alice).put(f"collections/{collection.pk}/cutting", body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_settings_are_for_managers(api_of, bob, dora, carol, collection):
    place = f"collections/{collection.pk}/cutting"
    for person, status in ((bob, 403), (dora, 403), (carol, 404)):
        assert api_of(person).put(place, {"size": 100}).status_code == status
        assert api_of(person).post(f"{place}/try", {"size": 100}).status_code == status
        assert api_of(person).post(f"{place}/undo").status_code == status
    assert api_of(carol).get(place).status_code == 404
