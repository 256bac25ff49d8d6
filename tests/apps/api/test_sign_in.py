"""Who may call at all: keys, sessions, and what a key can never do."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiKey
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.api.conftest import Program, code_of


def test_without_a_key_the_answer_says_how_to_sign_in(nobody):
    response = nobody.get("me")
    assert (response.status_code, code_of(response)) == (401, "NOT_SIGNED_IN")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["fn_wrong", "x", "", "fn_" + "é" * 40])
def test_a_key_that_never_was_is_refused(db, key):
    response = Program().get("me", Authorization=f"Bearer {key}")
    assert (response.status_code, code_of(response)) == (401, "INVALID_KEY")


def test_a_revoked_an_expired_and_an_orphaned_key_are_refused(alice, api_of):
    over = {"revoked_at": timezone.now()}, {"expires_at": factories.yesterday()}
    programs = [api_of(alice, **fields) for fields in over]
    gone = factories.make_user(is_active=False)
    for program in [*programs, api_of(gone)]:
        response = program.get("me")
        assert (response.status_code, code_of(response)) == (401, "INVALID_KEY")


def test_a_bad_key_is_not_rescued_by_a_session(alice, client_of):
    response = client_of(alice).get("/api/v1/me", headers={"Authorization": "Bearer fn_no"})
    assert response.status_code == 401


def test_a_key_speaks_for_its_owner_even_in_somebody_elses_browser(alice, bob, client_of):
    _row, key = factories.make_api_key(bob)
    response = client_of(alice).get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert response.json()["email"] == bob.email


def test_a_page_of_this_site_may_call_with_its_session_and_token(alice, workspace):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get("/api/v1/me").status_code == 200
    body = {"data": {"name": "n"}, "content_type": "application/json"}
    refused = browser.patch(f"/api/v1/workspaces/{workspace.slug}", **body)
    assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")


def test_a_key_needs_no_csrf_token(alice, workspace):
    _row, key = factories.make_api_key(alice)
    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})
    address = f"/api/v1/workspaces/{workspace.slug}"
    assert program.patch(address, {"name": "n"}, "application/json").status_code == 200


def test_me_says_who_i_am_and_what_i_may_do(bob, workspace, api_of):
    me = api_of(bob, scope=KeyScope.READ).get("me").json()
    assert me["email"] == bob.email
    assert me["key"]["scope"] == "read"
    assert me["permissions"] == []
    assert [room["slug"] for room in me["workspaces"]] == [workspace.slug]
    assert "chat.ask" not in me["workspaces"][0]["permissions"]


def test_a_key_is_noted_as_used_at_most_once_a_minute(alice):
    row, key = factories.make_api_key(alice)
    times = []
    start = timezone.now()
    for seconds in (0, 30, 90):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            Program(key).get("me")
        with system_scope("test: look at the key"):
            times.append(ApiKey.objects.get(pk=row.pk).last_used_at)
    assert times[0] == times[1] < times[2]


# --- managing keys -------------------------------------------------------------------------------
def test_a_new_key_is_shown_once_and_works(alice, api_of):
    mine = api_of(alice)
    made = mine.post("keys", {"name": "ERP", "scope": "read"})
    assert made.status_code == 201
    plain = made.json()["key"]
    assert Program(plain).get("me").json()["key"]["name"] == "ERP"
    listed = mine.get("keys")
    assert plain not in listed.content.decode()
    assert [key["name"] for key in listed.json()["items"]] == ["ERP", "test"]


def test_a_revoked_key_stops_with_the_next_request(alice, api_of):
    mine = api_of(alice)
    made = mine.post("keys", {"name": "ERP"}).json()
    assert mine.delete(f"keys/{made['id']}").status_code == 204
    assert Program(made["key"]).get("me").status_code == 401


def test_keys_of_others_are_not_there(alice, carol, api_of):
    row, _key = factories.make_api_key(alice)
    stranger = api_of(carol)
    assert code_of(stranger.delete(f"keys/{row.pk}")) == "NOT_FOUND"
    assert str(row.pk) not in stranger.get("keys").content.decode()


@pytest.mark.parametrize("scope", [KeyScope.READ, KeyScope.ASK, KeyScope.WRITE])
def test_a_narrow_key_cannot_make_or_see_keys(alice, api_of, scope):
    narrow = api_of(alice, scope=scope)
    row, _key = factories.make_api_key(alice)
    answers = [
        narrow.get("keys"),
        narrow.post("keys", {"name": "more", "scope": "all"}),
        narrow.delete(f"keys/{row.pk}"),
    ]
    assert {answer.status_code for answer in answers} == {403}


def test_a_key_cannot_make_one_that_outlives_it(alice, api_of):
    soon = timezone.now() + timedelta(days=1)
    mine = api_of(alice, expires_at=soon)
    for wanted in (None, (soon + timedelta(days=1)).isoformat()):
        refused = mine.post("keys", {"name": "k", "expires_at": wanted})
        assert (refused.status_code, code_of(refused)) == (400, "BAD_REQUEST")
    allowed = mine.post("keys", {"name": "k", "expires_at": soon.isoformat()})
    assert allowed.status_code == 201


def test_a_key_that_has_already_expired_is_not_made(alice, api_of):
    past = factories.yesterday().isoformat()
    assert api_of(alice).post("keys", {"name": "k", "expires_at": past}).status_code == 400
