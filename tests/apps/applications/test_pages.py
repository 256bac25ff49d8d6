"""Administrators add applications, make keys that are shown once, and end them."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.applications.models import Application, ApplicationKey
from tests.apps.applications.conftest import Program, signing_key

ClientOf = Callable[[User], Client]
FORM = {"name": "SAP ERP", "acts": "both", "reach": "granted", "scopes": ["read", "ask"]}
KEY = {
    "name": "production",
    "kind": "live",
    "days": "90",
    "requests_per_minute": 60,
    "tokens_per_day": 0,
}
PATH = "/administration/applications"


def test_from_nothing_to_a_call_that_works(admin: User, client_of: ClientOf) -> None:
    browser = client_of(admin)
    assert b"No applications yet" in browser.get(PATH).content
    made = browser.post(PATH, FORM, follow=True)
    assert b"SAP ERP" in made.content
    application = Application.objects.get()
    assert application.account.login == "sap-erp.app"
    page = browser.post(f"{PATH}/{application.pk}/keys", KEY)
    assert page.status_code == 201
    plain = re.findall(r'id="plain-key">(fna_live_[^<]+)<', page.content.decode())[0]
    assert plain not in browser.get(f"{PATH}/{application.pk}").content.decode()
    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"})
    assert me.json()["name"] == "SAP ERP"
    key = ApplicationKey.objects.get()
    browser.post(f"{PATH}/{application.pk}/keys/{key.pk}/revoke")
    again = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"})
    assert again.status_code == 401


def test_a_public_key_is_pasted_and_a_private_one_is_refused(
    admin: User, erp: Program, client_of: ClientOf
) -> None:
    browser, key = client_of(admin), signing_key("EdDSA")
    address = f"{PATH}/{erp.application.pk}/public-keys"
    refused = browser.post(address, {"text": key.as_pem(private=True).decode()})
    assert refused.status_code == 422
    assert b"This is a private key" in refused.content
    taken = browser.post(address, {"text": key.as_pem(private=False).decode(), "kid": "2026-11"})
    assert taken.status_code == 302
    assert erp.application.public_keys.filter(kid="2026-11", algorithm="EdDSA").exists()
    again = browser.post(address, {"text": key.as_pem(private=False).decode(), "kid": "2026-11"})
    assert b"There is a key of this id already" in again.content


def test_limits_are_changed_and_nonsense_stays_beside_its_field(
    admin: User, erp: Program, client_of: ClientOf
) -> None:
    browser = client_of(admin)
    address = f"{PATH}/{erp.application.pk}/change"
    wrong = browser.post(address, {**FORM, "networks": "10.0.0.0/8\nthe office"})
    assert wrong.status_code == 422
    assert b"the office" in wrong.content
    browser.post(address, {**FORM, "networks": "10.0.0.0/8", "origins": "https://erp.example"})
    erp.application.refresh_from_db()
    assert erp.application.networks == ["10.0.0.0/8"]
    assert erp.application.origins == ["https://erp.example"]
    assert erp.get("/me", REMOTE_ADDR="203.0.113.9").status_code == 403


def test_a_stopped_application_stops_at_once_and_can_go_on(
    admin: User, erp: Program, client_of: ClientOf
) -> None:
    browser = client_of(admin)
    for on, status in (("0", 401), ("1", 200)):
        browser.post(f"{PATH}/{erp.application.pk}/state", {"on": on})
        assert erp.get("/me").status_code == status


def test_dangerous_acts_ask_who_it_is(admin: User, erp: Program, client_of: ClientOf) -> None:
    browser = client_of(admin)
    session = browser.session
    session["confirmed_at"] = 0
    session.save()
    for address in ("keys", "public-keys", "change", "state"):
        asked = browser.post(f"{PATH}/{erp.application.pk}/{address}", KEY)
        assert asked.status_code == 302
        assert "confirm" in asked["Location"]
    assert "confirm" in browser.post(PATH, {**FORM, "name": "Other"})["Location"]
    assert ApplicationKey.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_is_for_administrators(
    method: str, alice: User, erp: Program, client_of: ClientOf
) -> None:
    browser = client_of(alice)
    assert getattr(browser, method)(PATH).status_code == 403
    assert getattr(browser, method)("/api/v1/applications").status_code == 403
    assert browser.get(f"/api/v1/applications/{erp.application.pk}").status_code == 404


def test_the_api_does_what_the_pages_do(admin: User, client_of: ClientOf) -> None:
    browser = client_of(admin)

    def post(path: str, body: object) -> dict[str, str]:
        answer = browser.post(f"/api/v1/applications{path}", body, "application/json")
        assert answer.status_code == 201, answer.content
        made: dict[str, str] = answer.json()
        return made

    made = post("", FORM)
    key = post(f"/{made['id']}/keys", {"name": "production"})
    assert key["key"].startswith("fna_live_")
    new = post(f"/{made['id']}/keys/{key['id']}/rotate", {})
    for plain in (key["key"], new["key"]):
        me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"})
        assert me.status_code == 200
    listed = browser.get(f"/api/v1/applications/{made['id']}/keys").json()["items"]
    assert len(listed) == 2
    assert "key" not in listed[0]
    wrong = browser.patch(
        f"/api/v1/applications/{made['id']}", {"networks": ["here"]}, "application/json"
    )
    assert wrong.status_code == 400
    post(f"/{made['id']}/public-keys", {"text": signing_key().as_pem(private=False).decode()})
