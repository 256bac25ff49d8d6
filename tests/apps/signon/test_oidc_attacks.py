"""Answers that must not be believed."""

import logging
import time

import pytest
from django.test import Client
from joserfc.jwk import RSAKey

from apps.accounts.models import User
from tests.apps.signon import fake_oidc
from tests.apps.signon.conftest import begun, come_back, person_in


def _refused(browser: Client, response) -> None:
    assert response.status_code == 400, response.content
    assert person_in(browser) is None
    assert not User.objects.filter(email="erika@example.com").exists()


def test_an_answer_without_a_state_is_not_taken(provider, fake):
    browser = Client()
    begun(browser)
    _refused(browser, browser.get("/sign-on/main/callback", {"code": "c"}))


def test_nor_one_with_the_state_of_another_browser(provider, fake):
    sent = begun(Client())
    victim = Client()
    fake.said = {"nonce": sent["nonce"]}
    found = victim.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})
    _refused(victim, found)
    assert fake.times_asked("/token") == 0


def test_a_state_is_good_once(provider, fake):
    browser = Client()
    sent = begun(browser)
    browser.get("/sign-on/main/callback", {"error": "access_denied", "state": sent["state"]})
    fake.said = {"nonce": sent["nonce"]}
    _refused(browser, browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]}))


@pytest.mark.parametrize(
    "said",
    [
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["footnote", "another"]},
        {"aud": ["footnote", "another"], "azp": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"at_hash": "wrong"},
        {"sub": ""},
        {"sub": None},
        {"sub": "x" * 300},
        {"sub": "a\x00b"},
    ],
)
def test_a_wrong_claim_is_refused(provider, fake, said):
    browser = Client()
    _refused(browser, come_back(browser, fake, **said))


def _with_token(fake, make) -> tuple[Client, object]:
    browser = Client()
    sent = begun(browser)
    fake.token = make(fake.claims(nonce=sent["nonce"]))
    return browser, browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})


def test_a_token_without_a_signature_is_refused(provider, fake):
    _refused(*_with_token(fake, fake.unsigned))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(provider, fake):
    _refused(*_with_token(fake, fake.signed_by_public_key))


def test_a_token_of_another_key_under_the_same_name_is_refused(provider, fake):
    other = RSAKey.generate_key(2048, {"kid": "one"})
    _refused(*_with_token(fake, lambda claims: fake.signed(claims, key=other)))


def test_a_key_that_the_token_brings_itself_is_not_taken(provider, fake):
    other = RSAKey.generate_key(2048, {"kid": "one"})
    own = other.as_dict(private=False)
    _refused(*_with_token(fake, lambda claims: fake.signed(claims, key=other, jwk=own)))


def test_what_is_no_token_is_refused(provider, fake):
    for nonsense in ("", "a.b.c", "x" * 5000, "..", "null"):
        _refused(*_with_token(fake, lambda _claims, text=nonsense: text))


def test_another_provider_cannot_answer_for_this_one(make_provider, provider, fake):
    with fake_oidc.running() as evil:
        values = {"issuer": evil.url, "client_id": "footnote"}
        make_provider(slug="evil", name="Evil", values=values)
        browser = Client()
        sent = begun(browser)
        # Begun at one, answered at the other's address: the flow is not of that one.
        evil.said = {"nonce": sent["nonce"]}
        found = browser.get("/sign-on/evil/callback", {"code": "c", "state": sent["state"]})
        _refused(browser, found)
        assert evil.times_asked("/token") == 0


def test_an_answer_that_names_another_issuer_never_has_its_code_sent(provider, fake):
    browser = Client()
    sent = begun(browser)
    query = {"code": "c", "state": sent["state"], "iss": "https://evil.example"}
    _refused(browser, browser.get("/sign-on/main/callback", query))
    assert fake.times_asked("/token") == 0


def test_a_provider_that_promises_to_name_itself_has_to(provider, fake):
    fake.metadata = {"authorization_response_iss_parameter_supported": True}
    browser = Client()
    _refused(browser, come_back(browser, fake))


def test_a_provider_that_describes_itself_as_another_is_not_used(make_provider, fake):
    fake.metadata = {"issuer": "https://login.example"}
    make_provider(values={"issuer": fake.url, "client_id": "footnote"})
    assert Client().get("/sign-on/main").status_code == 502


# --- keys -----------------------------------------------------------------------------------------
def test_a_new_key_is_looked_for_once(provider, fake):
    come_back(Client(), fake)
    fake.key = RSAKey.generate_key(2048, {"kid": "two"})
    fake.published = [fake.key]
    browser = Client()
    come_back(browser, fake)
    assert person_in(browser) is not None
    assert fake.times_asked("/keys") == 2


def test_unknown_keys_do_not_make_us_ask_again_and_again(provider, fake):
    come_back(Client(), fake)
    fake.key = RSAKey.generate_key(2048, {"kid": "not published"})
    for _ in range(4):
        assert come_back(Client(), fake).status_code == 400
    assert fake.times_asked("/keys") == 2


# --- addresses ------------------------------------------------------------------------------------
def test_an_internal_server_is_asked_only_where_it_was_named(provider, fake, settings):
    settings.SIGN_ON_HOSTS = []
    response = Client().get("/sign-on/main")
    assert response.status_code == 502
    assert "SIGN_ON_NOT_ALLOWED" in response.content.decode()
    assert fake.asked == []


def test_no_secret_and_no_token_is_logged(provider, fake, caplog):
    caplog.set_level(logging.DEBUG)
    come_back(Client(), fake)
    come_back(Client(), fake, aud="another")
    assert "an-access-token" not in caplog.text
    assert "eyJ" not in caplog.text
