"""People, groups and model servers by programs of an administrator; others are refused."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.models import OneTimeLink, User
from apps.documents.models import IngestRun
from apps.engines.models import Endpoint
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.api.conftest import code_of

SERVER = {"kind": "chat", "name": "vLLM", "base_url": "http://vllm:8000/v1", "model": "m"}


@pytest.mark.parametrize("path", ["people", "groups", "model-servers", "embedding"])
def test_only_administrators_see_that_there_is_an_administration(alice, carol, api_of, path):
    for user in (alice, carol):
        answer = api_of(user).get(f"administration/{path}")
        assert (answer.status_code, code_of(answer)) == (403, "FORBIDDEN")


def test_a_key_that_only_reads_administers_nothing(admin, api_of):
    assert api_of(admin, scope="read").get("administration/people").status_code == 403


# --- people ---------------------------------------------------------------------------------------
def test_somebody_who_is_added_chooses_a_password_with_the_link(admin, api_of):
    made = api_of(admin).post("administration/people", {"email": "dora@example.com"})
    assert made.status_code == 201
    assert Client().get(made.json()["link"].removeprefix("http://testserver")).status_code == 200


def test_an_address_is_added_once(admin, bob, api_of):
    answer = api_of(admin).post("administration/people", {"email": "BOB@example.com"})
    assert (answer.status_code, answer.json()["error"]["details"]) == (409, {"field": "email"})


def test_people_are_found_by_a_part_of_their_name(admin, alice, bob, api_of):
    found = api_of(admin).get("administration/people?q=bob").json()["items"]
    assert [each["id"] for each in found] == [str(bob.pk)]


def test_keys_of_somebody_deactivated_end_with_the_next_call(admin, alice, api_of):
    hers, person = api_of(alice), f"administration/people/{alice.pk}"
    assert api_of(admin).patch(person, {"is_active": False}).json()["is_active"] is False
    assert hers.get("me").status_code == 401
    api_of(admin).patch(person, {"is_active": True})
    assert hers.get("me").status_code == 200


def test_the_last_administrator_stays(admin, api_of):
    mine = api_of(admin)
    for wanted in ({"is_active": False}, {"is_administrator": False}):
        answer = mine.patch(f"administration/people/{admin.pk}", wanted)
        details = answer.json()["error"]["details"]
        assert (answer.status_code, details["reason"]) == (409, "last_administrator")


def test_a_browser_confirms_who_it_is_before_it_changes_a_person(admin, alice, client_of, settings):
    settings.REAUTH_SECONDS = 0
    address = f"/api/v1/administration/people/{alice.pk}"
    answer = client_of(admin).patch(address, {"is_active": False}, "application/json")
    assert (answer.status_code, code_of(answer)) == (403, "CONFIRM_IDENTITY")
    assert User.objects.get(pk=alice.pk).is_active


def test_a_new_link_ends_the_older_one(admin, alice, api_of):
    path = f"administration/people/{alice.pk}/link"
    first = api_of(admin).post(path, {"gives": "password"}).json()["link"]
    second = api_of(admin).post(path, {"gives": "second_factor"}).json()["link"]
    assert first != second
    assert OneTimeLink.objects.get(used_at=None).purpose == OneTimeLink.Purpose.FACTOR


# --- groups ---------------------------------------------------------------------------------------
def test_a_group_is_made_once_for_one_idempotency_key(admin, api_of):
    mine = api_of(admin)
    made = [
        mine.post("administration/groups", {"name": "Buyers"}, Idempotency_Key="k").json()
        for _ in range(2)
    ]
    assert made[0] == made[1]
    group = f"administration/groups/{made[0]['id']}"
    assert mine.patch(group, {"name": "Purchasing"}).json()["name"] == "Purchasing"
    assert mine.delete(group).status_code == 204
    assert mine.get(group).status_code == 404


def test_whoever_is_put_into_a_group_reads_what_it_may_until_taken_out(
    admin, carol, collection, api_of
):
    group = factories.make_group("Auditors")
    factories.make_grant(collection, group)
    members = f"administration/groups/{group.pk}/members"
    mine, hers = api_of(admin), api_of(carol)
    assert hers.get(f"collections/{collection.pk}").status_code == 404
    added = mine.post(members, {"who": carol.email})
    assert (added.status_code, added.json()["is_by_hand"]) == (201, True)
    assert hers.get(f"collections/{collection.pk}").status_code == 200
    assert mine.delete(f"{members}/{carol.pk}").status_code == 204
    assert hers.get(f"collections/{collection.pk}").status_code == 404


def test_groups_are_put_into_each_other_but_not_in_a_circle(admin, api_of):
    outer, inner = factories.make_group(), factories.make_group()
    mine = api_of(admin)
    assert mine.put(f"administration/groups/{outer.pk}/groups/{inner.pk}", None).status_code == 204
    listed = mine.get(f"administration/groups/{outer.pk}/groups").json()["items"]
    assert [each["id"] for each in listed] == [str(inner.pk)]
    circle = mine.put(f"administration/groups/{inner.pk}/groups/{outer.pk}", None)
    details = circle.json()["error"]["details"]
    assert (circle.status_code, details["reason"]) == (409, "circle")


# --- model servers --------------------------------------------------------------------------------
def test_the_key_of_a_model_server_is_never_given_again(admin, api_of):
    mine = api_of(admin)
    made = mine.post("administration/model-servers", {**SERVER, "api_key": "sk-secret"})
    assert (made.status_code, made.json()["has_key"]) == (201, True)
    server = f"administration/model-servers/{made.json()['id']}"
    assert "sk-secret" not in mine.get(server).content.decode()
    assert mine.patch(server, {"is_active": True}).json()["is_active"] is True


def test_a_stored_key_is_not_sent_to_another_address(admin, api_of):
    mine = api_of(admin)
    made = mine.post("administration/model-servers", {**SERVER, "api_key": "sk-secret"}).json()
    server = f"administration/model-servers/{made['id']}"
    moved = mine.patch(server, {"base_url": "http://elsewhere/v1"})
    assert (moved.status_code, code_of(moved)) == (400, "BAD_REQUEST")
    assert Endpoint.objects.get().base_url == SERVER["base_url"]


def test_a_model_server_is_really_asked(admin, api_of):
    made = api_of(admin).post(
        "administration/model-servers", {**SERVER, "base_url": "http://127.0.0.1:1/v1"}
    )
    path = f"administration/model-servers/{made.json()['id']}/test"
    assert api_of(admin).post(path).json()["code"] == "ENGINE_UNAVAILABLE"


def test_embedding_with_the_same_model_again_would_change_nothing(admin, api_of):
    mine = api_of(admin)
    assert mine.get("administration/embedding").json()["filling"] is None
    answer = mine.post("administration/embedding", {})
    details = answer.json()["error"]["details"]
    assert (answer.status_code, details["reason"]) == (409, "same")


# --- oneself --------------------------------------------------------------------------------------
def test_one_changes_what_one_is_called_and_reads_in(bob, api_of):
    mine = api_of(bob)
    said = mine.patch("me", {"name": "Robert", "language": "zh-hans", "theme": "dark"}).json()
    assert (said["name"], said["language"], said["theme"]) == ("Robert", "zh-hans", "dark")
    assert api_of(bob, scope="write").patch("me", {"name": "x"}).status_code == 403


def test_one_signs_out_in_a_browser_elsewhere(bob, carol, client_of, api_of):
    browser, others = client_of(bob), client_of(carol)
    (session,) = api_of(bob).get("me/sessions").json()["items"]
    assert api_of(carol).delete(f"me/sessions/{session['id']}").status_code == 404
    assert api_of(bob).delete(f"me/sessions/{session['id']}").status_code == 204
    assert browser.get("/me").status_code == 302
    assert others.get("/api/v1/me").status_code == 200


# --- documents and conversations ------------------------------------------------------------------
def test_what_failed_is_read_again_by_who_may_write(alice, bob, collection, api_of):
    path = f"collections/{collection.pk}/retry-failed"
    assert api_of(alice).post(path).json() == {"retried": 0}
    assert api_of(bob).post(path).status_code == 403


def test_ones_own_conversations_are_searched(alice, bob, api_of):
    turn = factories.make_turn(factories.make_conversation(alice), "Who signs for steel?")
    found = api_of(alice).get("conversations/find?q=steel").json()["items"]
    assert [each["turn"] for each in found] == [str(turn.pk)]
    assert api_of(bob).get("conversations/find?q=steel").json() == {"items": []}
    assert api_of(alice).get("conversations/find").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_question_is_asked_again_beside_its_answer(bob, collection, carol, api_of):
    factories.make_document(collection)
    mine = api_of(bob)
    first = mine.post("chat", {"message": "What is the notice period?"}).json()
    path = f"turns/{first['turn']}/again"
    again = mine.post(path, {}).json()
    other = mine.post(path, {"message": "How often are units inspected?"}).json()
    turns = mine.get(f"conversations/{first['conversation']}").json()["turns"]
    assert {turn["id"] for turn in turns} == {each["turn"] for each in (first, again, other)}
    assert {turn["parent"] for turn in turns} == {None}
    assert api_of(carol).post(path, {}).status_code == 404


# --- what no text may hold ------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["workspaces/a%00b", "workspaces/%00/members"])
def test_an_address_with_a_character_that_no_text_has_names_nothing(alice, api_of, path):
    assert api_of(alice).get(path).status_code == 404


def test_such_a_character_is_refused_in_parameters_and_bodies(alice, collection, api_of):
    mine, documents = api_of(alice), f"collections/{collection.pk}/documents"
    assert mine.get(f"{documents}?name=a%00b").status_code == 400
    for text in ("a\0b", "\ud800"):
        body = {"text": "t", "name": "n.md", "metadata": {"key": text}}
        assert mine.post(documents, body).status_code == 400


def test_a_filter_that_means_nothing_widens_nothing(alice, collection, api_of):
    mine = api_of(alice)
    assert mine.get(f"collections/{collection.pk}/documents?state=redy").status_code == 400
    assert mine.get("deletions?state=redy").status_code == 400


# --- in one's own name ----------------------------------------------------------------------------
def test_a_key_that_reads_asks_nobody_for_access(workspace, api_of):
    member = factories.make_user()
    factories.make_member(workspace, member)
    wanted = factories.make_collection(workspace, "Tenders", is_open=False)
    path, body = f"workspaces/{workspace.slug}/access-requests", {"collection": str(wanted.pk)}
    body["reason"] = "for the audit"
    for scope in ("read", "ask", "write"):
        assert api_of(member, scope=scope).post(path, body).status_code == 403
    assert api_of(member).post(path, body).status_code == 201


def test_a_change_that_is_refused_in_part_changes_nothing(admin, collection, api_of):
    factories.make_document(collection)  # embedded with another model
    server = Endpoint.objects.create(**{**SERVER, "kind": "embeddings", "name": "before"})
    wanted = {"name": "after", "is_active": True}
    path = f"administration/model-servers/{server.pk}"
    assert api_of(admin).patch(path, wanted).status_code == 409
    server.refresh_from_db()
    assert server.name == "before"


@pytest.mark.parametrize("decision", ["again", "anyway", "cancel"])
def test_nothing_is_decided_while_no_table_is_filled(decision, admin, collection, api_of):
    """Least of all about documents that failed for reasons of their own."""
    failed = factories.make_document(collection)
    with system_scope("test: a document that failed"):
        IngestRun.objects.filter(document=failed).update(state="failed")
    answer = api_of(admin).post("administration/embedding/decision", {"decision": decision})
    assert answer.status_code == 409
    assert answer.json()["error"]["details"] == {"reason": "not_filling"}
    with system_scope("test: look at its run"):
        states = set(IngestRun.objects.filter(document=failed).values_list("state", flat=True))
    assert states == {"failed"}


@pytest.mark.parametrize("where", ["body", "metadata"])
def test_a_body_without_a_bottom_is_refused(where, alice, collection, api_of):
    deep, mine = "[" * 100_000, api_of(alice)
    address = f"collections/{collection.pk}/documents"
    if where == "body":
        answer = mine.client.generic(
            "POST",
            f"/api/v1/{address}",
            deep,
            content_type="application/json",
            headers=mine.headers,
        )
    else:
        file = SimpleUploadedFile("a.txt", b"The notice period is 3 months.")
        answer = mine.upload(address, {"file": file, "metadata": deep})
    assert answer.status_code == 400


def test_servers_beside_each_other_are_set_as_on_the_page(admin, api_of):
    mine, path = api_of(admin), "administration/model-servers"
    limits = {"concurrency": 8, "queue_length": 20, "first_token_s": 9, "between_tokens_s": 3}
    first = mine.post(path, {**SERVER, **limits}).json()
    assert {name: first[name] for name in limits} == limits
    second = mine.post(path, {**SERVER, "name": "second"}).json()
    alone = mine.patch(f"{path}/{second['id']}", {"is_beside": True})
    assert (alone.status_code, code_of(alone)) == (409, "CONFLICT")
    mine.patch(f"{path}/{first['id']}", {"is_active": True, "concurrency": 4})
    beside = mine.patch(f"{path}/{second['id']}", {"is_beside": True}).json()
    assert (beside["is_active"], beside["is_beside"]) == (True, True)
    both = mine.patch(f"{path}/{second['id']}", {"is_beside": True, "is_active": True})
    assert (both.status_code, code_of(both)) == (400, "BAD_REQUEST")
    now_first = mine.patch(f"{path}/{second['id']}", {"is_beside": False}).json()
    assert (now_first["is_active"], now_first["is_beside"]) == (True, False)
    left = mine.get(f"{path}/{first['id']}").json()
    assert (left["is_active"], left["concurrency"]) == (False, 4)
