"""Rules and runs of a directory by the API."""

import pytest
from django.test import Client

from apps.directory.mapping import source_of
from apps.directory.models import DirectoryRun, MappingRule
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(admin):
    """``ask("get", path, body)`` as an administrator's program."""
    _, key = factories.make_api_key(admin)

    def call(method, path, body=None, key=key):
        return getattr(Client(), method)(
            f"/api/v1/administration/{path}",
            data=body,
            content_type="application/json",
            headers={"authorization": f"Bearer {key}"},
        )

    return call


def test_rules_are_added_listed_and_removed(ask):
    group, source = factories.make_group("Finance"), source_of("oidc:acme")
    path = f"identity-sources/{source.pk}/rules"
    made = ask("post", path, {"outside": "staff", "group": str(group.pk)})
    assert made.status_code == 201
    assert [row["outside"] for row in ask("get", path).json()["items"]] == ["staff"]
    assert ask("delete", f"{path}/{made.json()['id']}").status_code == 204
    assert not MappingRule.objects.exists()
    origins = [row["origin"] for row in ask("get", "identity-sources").json()["items"]]
    assert origins == ["oidc:acme"]


def test_a_rule_gives_exactly_one_thing(ask, workspace):
    path = f"identity-sources/{source_of('oidc:acme').pk}/rules"
    assert ask("post", path, {"outside": "staff"}).status_code == 400
    both = {"outside": "staff", "workspace": str(workspace.pk), "role": "viewer"}
    assert ask("post", path, {**both, "is_administrator": True}).status_code == 400
    assert ask("post", path, both).status_code == 201


def test_a_rule_gives_an_own_role_by_name_or_id(ask, workspace):
    role = factories.make_role("Librarian")
    path = f"identity-sources/{source_of('oidc:acme').pk}/rules"
    body = {"outside": "staff", "workspace": str(workspace.pk)}
    for named in ("librarian", str(role.pk)):
        made = ask("post", path, {**body, "role": named})
        assert (made.status_code, made.json()["role"]) == (201, "Librarian")
    assert {row["role"] for row in ask("get", path).json()["items"]} == {"Librarian"}
    assert ask("post", path, {**body, "role": "no such role"}).status_code == 400
    assert ask("post", path, body).status_code == 400
    held = ask("delete", f"roles/{role.pk}")
    assert (held.status_code, held.json()["error"]["details"]["reason"]) == (409, "role_in_rule")


def test_a_dry_run_is_started_and_read(ask):
    row = factories.make_rule().source.directory
    path = f"directories/{row.pk}/runs"
    assert ask("post", path, {}).status_code == 202
    assert ask("post", path, {}).status_code == 409
    assert DirectoryRun.objects.get().is_dry
    assert ask("get", path).json()["items"][0]["state"] == "queued"
    listed = ask("get", "directories").json()["items"][0]
    assert (listed["name"], listed["has_password"]) == ("main", False)


def test_others_than_administrators_get_none_of_it(ask, alice):
    _, key = factories.make_api_key(alice)
    row = factories.make_rule().source.directory
    for path in ("directories", "identity-sources", f"directories/{row.pk}/runs"):
        assert ask("get", path, key=key).status_code == 403


def test_a_session_that_has_not_shown_who_it_is_changes_no_rule(admin):
    browser, source = Client(), source_of("oidc:acme")
    browser.force_login(admin)
    session = browser.session
    session.pop("confirmed_at")
    session.save()
    path = f"/api/v1/administration/identity-sources/{source.pk}/rules"
    body = {"outside": "staff", "is_administrator": True}
    answer = browser.post(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CONFIRM_IDENTITY")
    assert not MappingRule.objects.exists()
