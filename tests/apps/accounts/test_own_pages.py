"""A person's own page: name, password, language, theme, API keys."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone, translation

from apps.accounts.models import ApiKey, User
from apps.permissions.scope import system_scope
from tests import factories

NEW_PASSWORD = "a rather long sentence"
SignIn = Callable[[User], Client]


def test_one_renames_oneself(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    assert browser.post("/me", {"name": "Alice L.", "login": "al"}).status_code == 302
    alice.refresh_from_db()
    assert (alice.name, alice.login) == ("Alice L.", "al")
    assert "Alice L." in browser.get("/me").content.decode()


def test_a_login_name_is_changed_only_by_who_has_just_shown_who_they_are(
    alice: User, client_of: SignIn
) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        browser = client_of(alice)
    asked = browser.post("/me", {"name": "Alice L.", "login": "al"})
    assert (asked.status_code, asked["Location"].split("?")[0]) == (302, "/me/confirm")
    assert browser.post("/me", {"name": "Alice L.", "login": ""}).status_code == 302
    alice.refresh_from_db()
    assert (alice.name, alice.login) == ("Alice L.", "")


@pytest.mark.parametrize("login", ["bobby", "BOBBY"])
def test_a_login_name_that_is_taken_is_refused_beside_the_field(
    login: str, alice: User, client_of: SignIn
) -> None:
    factories.make_user("bob", login="bobby")
    response = client_of(alice).post("/me", {"name": "Alice L.", "login": login})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Somebody has this login name already." in page
    assert 'value="Alice L."' in page
    alice.refresh_from_db()
    assert (alice.name, alice.login) == ("alice", "")


def test_a_login_name_cannot_look_like_an_address(alice: User, client_of: SignIn) -> None:
    """Or one could sign in under an address that is somebody else's."""
    response = client_of(alice).post("/me", {"name": "alice", "login": "bob@example.com"})
    assert response.status_code == 422


def test_a_new_password_keeps_this_session_and_ends_the_others(
    alice: User, client_of: SignIn
) -> None:
    here, elsewhere = client_of(alice), client_of(alice)
    changed = here.post("/me/password", {"current": factories.PASSWORD, "password": NEW_PASSWORD})
    assert changed.status_code == 302
    assert here.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"current": "wrong", "password": NEW_PASSWORD},
            "This is not your present password.",
        ),
        ({"current": factories.PASSWORD, "password": "short"}, "too short"),
        ({"current": factories.PASSWORD, "password": "alice@example.com"}, "too similar"),
    ],
)
def test_a_password_is_not_changed_by_mistake(
    fields: dict[str, str], sentence: str, alice: User, client_of: SignIn
) -> None:
    response = client_of(alice).post("/me/password", fields)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(factories.PASSWORD)


# --- language and theme ---------------------------------------------------------------------------
def language_of(client: Client, path: str = "/sign-in", **headers: str) -> str:
    page = client.get(path, headers=headers).content.decode()
    found = re.search(r'<html lang="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_browser_is_spoken_to_in_its_language(db: None) -> None:
    assert language_of(Client()) == "en"
    assert language_of(Client(), **{"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}) == "zh-hans"
    assert language_of(Client(), **{"Accept-Language": "fr"}) == "en"


def test_a_choice_in_the_browser_beats_what_it_asks_for(db: None) -> None:
    client = Client()
    client.post("/me/language", {"language": "zh-hans"})
    assert language_of(client, **{"Accept-Language": "en"}) == "zh-hans"


def test_a_persons_choice_beats_both_and_follows_them(alice: User, client_of: SignIn) -> None:
    client_of(alice).post("/me/language", {"language": "zh-hans"})
    alice.refresh_from_db()
    assert alice.language == "zh-hans"
    elsewhere = client_of(alice)
    elsewhere.cookies["fn_language"] = "en"
    assert language_of(elsewhere, "/me", **{"Accept-Language": "en"}) == "zh-hans"


def test_an_unknown_language_changes_nothing(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    assert browser.post("/me/language", {"language": "xx"}).status_code == 302
    browser.cookies["fn_language"] = "xx"
    assert language_of(browser, "/me") == "en"
    alice.refresh_from_db()
    assert alice.language == ""


def test_one_request_leaves_no_language_behind_for_the_next(db: None) -> None:
    language_of(Client(), **{"Accept-Language": "zh-CN"})
    assert language_of(Client()) == "en"
    translation.activate("en")


@pytest.mark.parametrize("theme", ["dark", "light", ""])
def test_the_theme_is_kept(theme: str, alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    browser.post("/me/theme", {"theme": "dark"})
    browser.post("/me/theme", {"theme": theme, "next": "/me"})
    assert f'data-theme="{theme}"' in browser.get("/me").content.decode()
    browser.post("/me/theme", {"theme": '"><script>'})
    alice.refresh_from_db()
    assert alice.theme == theme


# --- API keys -------------------------------------------------------------------------------------
def make_key(browser: Client, **fields: str) -> str:
    response = browser.post(
        "/me/keys", {"name": "Payroll", "scope": "read", "days": "30", **fields}
    )
    assert response.status_code == 201
    found = re.search(r'id="plain-key">(fn_[A-Za-z0-9_-]{32,})<', response.content.decode())
    assert found is not None
    return found[1]


def answers(plain: str) -> int:
    headers = {"Authorization": f"Bearer {plain}"}
    return Client().get("/api/v1/workspaces", headers=headers).status_code


def test_a_key_is_shown_once_and_works(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    plain = make_key(browser)
    page = browser.get("/me/keys").content.decode()
    assert plain not in page
    assert plain[:10] in page
    assert answers(plain) == 200
    with system_scope("test: look"):
        key = ApiKey.objects.get()
    assert plain not in {key.key_sha256, key.prefix, key.name}
    assert key.last_used_at is not None


def test_a_revoked_key_ends_at_once(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    plain = make_key(browser)
    with system_scope("test: look"):
        key = ApiKey.objects.get()
    assert browser.post(f"/me/keys/{key.pk}/revoke").status_code == 302
    assert answers(plain) == 401
    assert "Payroll" not in browser.get("/me/keys").content.decode()


def test_a_key_ends_on_its_day(alice: User, client_of: SignIn) -> None:
    plain = make_key(client_of(alice), days="30")
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert answers(plain) == 200
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert answers(plain) == 401


def test_a_key_without_an_end_goes_on(alice: User, client_of: SignIn) -> None:
    plain = make_key(client_of(alice), days="")
    with time_machine.travel(timezone.now() + timedelta(days=4000)):
        assert answers(plain) == 200


def test_nobody_revokes_or_sees_the_key_of_another(
    alice: User, carol: User, admin: User, client_of: SignIn
) -> None:
    plain = make_key(client_of(alice))
    with system_scope("test: look"):
        key = ApiKey.objects.get()
    for other in (carol, admin):
        browser = client_of(other)
        assert browser.post(f"/me/keys/{key.pk}/revoke").status_code == 404
        assert "Payroll" not in browser.get("/me/keys").content.decode()
    assert answers(plain) == 200


def test_a_key_is_for_the_api_only(alice: User, client_of: SignIn) -> None:
    headers = {"Authorization": f"Bearer {make_key(client_of(alice))}"}
    assert Client().get("/me", headers=headers).status_code == 302
    assert Client().post("/me/theme", {"theme": "dark"}, headers=headers).status_code == 302
    alice.refresh_from_db()
    assert alice.theme == ""


@pytest.mark.parametrize("fields", [{"name": ""}, {"scope": "root"}, {"days": "9999"}])
def test_a_key_with_something_missing_is_not_made(
    fields: dict[str, str], alice: User, client_of: SignIn
) -> None:
    response = client_of(alice).post(
        "/me/keys", {"name": "Payroll", "scope": "read", "days": "30", **fields}
    )
    assert response.status_code == 422
    with system_scope("test: look"):
        assert not ApiKey.objects.exists()


@pytest.mark.parametrize("path", ["/me", "/me/keys"])
def test_own_pages_are_for_those_who_are_signed_in(path: str, db: None) -> None:
    assert Client().get(path)["Location"] == f"/sign-in?next={path}"
