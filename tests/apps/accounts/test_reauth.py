"""Dangerous acts ask again who it is, and then not for five minutes."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client

from apps.accounts.models import ApiKey, BrowserSession, User
from apps.permissions.scope import system_scope
from apps.workspaces.models import Workspace
from tests import factories

SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/me/keys?x=1"}


@pytest.fixture
def stale(client_of: SignIn) -> SignIn:
    """A browser in which somebody signed in an hour ago."""

    def aged(user: User) -> Client:
        browser = client_of(user)
        session = browser.session
        session["confirmed_at"] -= 3600
        session.save()
        return browser

    return aged


def keys_of(user: User) -> int:
    with system_scope("test: count keys"):
        return ApiKey.objects.filter(owner=user).count()


def test_whoever_has_just_signed_in_is_not_asked(alice: User, client_of: SignIn) -> None:
    made = client_of(alice).post("/me/keys", {"name": "ERP", "scope": "ask", "days": "30"})
    assert made.status_code == 201


def test_a_key_is_made_only_after_the_password(alice: User, stale: SignIn) -> None:
    browser = stale(alice)
    page = browser.get("/me/keys").content.decode()
    assert "/me/confirm?next=/me/keys" in page
    assert 'name="scope"' not in page
    asked = browser.post("/me/keys", {"name": "ERP", "scope": "ask"}, headers=HTMX)
    assert asked.status_code == 403
    assert asked["HX-Redirect"] == "/me/confirm?next=%2Fme%2Fkeys%3Fx%3D1"
    assert keys_of(alice) == 0

    wrong = browser.post("/me/confirm", {"password": "wrong", "next": "/me/keys"})
    assert wrong.status_code == 422
    assert "neither your present password" in wrong.content.decode()
    right = browser.post("/me/confirm", {"password": factories.PASSWORD, "next": "/me/keys"})
    assert right["Location"] == "/me/keys"
    assert browser.post("/me/keys", {"name": "ERP", "scope": "ask"}).status_code == 201


def test_other_sessions_are_ended_only_after_confirming(
    alice: User, stale: SignIn, client_of: SignIn
) -> None:
    there, browser = client_of(alice), stale(alice)
    for address in ("/me/sessions/end", f"/me/sessions/{_handle_of(there)}/end"):
        assert browser.post(address)["Location"].startswith("/me/confirm?")
    for address in ("/api/v1/me/sessions", f"/api/v1/me/sessions/{_handle_of(there)}"):
        asked = browser.delete(address)
        assert asked.status_code == 403
        assert asked.json()["error"]["code"] == "CONFIRM_IDENTITY"
    assert there.get("/me").status_code == 200
    browser.post("/me/confirm", {"password": factories.PASSWORD})
    browser.post("/me/sessions/end")
    assert there.get("/me").status_code == 302


def _handle_of(browser: Client) -> UUID:
    return BrowserSession.objects.get(session_key=browser.session.session_key).handle


def test_the_page_speaks_the_readers_language(alice: User, stale: SignIn) -> None:
    page = stale(alice).get("/me/confirm", headers={"Accept-Language": "zh-hans"})
    assert "是您本人吗" in page.content.decode()


def test_guessing_on_that_page_is_slow(alice: User, stale: SignIn) -> None:
    browser = stale(alice)
    found = [browser.post("/me/confirm", {"password": "wrong"}).status_code for _ in range(11)]
    assert found == [422] * 10 + [429]
    assert browser.post("/me/confirm", {"password": factories.PASSWORD}).status_code == 429


def test_nobody_is_sent_to_another_site(alice: User, stale: SignIn) -> None:
    fields = {"password": factories.PASSWORD, "next": "https://evil.example/"}
    assert stale(alice).post("/me/confirm", fields)["Location"] == "/"
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/x"}
    asked = stale(alice).post("/me/keys", {"name": "x", "scope": "ask"}, headers=headers)
    assert asked["HX-Redirect"] == "/me/confirm?next=%2F"


def test_making_an_administrator_asks_first(admin: User, bob: User, stale: SignIn) -> None:
    address = f"/administration/people/{bob.pk}/administrator"
    browser = stale(admin)
    referer = {"Referer": "http://testserver/administration/people?q=bob"}
    asked = browser.post(address, {"on": "1"}, headers=referer)
    assert asked["Location"] == "/me/confirm?next=%2Fadministration%2Fpeople%3Fq%3Dbob"
    bob.refresh_from_db()
    assert not bob.is_administrator


def test_somebody_who_may_not_is_refused_and_not_asked(
    carol: User, bob: User, stale: SignIn
) -> None:
    address = f"/administration/people/{bob.pk}/administrator"
    assert stale(carol).post(address, {"on": "1"}).status_code == 403


def test_deleting_a_workspace_asks_first(
    alice: User, carol: User, workspace: Workspace, stale: SignIn
) -> None:
    browser = stale(alice)
    asked = browser.post(f"/w/{workspace.slug}/delete", {"name": workspace.name})
    assert asked["Location"].startswith("/me/confirm?")
    answer = browser.delete(f"/api/v1/workspaces/{workspace.slug}")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "CONFIRM_IDENTITY"
    assert answer.json()["error"]["details"]["confirm"] == "/me/confirm"
    # A stranger learns nothing more than that there is nothing.
    assert stale(carol).delete(f"/api/v1/workspaces/{workspace.slug}").status_code == 404
    with system_scope("test: it is still there"):
        assert Workspace.objects.filter(pk=workspace.pk).exists()


def test_a_key_is_not_asked(alice: User, workspace: Workspace) -> None:
    _key, plain = factories.make_api_key(alice)
    machine = Client(headers={"Authorization": f"Bearer {plain}"})
    assert machine.delete(f"/api/v1/workspaces/{workspace.slug}").status_code == 204
