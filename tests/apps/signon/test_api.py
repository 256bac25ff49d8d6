"""Providers of single sign-on by the API."""

import pytest
from django.test import Client

from apps.signon.models import SignOnProvider
from apps.signon.services import secrets_of
from tests import factories

PATH = "/api/v1/administration/sign-on-providers"


@pytest.fixture
def ask(admin):
    """``ask("get", path, body)`` as an administrator's program."""
    _, key = factories.make_api_key(admin)

    def call(method, path=PATH, body=None, key=key):
        return getattr(Client(), method)(
            path,
            data=body,
            content_type="application/json",
            headers={"authorization": f"Bearer {key}"},
        )

    return call


@pytest.fixture
def said(fake):
    settings = {"issuer": fake.url, "client_id": "footnote", "client_secret": "hush"}
    return {"kind": "oidc", "slug": "main", "name": "Acme", "is_on": True, "settings": settings}


def test_a_provider_is_added_changed_and_deleted_and_its_secret_never_shown(ask, said):
    answer = ask("post", body=said)
    assert answer.status_code == 201, answer.content
    assert answer.json()["origin"] == "oidc:main"
    assert any("/sign-on/main/callback" in each for each in answer.json()["addresses"].values())
    changed = ask("patch", f"{PATH}/main", {"name": "Acme AG", "domains": ["acme.example"]})
    assert (changed.status_code, changed.json()["name"]) == (200, "Acme AG")
    for each in (answer, changed, ask("get"), ask("get", f"{PATH}/main")):
        assert "hush" not in each.content.decode()
    assert secrets_of(SignOnProvider.objects.get())["client_secret"] == "hush"
    assert ask("delete", f"{PATH}/main").status_code == 204
    assert ask("get", f"{PATH}/main").status_code == 404


def test_a_secret_is_sent_again_for_another_address(ask, said):
    ask("post", body=said)
    answer = ask("patch", f"{PATH}/main", {"settings": {"issuer": "https://evil.example"}})
    assert answer.status_code == 400
    assert "client_secret" in answer.json()["error"]["details"]["fields"]


def test_a_test_goes_step_by_step_with_the_stored_secret(ask, said):
    ask("post", body=said)
    answer = ask("post", f"{PATH}/test", {"kind": "oidc", "provider": "main", "settings": {}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["steps"][0]["passed"]


def test_the_policy_is_read_and_set(ask, said):
    policy = "/api/v1/administration/sign-on-policy"
    body = {"passwords_for_administrators_only": True}
    assert ask("put", policy, body).status_code == 409
    ask("post", body=said)
    assert ask("put", policy, body).json() == body
    assert ask("get", policy).json() == body


def test_others_than_administrators_are_refused(ask, carol, said):
    ask("post", body=said)
    _, key = factories.make_api_key(carol)
    for method, path in (
        ("get", PATH),
        ("post", PATH),
        ("get", f"{PATH}/main"),
        ("delete", f"{PATH}/main"),
    ):
        assert ask(method, path, {} if method == "post" else None, key=key).status_code == 403


def test_a_session_that_has_not_shown_who_it_is_adds_none(admin, said):
    browser = Client()
    browser.force_login(admin)
    session = browser.session
    session.pop("confirmed_at")
    session.save()
    answer = browser.post(PATH, said, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CONFIRM_IDENTITY")
