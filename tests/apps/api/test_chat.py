"""Asking through the API: JSON, server-sent events, and whose answers they are."""

import json
from typing import Any

import pytest
from django.test import AsyncClient

from apps.chat.models import Turn
from apps.engines import factory
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineUnavailable
from tests import factories
from tests.apps.api.conftest import code_of

QUESTION = "What is the notice period?"
# Answers are written beside the request, in threads of their own: they need real commits.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lease(collection):
    return factories.make_document(collection, "lease.txt")


@pytest.fixture
def key(bob):
    return factories.make_api_key(bob)[1]


def _frames(content: bytes) -> list[dict[str, Any]]:
    """The frames of an event stream; each must be a whole event with its type and number."""
    frames = []
    for event in content.decode().strip().split("\n\n"):
        kind, number, data = event.split("\n")
        frame = json.loads(data.removeprefix("data: "))
        assert kind == f"event: {frame['type']}"
        assert number == f"id: {frame['n']}"
        frames.append(frame)
    return frames


async def _streamed(
    key: str, body: dict[str, Any], **headers: str
) -> tuple[Any, list[dict[str, Any]]]:
    response = await AsyncClient().post(
        "/api/v1/chat",
        {"stream": True, **body},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "Accept": "text/event-stream", **headers},
    )
    assert response.status_code == 200, response.content
    content = b"".join([piece async for piece in response.streaming_content])
    return response, _frames(content)


# --- JSON ----------------------------------------------------------------------------------------
def test_an_answer_comes_with_the_sources_it_cites(bob, lease, api_of):
    answer = api_of(bob).post("chat", {"message": QUESTION})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["state"] == "complete"
    assert "ninety days" in said["answer"]
    assert [source["document"] for source in said["citations"]] == [str(lease.pk)]
    assert said["citations"][0]["quote"] == factories.TEXT[0]
    assert {source["number"] for source in said["citations"]} == {1}


def test_a_stranger_is_answered_from_nothing_of_others(carol, lease, api_of):
    said = api_of(carol).post("chat", {"message": QUESTION}).json()
    assert said["sources"] == said["citations"] == []
    assert "ninety" not in said["answer"]
    assert said["refused"] is True


def test_a_conversation_goes_on(bob, lease, api_of):
    viewer = api_of(bob)
    first = viewer.post("chat", {"message": QUESTION}).json()
    again = {"message": "And in winter?", "conversation": first["conversation"]}
    second = viewer.post("chat", again).json()
    assert second["conversation"] == first["conversation"]
    turns = viewer.get(f"conversations/{first['conversation']}").json()["turns"]
    assert [turn["question"] for turn in turns] == [QUESTION, "And in winter?"]
    assert turns[1]["parent"] == first["turn"]


def test_a_question_is_kept_to_what_it_names(alice, workspace, lease, other_collection, api_of):
    texts = ["The board kept the notice period of ninety days."]
    minutes = factories.make_document(other_collection, "minutes.txt", texts=texts)
    mine = api_of(alice)
    body = {"message": QUESTION, "workspaces": [workspace.slug]}
    everywhere = mine.post("chat", body).json()
    assert {source["document"] for source in everywhere["sources"]} == {
        str(lease.pk),
        str(minutes.pk),
    }
    narrowed = mine.post("chat", {**body, "collections": [str(other_collection.pk)]}).json()
    assert {source["document"] for source in narrowed["sources"]} == {str(minutes.pk)}


def test_naming_what_one_may_not_see_is_not_found(
    bob, carol, workspace, collection, other_collection, lease, api_of
):
    hidden = {"message": QUESTION, "collections": [str(other_collection.pk)]}
    assert code_of(api_of(bob).post("chat", hidden)) == "NOT_FOUND"
    for where in ({"workspaces": [workspace.slug]}, {"collections": [str(collection.pk)]}):
        assert code_of(api_of(carol).post("chat", {"message": QUESTION, **where})) == "NOT_FOUND"


def test_a_workspace_without_anything_to_read_does_not_mean_everything(carol, lease, api_of):
    empty = factories.make_workspace(manager=carol)
    second = factories.make_workspace(manager=carol)
    body = {"message": QUESTION, "workspaces": [empty.slug, second.slug]}
    assert code_of(api_of(carol).post("chat", body)) == "NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "x" * 8001},
        {"message": "x", "mode": "loud"},
        {"message": "x", "conversation": "no-uuid"},
        {"message": "x", "stream": "perhaps"},
    ],
)
def test_a_wrong_shape_is_refused(bob, api_of, body):
    answer = api_of(bob).post("chat", body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("scope", "status"),
    [(KeyScope.READ, 403), (KeyScope.WRITE, 403), (KeyScope.ASK, 200), (KeyScope.ALL, 200)],
)
def test_only_a_key_for_asking_asks(bob, lease, api_of, scope, status):
    assert api_of(bob, scope=scope).post("chat", {"message": QUESTION}).status_code == status


def test_without_a_key_nothing_is_answered(nobody):
    assert code_of(nobody.post("chat", {"message": QUESTION})) == "NOT_SIGNED_IN"


def test_when_the_model_is_down_there_are_the_sources_and_when_to_try_again(bob, lease, api_of):
    factory.fakes().generator.script.append(EngineUnavailable("secret address"))
    answer = api_of(bob).post("chat", {"message": QUESTION})
    assert (answer.status_code, code_of(answer)) == (503, "ENGINE_UNAVAILABLE")
    assert int(answer["Retry-After"]) >= 1
    details = answer.json()["error"]["details"]
    assert details["sources"][0]["document"] == str(lease.pk)
    assert "secret" not in answer.content.decode()


# --- events --------------------------------------------------------------------------------------
async def test_sources_come_before_the_first_word_and_one_frame_ends_it(key, lease):
    response, frames = await _streamed(key, {"message": QUESTION})
    assert response["Content-Type"].startswith("text/event-stream")
    assert response["Cache-Control"] == "no-cache"
    kinds = [frame["type"] for frame in frames]
    assert kinds[:2] == ["started", "sources"]
    assert set(kinds[2:-1]) == {"delta"}
    assert kinds[-1] == "done"
    assert [frame["n"] for frame in frames] == sorted(frame["n"] for frame in frames)
    assert "ninety days" in frames[-1]["text"]
    assert frames[1]["sources"][0]["document"] == str(lease.pk)


async def test_a_finished_answer_is_followed_again_from_where_one_was(key, lease):
    _response, frames = await _streamed(key, {"message": QUESTION})
    address = f"/api/v1/turns/{frames[0]['turn']}/frames"

    async def follow(**headers: str) -> list[dict[str, Any]]:
        headers["Authorization"] = f"Bearer {key}"
        response = await AsyncClient().get(address, headers=headers)
        return _frames(b"".join([piece async for piece in response.streaming_content]))

    assert (await follow())[0]["type"] == "started"
    rest = await follow(**{"Last-Event-ID": str(frames[1]["n"])})
    assert {frame["type"] for frame in rest[:-1]} == {"delta"}
    assert "".join(frame["text"] for frame in rest[:-1]) == frames[-1]["text"]
    assert rest[-1]["text"] == frames[-1]["text"]


async def test_leaving_does_not_stop_the_answer(key, lease):
    factory.fakes().generator.delta_delay_s = 0.02
    response = await AsyncClient().post(
        "/api/v1/chat",
        {"message": QUESTION, "stream": True},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    stream = aiter(response.streaming_content)
    first = _frames(await anext(stream))[0]
    await stream.aclose()
    response = await AsyncClient().get(
        f"/api/v1/turns/{first['turn']}/frames", headers={"Authorization": f"Bearer {key}"}
    )
    frames = _frames(b"".join([piece async for piece in response.streaming_content]))
    assert frames[-1]["type"] == "done"


# --- turns ---------------------------------------------------------------------------------------
def test_a_turn_is_read_rated_and_stopped_by_whoever_asked_it(bob, lease, api_of):
    turn = factories.make_turn(factories.make_conversation(bob), sources=[lease])
    viewer, path = api_of(bob), f"turns/{turn.pk}"
    assert viewer.get(path).json()["cited"] == [1]
    rated = viewer.post(f"{path}/rate", {"rating": "not_helpful", "reason": "too short"}).json()
    assert (rated["rating"], rated["rating_reason"]) == ("not_helpful", "too short")
    assert viewer.post(f"{path}/stop").status_code == 202


def test_turns_and_conversations_of_others_are_not_there(alice, bob, admin, lease, api_of):
    conversation = factories.make_conversation(bob)
    turn = factories.make_turn(conversation, sources=[lease])
    for user in (alice, admin):
        other = api_of(user)
        answers = [
            other.get(f"turns/{turn.pk}"),
            other.get(f"turns/{turn.pk}/frames"),
            other.post(f"turns/{turn.pk}/stop"),
            other.post(f"turns/{turn.pk}/rate", {"rating": "helpful"}),
            other.get(f"conversations/{conversation.pk}"),
            other.patch(f"conversations/{conversation.pk}", {"title": "mine"}),
            other.delete(f"conversations/{conversation.pk}"),
        ]
        assert {code_of(answer) for answer in answers if answer.status_code != 403} == {"NOT_FOUND"}
        assert all(answer.status_code in {403, 404} for answer in answers)
        assert other.get("conversations").json()["items"] == []


def test_a_conversation_is_listed_renamed_and_deleted(bob, lease, api_of):
    conversation = factories.make_conversation(bob, title="Notice")
    factories.make_turn(conversation, sources=[lease])
    viewer, path = api_of(bob), f"conversations/{conversation.pk}"
    assert [row["title"] for row in viewer.get("conversations").json()["items"]] == ["Notice"]
    assert viewer.patch(path, {"title": "Lease"}).json()["title"] == "Lease"
    assert viewer.delete(path).status_code == 204
    assert viewer.get(path).status_code == 404
    with system_scope("test: nothing is left"):
        assert not Turn.objects.exists()


def test_an_answer_is_withheld_once_its_documents_are(bob, collection, lease, api_of):
    conversation = factories.make_conversation(bob, title="What is the notice period")
    factories.make_turn(conversation, sources=[lease])
    with system_scope("test: revoke"):
        collection.grants.all().delete()
    viewer = api_of(bob)
    for path in (f"conversations/{conversation.pk}", "conversations"):
        text = viewer.get(path).content.decode()
        assert "notice" not in text.lower()
        assert "inety" not in text
        assert "lease.txt" not in text
    (turn,) = viewer.get(f"conversations/{conversation.pk}").json()["turns"]
    assert turn["is_withheld"] is True
