"""Signing in and out with a password."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.test import Client

from apps.accounts import services, throttle
from apps.accounts.models import User
from apps.permissions.scope import system_scope
from tests import factories

WRONG = "not the password at all"


def sign_in(client: Client, username: str, password: str = factories.PASSWORD, **fields: str):
    return client.post("/sign-in", {"username": username, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    return client.get("/me").status_code == 200


@pytest.mark.parametrize("username", ["alice@example.com", "ALICE@Example.com", "ali", " Ali "])
def test_one_signs_in_with_email_or_login_name(username: str, db: None) -> None:
    factories.make_user("alice", login="ali")
    client = Client()
    response = sign_in(client, username)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_signed_in(client)


@pytest.mark.parametrize("who", ["local", "from a directory", "a program", "nobody"])
def test_a_refused_sign_in_hashes_one_password_whoever_it_names(
    who: str, client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that time does not tell which accounts exist here."""
    user = factories.make_user("sam", is_application=who == "a program")
    if who == "from a directory":
        user.set_unusable_password()
        user.save()
    hasher, hashed = type(get_hasher()), []
    encode = hasher.encode
    monkeypatch.setattr(hasher, "encode", lambda *a, **k: hashed.append(1) or encode(*a, **k))
    name = "nobody@example.com" if who == "nobody" else user.email
    assert sign_in(client, name, WRONG).status_code == 422
    assert len(hashed) == 1


def test_a_wrong_password_and_an_unknown_name_look_the_same(alice: User, client: Client) -> None:
    wrong = sign_in(client, alice.email, WRONG)
    unknown = sign_in(client, "nobody@example.com", WRONG)
    assert wrong.status_code == unknown.status_code == 422
    sentence = "The name or the password is not right."
    assert sentence in wrong.content.decode()
    assert sentence in unknown.content.decode()
    assert not is_signed_in(client)


def test_the_form_keeps_the_name_and_never_the_password(alice: User, client: Client) -> None:
    page = sign_in(client, alice.email, WRONG).content.decode()
    assert alice.email in page
    assert WRONG not in page


def test_an_empty_login_name_signs_nobody_in(alice: User, client: Client) -> None:
    """Most people have none: an empty one must not match them."""
    assert sign_in(client, "").status_code == 200
    assert sign_in(client, " ").status_code == 200
    assert not is_signed_in(client)


def test_one_returns_to_the_page_one_asked_for(alice: User, client: Client) -> None:
    response = client.get("/me/keys?x=1")
    assert response["Location"] == "/sign-in?next=/me/keys%3Fx%3D1"
    page = client.get(response["Location"]).content.decode()
    assert 'name="next" value="/me/keys?x=1"' in page
    assert sign_in(client, alice.email, next="/me/keys?x=1")["Location"] == "/me/keys?x=1"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "http:///evil.example",
        "\thttps://evil.example",
    ],
)
def test_nobody_is_sent_to_another_site(wanted: str, alice: User, client: Client) -> None:
    page = client.get("/sign-in", {"next": wanted}).content.decode()
    # The one left is the language form's: it leads back to this very page.
    kept = re.findall(r'name="next" value="([^"]*)', page)
    assert [value.startswith("/sign-in?next=") for value in kept] == [True]
    assert sign_in(client, alice.email, next=wanted)["Location"] == "/"
    # Nor by the form that switches the language, which anybody may post.
    switched = client.post("/me/language", {"language": "en", "next": wanted})
    assert switched["Location"] == "/"


def test_ten_failures_block_the_account_from_this_address_for_a_while(
    alice: User, client: Client
) -> None:
    for _attempt in range(throttle.FAILURES):
        assert sign_in(client, alice.email, WRONG).status_code == 422
    blocked = sign_in(client, alice.email)
    assert blocked.status_code == 429
    assert re.search(r"Try again in [1-5] minutes?\.", blocked.content.decode())
    # Neither the same person elsewhere nor somebody else here is shut out.
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert sign_in(elsewhere, alice.email).status_code == 302
    bob = factories.make_user("bob")
    assert sign_in(client, bob.email).status_code == 302


def test_the_right_password_forgets_earlier_failures(alice: User, client: Client) -> None:
    for _attempt in range(throttle.FAILURES - 1):
        sign_in(client, alice.email, WRONG)
    assert sign_in(client, alice.email).status_code == 302
    client.post("/sign-out")
    assert sign_in(client, alice.email, WRONG).status_code == 422


def test_signing_out_needs_a_post(alice: User, client_of: Callable[[User], Client]) -> None:
    browser = client_of(alice)
    assert browser.get("/sign-out").status_code == 405
    assert is_signed_in(browser)
    assert browser.post("/sign-out")["Location"] == "/sign-in"
    assert not is_signed_in(browser)


def test_nothing_of_a_person_stays_in_the_browser_that_they_left(
    alice: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(alice)
    assert "no-store" in browser.get("/search")["Cache-Control"]
    assert browser.post("/sign-out")["Clear-Site-Data"] == '"storage"'


def test_the_session_changes_when_one_signs_in(alice: User, client: Client) -> None:
    """A session that somebody else planted in the browser must not become a signed-in one."""
    client.post("/me/language", {"language": "en"})
    client.session.save()
    planted = client.cookies.get(settings.SESSION_COOKIE_NAME)
    sign_in(client, alice.email)
    assert planted is None or client.cookies[settings.SESSION_COOKIE_NAME].value != planted.value


def test_a_form_without_its_token_is_refused(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = sign_in(strict, alice.email)
    assert response.status_code == 403
    assert "Load the page again" in response.content.decode()


def test_a_deactivated_person_is_out_at_once(
    alice: User, client_of: Callable[[User], Client], client: Client
) -> None:
    _key, plain = factories.make_api_key(alice)
    browser = client_of(alice)
    machine = {"HTTP_AUTHORIZATION": f"Bearer {plain}"}
    assert is_signed_in(browser)
    assert client.get("/api/v1/workspaces", **machine).status_code == 200
    with system_scope("test: deactivate"):
        services.deactivate(user=alice)
    assert not is_signed_in(browser)
    assert client.get("/api/v1/workspaces", **machine).status_code == 401
    assert sign_in(client, alice.email).status_code == 422


def test_passwords_are_stored_with_argon2() -> None:
    """The suite itself uses a fast hash; what an installation uses stands last in its list."""
    assert settings.PASSWORD_HASHERS[-1].endswith("Argon2PasswordHasher")
    assert len(settings.PASSWORD_HASHERS) == 2
    stored = get_hasher("argon2").encode("a password", "a-salt-of-a-test")
    assert stored.startswith("argon2$argon2id$")
    assert identify_hasher(stored).verify("a password", stored)
