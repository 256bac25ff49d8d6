"""Passkeys, with an authenticator in software: adding, signing in, confirming, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Passkey, User
from apps.accounts.second_factor import passkeys
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.accounts.devices import PRESENT, SoftKey

SignIn = Callable[[User], Client]
ORIGIN = "https://kb.example.com"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


def sent(client: Client, url: str, body: Any = None):
    headers = {"Accept": "application/json"}
    return client.post(
        url, json.dumps(body or {}), content_type="application/json", headers=headers
    )


def options(client: Client, url: str = "/sign-in/passkey/options") -> dict[str, Any]:
    answer = sent(client, url)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def added(browser: Client, key: SoftKey, name: str = "grey brick"):
    return sent(browser, "/me/passkeys", key.create(options(browser, "/me/passkeys/options"), name))


def signed_in_by(key: SoftKey, **query: str) -> tuple[Client, Any]:
    browser = Client()
    address = "/sign-in/passkey" + (f"?next={query['next']}" if query else "")
    return browser, sent(browser, address, key.get(options(browser)))


def is_in(client: Client) -> bool:
    return client.get("/me").status_code == 200


@pytest.fixture
def key(alice: User, client_of: SignIn) -> SoftKey:
    """Alice's, added on her page."""
    made = SoftKey(ORIGIN)
    answer = added(client_of(alice), made)
    assert answer.status_code == 201, answer.content
    return made


def stored(key: SoftKey) -> Passkey:
    with system_scope("test: the row"):
        return Passkey.objects.get(credential_id=key.get({"challenge": "x"})["id"])


def test_a_passkey_signs_in_without_a_password(key: SoftKey) -> None:
    browser, answer = signed_in_by(key, next="/me/keys")
    assert (answer.status_code, answer.json()) == (200, {"next": "/me/keys"})
    assert is_in(browser)


def test_a_passkey_is_the_second_step_after_the_password(key: SoftKey, alice: User) -> None:
    browser = Client()
    fields = {"username": alice.email, "password": factories.PASSWORD}
    assert browser.post("/sign-in", fields)["Location"] == "/sign-in/second-factor"
    asked = options(browser)
    assert [each["id"] for each in asked["allowCredentials"]] == [stored(key).credential_id]
    key.flags = PRESENT  # a plain security key asks for no PIN: it is only one factor
    assert sent(browser, "/sign-in/passkey", key.get(asked)).status_code == 200
    assert is_in(browser)


def test_without_a_pin_it_does_not_replace_the_password(key: SoftKey) -> None:
    key.flags = PRESENT
    browser, answer = signed_in_by(key)
    assert answer.status_code == 422
    assert not is_in(browser)


def test_an_answer_is_good_once_and_for_its_own_challenge(key: SoftKey) -> None:
    browser = Client()
    asked = options(browser)
    said = key.get(asked)
    assert sent(browser, "/sign-in/passkey", said).status_code == 200
    browser.post("/sign-out")
    assert sent(browser, "/sign-in/passkey", said).status_code == 422  # no challenge is open
    options(browser)
    assert sent(browser, "/sign-in/passkey", said).status_code == 422  # another one is
    assert sent(Client(), "/sign-in/passkey", key.get(asked)).status_code == 422  # not theirs


def test_a_challenge_grows_old(key: SoftKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "_GOOD_FOR_S", -1)
    assert signed_in_by(key)[1].status_code == 422


def test_a_copied_key_is_noticed_by_its_counter(key: SoftKey) -> None:
    assert signed_in_by(key)[1].status_code == 200
    key.count -= 3
    assert signed_in_by(key)[1].status_code == 422


def test_another_sites_answer_is_refused(key: SoftKey) -> None:
    key.origin = "https://kb.example.com.evil.example"
    assert signed_in_by(key)[1].status_code == 422
    key.origin, key.rp_id = ORIGIN, "evil.example"
    assert signed_in_by(key)[1].status_code == 422


def test_an_unknown_key_and_a_wrong_signature_look_the_same(key: SoftKey) -> None:
    unknown = signed_in_by(SoftKey(ORIGIN))[1]
    thief = SoftKey(ORIGIN)
    thief.id, thief.user_handle = key.id, key.user_handle
    wrong = signed_in_by(thief)[1]
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())
    assert unknown.json()["error"]["code"] == "PASSKEY_REFUSED"


def test_a_passkey_of_somebody_else_is_no_second_step(
    key: SoftKey, carol: User, client_of: SignIn
) -> None:
    added(client_of(carol), SoftKey(ORIGIN))
    browser = Client()
    browser.post("/sign-in", {"username": carol.email, "password": factories.PASSWORD})
    assert sent(browser, "/sign-in/passkey", key.get(options(browser))).status_code == 422
    assert not is_in(browser)


def test_a_deactivated_person_does_not_come_in(key: SoftKey, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    browser, answer = signed_in_by(key)
    assert answer.status_code == 422
    assert not is_in(browser)


def test_guessing_is_slow(key: SoftKey) -> None:
    found = [signed_in_by(SoftKey(ORIGIN))[1].status_code for _ in range(11)]
    assert found == [422] * 10 + [429]


@pytest.mark.parametrize("body", ["", "[]", "null", '{"id": 5}', '{"id": "x", "response": 3}'])
def test_nonsense_is_refused(key: SoftKey, body: str) -> None:
    browser = Client()
    options(browser)
    answer = browser.post("/sign-in/passkey", body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert not is_in(browser)


def test_it_confirms_who_one_is(key: SoftKey, alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    session = browser.session
    session["confirmed_at"] -= 3600
    session.save()
    assert "kb-passkey" in browser.get("/me/confirm").content.decode()
    answer = sent(browser, "/sign-in/passkey?next=/me/keys", key.get(options(browser)))
    assert answer.json() == {"next": "/me/keys"}
    assert browser.post("/me/keys", {"name": "ERP", "scope": "ask"}).status_code == 201


def test_adding_asks_first_who_it_is(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    session = browser.session
    session["confirmed_at"] -= 3600
    session.save()
    answer = sent(browser, "/me/passkeys/options")
    assert answer.status_code == 403


def test_the_same_passkey_is_added_once(
    key: SoftKey, alice: User, carol: User, client_of: SignIn
) -> None:
    asked = options(client_of(alice), "/me/passkeys/options")
    assert [each["id"] for each in asked["excludeCredentials"]] == [stored(key).credential_id]
    assert added(client_of(carol), key).status_code == 422


def test_it_is_renamed_and_removed_by_its_owner_only(
    key: SoftKey, alice: User, carol: User, client_of: SignIn
) -> None:
    address = f"/me/passkeys/{stored(key).pk}"
    stranger, owner = client_of(carol), client_of(alice)
    assert stranger.post(f"{address}/rename", {"name": "mine"}).status_code == 404
    assert stranger.post(f"{address}/remove").status_code == 404
    assert "grey brick" not in stranger.get("/me/security").content.decode()
    owner.post(f"{address}/rename", {"name": "old brick"})
    assert "old brick" in owner.get("/me/security").content.decode()
    assert owner.post(f"{address}/remove")["Location"] == "/me/security"
    assert signed_in_by(key)[1].status_code == 422


@pytest.mark.parametrize("address", ["http://kb.example.com", "https://192.0.2.7", "https://[::1]"])
def test_where_browsers_would_refuse_it_is_not_offered(
    address: str, settings: Any, alice: User, client_of: SignIn
) -> None:
    settings.PUBLIC_URL = address
    assert "kb-passkey" not in Client().get("/sign-in").content.decode()
    assert "reached by a name over TLS" in client_of(alice).get("/me/security").content.decode()


def test_a_passkey_is_enough_for_a_group_that_wants_two(key: SoftKey, alice: User) -> None:
    group = factories.make_group("Finance", alice)
    group.needs_second_factor = True
    group.save()
    browser, _answer = signed_in_by(key)
    assert is_in(browser)
