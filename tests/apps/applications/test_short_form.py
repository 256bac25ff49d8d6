"""``POST /api/chat``: one field to read, whatever happens."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.applications.models import Reach
from apps.workspaces.models import Collection, Workspace
from tests import factories
from tests.apps.applications.conftest import Make

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period of this contract?"
INVALID = (401, "Invalid API token", "INVALID_KEY")
DENIED = (403, "Permission denied for this query", "FORBIDDEN")


def ask(client: Client, workspace: Workspace | str, **extra: Any) -> Any:
    slug = workspace if isinstance(workspace, str) else workspace.slug
    headers = extra.pop("headers", {})
    body = {"workspace": slug, "question": QUESTION, **extra}
    return client.post("/api/chat", body, content_type="application/json", headers=headers)


def refusal(answer: Any) -> tuple[int, str, str]:
    said = answer.json()
    return answer.status_code, said["error"], said["code"]


def key_of(person: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {factories.make_api_key(person)[1]}"}


def test_a_question_is_answered_with_what_the_person_may_read(
    bob: User, workspace: Workspace, collection: Collection
) -> None:
    factories.make_document(collection, "Lease.txt")
    answer = ask(Client(), workspace, headers=key_of(bob))
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert set(said) == {"answer", "refused", "citations", "conversation", "turn"}
    assert said["answer"]
    for citation in said["citations"]:
        assert citation["document"] == "Lease.txt"
    again = ask(Client(), workspace, headers=key_of(bob), conversation=said["conversation"])
    assert again.json()["conversation"] == said["conversation"]


def test_a_key_in_the_body_does_as_well(
    bob: User, workspace: Workspace, collection: Collection
) -> None:
    factories.make_document(collection)
    _key, plain = factories.make_api_key(bob)
    assert ask(Client(), workspace, api_token=plain).status_code == 200
    assert ask(Client(), workspace, api_token=plain, user_id=bob.email).status_code == 200


def test_without_a_good_key_the_words_are_always_the_same(
    alice: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    good = factories.make_api_key(alice)[1]
    answers = [
        ask(Client(), workspace),
        ask(Client(), workspace, api_token="fn_nonsense"),
        ask(Client(), workspace, headers={"Authorization": "Bearer fna_live_nonsense"}),
        ask(Client(), workspace, headers={"Authorization": "Bearer x"}, api_token=good),
        ask(client_of(alice), workspace),  # a session asks nothing here
        Client().post("/api/chat", "{", content_type="application/json"),
        Client().post("/api/chat", "x", content_type="text/plain"),
    ]
    assert [refusal(answer) for answer in answers] == [INVALID] * len(answers)


def test_who_may_read_nothing_there_is_told_what_a_wrong_name_is_told(
    bob: User, carol: User, workspace: Workspace, collection: Collection
) -> None:
    empty = factories.make_workspace("Empty")
    factories.make_member(empty, bob)
    answers = [
        ask(Client(), workspace, headers=key_of(carol)),
        ask(Client(), "no-such-workspace", headers=key_of(carol)),
        ask(Client(), empty, headers=key_of(bob)),
    ]
    assert [refusal(answer) for answer in answers] == [DENIED] * 3
    assert len({json.dumps(answer.json()) for answer in answers}) == 1


def test_a_name_in_the_body_gives_nobody_elses_rights(
    make_program: Make, bob: User, carol: User, workspace: Workspace, collection: Collection
) -> None:
    factories.make_document(collection)
    assert refusal(ask(Client(), workspace, headers=key_of(carol), user_id=bob.email)) == DENIED
    erp = make_program(reach=Reach.PERSON)
    assert refusal(ask(Client(), workspace, headers=erp.headers(), user_id=bob.email)) == DENIED
    asked = ask(Client(), workspace, headers=erp.headers(bob), user_id=bob.email)
    assert asked.status_code == 200, asked.content
    assert refusal(ask(Client(), workspace, headers=erp.headers(carol))) == DENIED
    forged = {**erp.headers(), "X-On-Behalf-Of": "a.b.c"}
    answer = ask(Client(), workspace, headers=forged)
    assert answer.status_code == 401
    assert (answer.json()["code"], answer.json()["details"]) == (
        "ASSERTION_REFUSED",
        {"reason": "not_a_jwt"},
    )
    in_body = Client().post(
        "/api/chat",
        {"workspace": workspace.slug, "question": QUESTION, "api_token": erp.plain},
        content_type="application/json",
        headers={"X-On-Behalf-Of": erp.assertion(bob.email)},
    )
    assert in_body.status_code == 200, in_body.content


def test_a_wrong_body_is_told_apart_from_a_wrong_key(bob: User, workspace: Workspace) -> None:
    headers = key_of(bob)
    for body in ("{", "[]", '{"workspace": "x"}', '{"question": "x", "workspace": "x", "y": 1}'):
        answer = Client().post("/api/chat", body, content_type="application/json", headers=headers)
        assert answer.status_code == 400, body
        assert isinstance(answer.json()["error"], str)


def test_an_answer_can_be_streamed(bob: User, workspace: Workspace, collection: Collection) -> None:
    factories.make_document(collection)
    answer = ask(Client(), workspace, headers=key_of(bob), stream=True)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/event-stream")
