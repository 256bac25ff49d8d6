"""Whoever comes with a key comes with it alone, and through whatever it came is written down."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.origin import came_from, current_address
from apps.events.models import Event
from apps.permissions.scope import NOBODY, entered, system_scope
from apps.workspaces.resolvers import scope_again
from apps.workspaces.scopes import scope_of
from tests import factories

ClientOf = Callable[[User], Client]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "Basic", ""])
def test_a_session_beside_a_key_that_is_not_valid_does_not_count(
    scheme: str, alice: User, client_of: ClientOf
) -> None:
    browser = client_of(alice)
    assert browser.get("/api/v1/me").status_code == 200
    header = f"{scheme} fn_no-such-key".strip()
    assert browser.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_session_beside_a_key_does_not_count_on_a_page_either(
    alice: User, client_of: ClientOf
) -> None:
    _key, plain = factories.make_api_key(alice)
    browser = client_of(alice)
    page = browser.get("/me", headers={"Authorization": f"Bearer {plain}"})
    assert page.status_code == 302
    # Some proxies send a token of theirs with everything: that is none of ours.
    assert browser.get("/me", headers={"Authorization": "Bearer eyJ0"}).status_code == 200


def test_a_personal_key_asks_for_nobody_else(alice: User) -> None:
    _key, plain = factories.make_api_key(alice)
    headers = {"Authorization": f"Bearer {plain}", "X-On-Behalf-Of": "a.b.c"}
    answer = Client().get("/api/v1/me", headers=headers)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error["details"]) == (
        "ASSERTION_REFUSED",
        {"reason": "not_an_application"},
    )


def test_an_event_says_from_where_and_a_job_comes_from_nowhere(
    alice: User, client_of: ClientOf
) -> None:
    browser = client_of(alice)
    body = {"name": "ERP", "scope": "ask", "expires_at": None}
    made = browser.post(
        "/api/v1/keys",
        body,
        content_type="application/json",
        REMOTE_ADDR="203.0.113.7",
    )
    assert made.status_code == 201
    assert Event.objects.get(kind="key.created").address == "203.0.113.7"
    assert current_address() == ""


@pytest.mark.parametrize(
    ("said", "kept"),
    [("2001:db8::1", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"), ("/run/web.sock", ""), ("", "")],
)
def test_what_is_no_address_is_none(said: str, kept: str) -> None:
    with came_from(said):
        assert current_address() == kept


def test_the_scope_of_a_key_is_nobodys_once_the_key_has_ended(alice: User, bob: User) -> None:
    key, _plain = factories.make_api_key(alice)
    before: Any = scope_of(alice, key=key)
    assert scope_again(before) == before
    with system_scope("test: the key ends"):
        key.revoked_at = factories.yesterday()
        key.save()
    assert scope_again(before) is NOBODY
    with entered(scope_of(bob)):  # whoever asks
        assert scope_again(scope_of(bob)).actor_id == bob.pk
