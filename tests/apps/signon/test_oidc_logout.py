"""Sessions that began elsewhere end there, and only those."""

import pytest
from django.test import Client

from tests.apps.signon.conftest import come_back, person_in


def _signed_in(fake, sid: str = "s1", **claims) -> Client:
    browser = Client()
    come_back(browser, fake, sid=sid, **claims)
    assert person_in(browser) is not None
    return browser


def _is_in(browser: Client) -> bool:
    return browser.get("/me").status_code == 200


def _told(token: str) -> int:
    return Client().post("/sign-on/main/ended", {"logout_token": token}).status_code


def test_the_provider_ends_one_session_and_leaves_the_others(provider, fake, alice, client_of):
    first, second = _signed_in(fake, "s1"), _signed_in(fake, "s2")
    stranger = client_of(alice)
    assert _told(fake.logout_token(sid="s1")) == 200
    assert not _is_in(first)
    assert _is_in(second)
    assert _is_in(stranger)


def test_without_a_sid_all_sessions_of_the_person_end(provider, fake):
    first, second = _signed_in(fake, "s1"), _signed_in(fake, "s2")
    other = _signed_in(fake, "s3", sub="another", email="other@example.com")
    assert _told(fake.logout_token(sub="248289761001")) == 200
    assert not _is_in(first)
    assert not _is_in(second)
    assert _is_in(other)


def test_a_logout_token_is_taken_once(provider, fake):
    browser = _signed_in(fake)
    token = fake.logout_token(sid="s9")
    assert _told(token) == 200
    assert _told(token) == 400
    assert _is_in(browser)


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"events": {}},
        {"events": None},
        {"nonce": "n"},
        {"sid": None},
        {"jti": None},
        {"iat": 1},
        {"exp": 1},
    ],
)
def test_a_logout_token_that_is_none_ends_nothing(provider, fake, said):
    browser = _signed_in(fake)
    assert _told(fake.logout_token(**{"sid": "s1", **said})) == 400
    assert _is_in(browser)


def test_an_id_token_is_no_logout_token(provider, fake):
    browser = _signed_in(fake)
    assert _told(fake.signed(fake.claims(sid="s1"))) == 400
    assert _is_in(browser)


def test_a_logout_token_without_a_signature_ends_nothing(provider, fake):
    browser = _signed_in(fake)
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    token = fake.unsigned(fake.claims(sid="s1", jti="j", events=event))
    assert _told(token) == 400
    assert _is_in(browser)


def test_the_front_channel_ends_the_session_it_names(provider, fake):
    first, second = _signed_in(fake, "s1"), _signed_in(fake, "s2")
    assert Client().get("/sign-on/main/ended", {"iss": fake.url, "sid": "s1"}).status_code == 200
    assert not _is_in(first)
    assert _is_in(second)


def test_and_nothing_without_the_sid_or_by_another_issuer(provider, fake):
    browser = _signed_in(fake, "s1")
    for query in (
        {},
        {"iss": fake.url},
        {"sid": "s1"},
        {"iss": "https://evil.example", "sid": "s1"},
    ):
        assert Client().get("/sign-on/main/ended", query).status_code == 400
    assert _is_in(browser)


def test_signing_out_leads_to_the_provider_with_the_token_as_a_hint(provider, fake):
    browser = _signed_in(fake)
    page = browser.post("/sign-out")
    target = page.context["target"]
    assert target.startswith(f"{fake.url}/logout?")
    assert "id_token_hint=ey" in target
    assert "post_logout_redirect_uri=" in target
    assert not _is_in(browser)


def test_signing_out_works_while_the_provider_is_out(provider, fake, settings):
    browser = _signed_in(fake)
    settings.SIGN_ON_HOSTS = []
    from django.core.cache import cache  # noqa: PLC0415 - only here

    cache.clear()
    assert browser.post("/sign-out").status_code == 302
    assert not _is_in(browser)


def test_a_session_with_a_password_ends_here_alone(provider, alice, client_of):
    response = client_of(alice).post("/sign-out")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in"


def test_a_session_is_still_found_after_its_key_has_changed(provider, fake):
    browser = _signed_in(fake, "s1")
    session = browser.session
    session.cycle_key()
    browser.cookies[next(iter(browser.cookies))] = session.session_key
    assert _is_in(browser)
    assert _told(fake.logout_token(sid="s1")) == 200
    assert not _is_in(browser)
