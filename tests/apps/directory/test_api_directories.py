"""Directories by the API: added, changed, tried, forgotten."""

import pytest
from django.test import Client

from apps.core.sealing import unseal
from apps.directory.models import Directory
from tests import factories

pytestmark = pytest.mark.django_db
PATH = "/api/v1/administration/directories"
SAID = {
    "name": "main",
    "preset": "ad",
    "addresses": ["ldaps://dc1.acme.example", "ldaps://dc2.acme.example"],
    "bind_dn": "CN=footnote,DC=acme,DC=example",
    "password": "service-secret",
    "user_bases": "OU=Staff,DC=acme,DC=example",
}


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


def test_a_directory_is_added_with_what_is_usual_of_its_kind(ask):
    answer = ask("post", body=SAID)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["key_attribute"], said["login_attribute"]) == ("objectGUID", "sAMAccountName")
    assert (said["has_password"], said["is_on"]) == (True, False)
    assert "service-secret" not in answer.content.decode()
    row = Directory.objects.get(pk=said["id"])
    assert unseal(row.secret) == "service-secret"
    assert "service-secret" not in ask("get", f"{PATH}/{row.pk}").content.decode()
    assert ask("post", body=SAID).status_code == 409


def test_what_is_left_out_stays_and_the_password_is_typed_again_for_another_place(ask):
    path = f"{PATH}/{ask('post', body=SAID).json()['id']}"
    answer = ask("patch", path, {"every_minutes": 15, "successor": ""})
    assert (answer.status_code, answer.json()["every_minutes"]) == (200, 15)
    assert answer.json()["user_bases"] == SAID["user_bases"]
    moved = {"addresses": ["ldaps://elsewhere.example"]}
    refused = ask("patch", path, moved)
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, "password")
    assert ask("patch", path, {**moved, "password": "x"}).status_code == 200
    assert ask("delete", path).status_code == 204
    assert ask("get", path).status_code == 404


def test_a_test_says_where_it_stops_and_stores_nothing(ask):
    said = {**SAID, "addresses": ["ldaps://127.0.0.1:1"]}
    steps = ask("post", f"{PATH}/test", {k: v for k, v in said.items() if k != "name"}).json()
    assert [step["code"] for step in steps["steps"]] == ["", "DIRECTORY_DOWN"]
    assert not Directory.objects.exists()


@pytest.mark.parametrize("body", ["5", "true", "null", '"directory"', "[]"])
def test_what_is_no_object_is_no_directory_to_test(ask, body):
    answer = ask("post", f"{PATH}/test", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")


def test_it_is_not_turned_on_where_nobody_could_come_in_without_it(ask, admin):
    admin.set_unusable_password()
    admin.save()
    answer = ask("post", body={**SAID, "is_on": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "BREAK_GLASS")


def test_what_would_send_passwords_in_the_clear_is_refused_but_for_named_hosts(ask, settings):
    plain = {**SAID, "addresses": ["ldap://dc1.acme.example"]}
    answer = ask("post", body=plain)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "DIRECTORY_PLAIN")
    assert not Directory.objects.exists()
    assert ask("post", body={**plain, "is_start_tls": True}).status_code == 201
    settings.LDAP_PLAIN_HOSTS = ["dc1.acme.example"]
    assert ask("post", body={**plain, "name": "other"}).status_code == 201


def test_a_session_that_has_not_shown_who_it_is_changes_nothing(admin):
    browser = Client()
    browser.force_login(admin)
    session = browser.session
    session.pop("confirmed_at")
    session.save()
    answer = browser.post(PATH, SAID, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CONFIRM_IDENTITY")


def test_others_than_administrators_are_refused(ask, carol):
    number = ask("post", body=SAID).json()["id"]
    _, key = factories.make_api_key(carol)
    for method, path in (
        ("post", PATH),
        ("get", f"{PATH}/{number}"),
        ("patch", f"{PATH}/{number}"),
    ):
        assert ask(method, path, {}, key=key).status_code == 403
    assert ask("post", f"{PATH}/test", {}, key=key).status_code == 403
