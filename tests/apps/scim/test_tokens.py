"""A token belongs to one source, and reaches nobody else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.scim import tokens
from apps.scim.models import ProvisionedPerson, ProvisioningToken
from tests import factories
from tests.apps.scim.conftest import USER, System

pytestmark = pytest.mark.django_db


def test_without_a_token_nothing_is_said(entra, admin):
    _row, key = factories.make_api_key(admin)
    browser = Client()
    browser.force_login(admin)
    for plain in ("", "nonsense", key, f"fns_{'x' * 43}"):
        answer = browser.get("/scim/v2/Users", headers={"authorization": f"Bearer {plain}"})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="scim"')
    assert browser.get("/scim/v2/ServiceProviderConfig").status_code == 401


def test_people_and_groups_of_another_source_do_not_exist(entra, make_system):
    okta = System("okta")
    number, group = entra.person("erin@acme.example"), entra.group("Buyers")
    assert okta("get", f"Users/{number}").status_code == 404
    assert (
        okta.patch(
            f"Users/{number}", {"op": "replace", "path": "active", "value": False}
        ).status_code
        == 404
    )
    assert okta("delete", f"Users/{number}").status_code == 404
    assert okta("delete", f"Groups/{group}").status_code == 404
    assert okta("get", "Users").json()["totalResults"] == 0
    theirs = okta.group("Buyers")
    answer = okta.patch(
        f"Groups/{theirs}", {"op": "add", "path": "members", "value": [{"value": number}]}
    )
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert User.objects.get(email="erin@acme.example").is_active


def test_local_accounts_are_in_no_answer(entra, alice, admin):
    found = entra("get", "Users").json()
    assert found["totalResults"] == 0
    for user in (alice, admin):
        assert entra("get", f"Users/{user.pk}").status_code == 404
        assert entra("delete", f"Users/{user.pk}").status_code == 404
    assert set(
        User.objects.filter(pk__in=[alice.pk, admin.pk]).values_list("is_active", flat=True)
    ) == {True}


def test_a_new_token_lets_the_old_one_work_for_a_week(entra, admin):
    browser = Client()
    browser.force_login(admin)
    page = browser.post(f"/administration/provisioning/{entra.row.pk}/tokens")
    plain = page.content.decode().split('id="plain-token">')[1].split("<")[0]
    assert not ProvisioningToken.objects.filter(token_sha256__contains=plain).exists()
    assert plain not in browser.get(f"/administration/provisioning/{entra.row.pk}").content.decode()
    assert entra("get", "Users").status_code == 200
    week = timezone.now() + tokens.OVERLAP + timedelta(minutes=1)
    entra.token.refresh_from_db()
    assert entra.token.expires_at < week
    ProvisioningToken.objects.filter(pk=entra.token.pk).update(expires_at=timezone.now())
    assert entra("get", "Users").status_code == 401
    entra.plain = plain
    assert entra("get", "Users").status_code == 200


def test_a_revoked_token_and_a_source_that_is_off_let_nobody_in(entra, admin):
    browser = Client()
    browser.force_login(admin)
    base = f"/administration/provisioning/{entra.row.pk}"
    browser.post(f"{base}/change", {"successor": ""})
    assert entra("get", "Users").status_code == 401
    browser.post(f"{base}/change", {"is_on": "on", "successor": ""})
    assert entra("get", "Users").status_code == 200
    browser.post(f"{base}/tokens/{entra.token.pk}/revoke")
    assert entra("get", "Users").status_code == 401


def test_an_administrator_is_not_connected_and_others_are_found_by_their_address(
    entra, admin, alice
):
    browser = Client()
    browser.force_login(admin)
    base = f"/administration/provisioning/{entra.row.pk}"
    boss = factories.make_user("boss", is_administrator=True)
    assert browser.post(f"{base}/connect", {"email": boss.email}).status_code == 422
    assert browser.post(f"{base}/connect", {"email": alice.email}).status_code == 302
    found = entra("get", "Users", {"filter": f'userName eq "{alice.email}"'}).json()
    assert found["totalResults"] == 1
    assert ProvisionedPerson.objects.get().identity.user == alice
    assert not User.objects.get(pk=alice.pk).has_usable_password()


def test_only_administrators_see_the_pages_and_the_last_calls(entra, admin, carol):
    entra("post", "Users", {"schemas": [USER]})
    browser = Client()
    browser.force_login(carol)
    assert browser.get(f"/administration/provisioning/{entra.row.pk}").status_code == 403
    browser.force_login(admin)
    page = browser.get(f"/administration/provisioning/{entra.row.pk}").content.decode()
    assert "POST /Users" in page
    assert "userName" in page
    made = browser.post("/administration/provisioning", {"name": "okta"})
    assert browser.get(made["Location"]).status_code == 200
    assert browser.post("/administration/provisioning", {"name": "okta"}).status_code == 422
