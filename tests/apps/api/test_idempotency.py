"""A write that is sent twice happens once."""

import pytest
from django.core.cache import cache
from rest_framework.request import Request

from apps.core.idempotency import Once, _fingerprint
from apps.documents.models import Document
from apps.permissions.scope import system_scope
from apps.workspaces.models import Workspace
from tests import factories
from tests.apps.api.conftest import code_of
from tests.apps.api.test_documents import _file


def test_the_same_request_gets_the_same_answer_and_writes_nothing(admin, api_of):
    mine = api_of(admin)
    first = mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    again = mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert not first.has_header("Idempotent-Replayed")
    assert len(mine.get("workspaces").json()["items"]) == 1


def test_another_body_under_the_same_key_is_a_conflict(admin, api_of):
    mine = api_of(admin)
    mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    answer = mine.post("workspaces", {"name": "Finance"}, Idempotency_Key="k1")
    assert (answer.status_code, code_of(answer)) == (409, "IDEMPOTENCY_CONFLICT")


def test_another_address_under_the_same_key_is_a_conflict(alice, workspace, collection, api_of):
    mine = api_of(alice)
    mine.post(f"workspaces/{workspace.slug}/collections", {"name": "n"}, Idempotency_Key="k1")
    other = mine.post(f"collections/{collection.pk}/documents", {"name": "n"}, Idempotency_Key="k1")
    assert code_of(other) == "IDEMPOTENCY_CONFLICT"


def test_a_key_of_mine_is_not_a_key_of_yours(admin, api_of):
    second = factories.make_user(is_administrator=True)
    for user in (admin, second):
        answer = api_of(user).post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
        assert answer.status_code == 201
        assert not answer.has_header("Idempotent-Replayed")
    with system_scope("test: count"):
        assert Workspace.objects.count() == 2


def test_a_narrower_key_is_not_given_what_another_key_was_answered(admin, api_of):
    made = api_of(admin).post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    narrow = api_of(admin, scope="read").post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    assert (made.status_code, code_of(narrow)) == (201, "FORBIDDEN")


def test_the_same_files_are_taken_once(alice, collection, api_of):
    mine, path = api_of(alice), f"collections/{collection.pk}/documents"
    first = mine.upload(path, {"file": _file()}, Idempotency_Key="k1")
    again = mine.upload(path, {"file": _file()}, Idempotency_Key="k1")
    other = mine.upload(path, {"file": _file(content=b"other")}, Idempotency_Key="k1")
    assert again.json() == first.json()
    assert code_of(other) == "IDEMPOTENCY_CONFLICT"
    with system_scope("test: count"):
        assert Document.objects.count() == 1


def test_a_refused_request_may_be_repeated_when_it_is_put_right(admin, api_of):
    mine = api_of(admin)
    assert mine.post("workspaces", {"name": ""}, Idempotency_Key="k1").status_code == 400
    assert mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1").status_code == 201


def test_a_request_still_under_way_is_a_conflict(admin, api_of, monkeypatch):
    monkeypatch.setattr(Once, "keep", lambda *_args: None)  # as if the first had not ended
    mine = api_of(admin)
    mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    answer = mine.post("workspaces", {"name": "Legal"}, Idempotency_Key="k1")
    assert code_of(answer) == "IDEMPOTENCY_CONFLICT"
    assert answer.json()["error"]["details"] == {"in_progress": True}


def test_a_kept_answer_is_not_repeated_to_whoever_lost_the_right(alice, carol, collection, api_of):
    grant = factories.make_grant(collection, carol, role="contributor")
    program, path = api_of(carol), f"collections/{collection.pk}/documents"
    body = {"text": "secret plan", "name": "n"}
    assert program.post(path, body, Idempotency_Key="k1").status_code == 202
    with system_scope("test: revoke"):
        grant.delete()
    assert code_of(program.post(path, body, Idempotency_Key="k1")) == "NOT_FOUND"


def test_a_key_as_long_as_a_novel_is_refused(admin, api_of):
    answer = api_of(admin).post("workspaces", {"name": "n"}, Idempotency_Key="k" * 256)
    assert code_of(answer) == "BAD_REQUEST"


def test_a_new_api_key_is_never_kept(alice, api_of):
    mine = api_of(alice)
    first = mine.post("keys", {"name": "k"}, Idempotency_Key="k1").json()["key"]
    second = mine.post("keys", {"name": "k"}, Idempotency_Key="k1").json()["key"]
    assert first != second
    assert first not in repr(getattr(cache, "_cache", ""))


@pytest.mark.django_db(transaction=True)
def test_a_question_sent_twice_is_answered_once(bob, collection, api_of):
    factories.make_document(collection)
    viewer, body = api_of(bob), {"message": "What is the notice period?"}
    first = viewer.post("chat", body, Idempotency_Key="k1")
    again = viewer.post("chat", body, Idempotency_Key="k1")
    assert first.json()["turn"] == again.json()["turn"]
    assert first.json()["answer"] == again.json()["answer"]
    assert again["Idempotent-Replayed"] == "true"
    assert len(viewer.get("conversations").json()["items"]) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("applications", {"name": "ERP", "acts": "service"}),
        ("administration/topics", {"name": "Pay", "words": ["salary"]}),
        (
            "administration/model-servers",
            {"kind": "chat", "name": "v", "base_url": "http://127.0.0.1:9/v1", "model": "m"},
        ),
    ],
)
def test_what_administrators_make_is_made_once(admin, api_of, path, body):
    mine = api_of(admin)
    first = mine.post(path, body, Idempotency_Key="k1")
    again = mine.post(path, body, Idempotency_Key="k1")
    assert (first.status_code, again.json()) == (201, first.json())
    assert len(mine.get(path).json()["items"]) == 1


def test_what_is_kept_helps_nobody_to_guess_a_password(rf, settings):
    def fingerprint() -> str:
        return _fingerprint(Request(rf.post("/", {"password": "letmein"}, "application/json")))

    first = fingerprint()
    assert fingerprint() == first
    settings.SECRET_KEY = "of another installation"
    assert fingerprint() != first
