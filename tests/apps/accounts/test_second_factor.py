"""A second step at sign-in: authenticator app, recovery codes, and groups that want one."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts import signing_in
from apps.accounts.models import Authenticator, Group, Nesting, RecoveryCode, User
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.accounts.devices import code_of, codes_on, set_up_app

SignIn = Callable[[User], Client]
STEP = "/sign-in/second-factor"


def password(client: Client, user: User, **fields: str):
    fields = {"username": user.email, "password": factories.PASSWORD, **fields}
    return client.post("/sign-in", fields)


def is_in(client: Client) -> bool:
    return client.get("/me").status_code == 200


def test_with_an_app_the_password_alone_opens_nothing(alice: User, client_of: SignIn) -> None:
    secret, _codes = set_up_app(client_of(alice))
    browser = Client()
    assert password(browser, alice, next="/me/keys")["Location"] == STEP
    assert not is_in(browser)
    assert browser.get("/api/v1/workspaces").status_code == 401
    wrong = browser.post(STEP, {"code": "000000"})
    assert wrong.status_code == 422
    assert "This code is not right" in wrong.content.decode()
    assert not is_in(browser)
    right = browser.post(STEP, {"code": code_of(secret)})
    assert right["Location"] == "/me/keys"
    assert is_in(browser)


def test_a_code_is_taken_once(alice: User, client_of: SignIn) -> None:
    secret, _codes = set_up_app(client_of(alice))
    code = code_of(secret)
    first, second = Client(), Client()
    for browser in (first, second):
        password(browser, alice)
    assert first.post(STEP, {"code": f"{code[:3]} {code[3:]}"}).status_code == 302
    assert second.post(STEP, {"code": code}).status_code == 422
    assert not is_in(second)


def test_an_old_code_is_not_taken(alice: User, client_of: SignIn) -> None:
    secret, _codes = set_up_app(client_of(alice))
    browser = Client()
    password(browser, alice)
    assert browser.post(STEP, {"code": code_of(secret, steps=-4)}).status_code == 422
    assert browser.post(STEP, {"code": code_of(secret, steps=4)}).status_code == 422


def test_a_recovery_code_works_once(alice: User, client_of: SignIn) -> None:
    _secret, codes = set_up_app(client_of(alice))
    assert len(set(codes)) == 10
    for expected in (302, 422):
        browser = Client()
        password(browser, alice)
        typed = codes[3].upper().replace("-", " ")
        assert browser.post(STEP, {"code": typed}).status_code == expected
        assert is_in(browser) is (expected == 302)


def test_new_recovery_codes_end_the_old_ones(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    _secret, old = set_up_app(browser)
    fresh = codes_on(browser.post("/me/security/codes").content.decode())
    assert len(fresh) == 10
    assert not set(old) & set(fresh)
    assert not codes_on(browser.get("/me/security").content.decode())
    for code, expected in ((old[0], 422), (fresh[0], 302)):
        other = Client()
        password(other, alice)
        assert other.post(STEP, {"code": code}).status_code == expected


def test_neither_secret_nor_codes_can_be_read_from_the_database(
    alice: User, client_of: SignIn
) -> None:
    secret, codes = set_up_app(client_of(alice))
    with system_scope("test: what is stored"):
        app = Authenticator.objects.get(owner=alice)
        stored = list(RecoveryCode.objects.filter(owner=alice).values_list("code_hash", flat=True))
    assert secret not in app.sealed_secret
    assert not any(
        code in text or code.replace("-", "") in text for code in codes for text in stored
    )


def test_guessing_codes_is_slow(alice: User, client_of: SignIn) -> None:
    secret, _codes = set_up_app(client_of(alice))
    browser = Client()
    password(browser, alice)
    found = [browser.post(STEP, {"code": f"{n:06}"}).status_code for n in range(11)]
    assert found == [422] * 10 + [429]
    late = browser.post(STEP, {"code": code_of(secret)})
    assert late.status_code == 429
    assert re.search(r"Try again in [1-5] minute", late.content.decode())


def test_the_second_step_alone_is_nothing(alice: User, client_of: SignIn) -> None:
    secret, _codes = set_up_app(client_of(alice))
    assert Client().get(STEP)["Location"] == "/sign-in?next=/"
    assert Client().post(STEP, {"code": code_of(secret)})["Location"] == "/sign-in?next=/"


def test_one_may_take_only_so_long(
    alice: User, client_of: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _codes = set_up_app(client_of(alice))
    browser = Client()
    password(browser, alice)
    monkeypatch.setattr(signing_in, "_WAITS_S", -1)
    assert browser.post(STEP, {"code": code_of(secret)})["Location"] == "/sign-in?next=/"


def test_a_new_password_by_a_link_does_not_go_round_it(
    alice: User, admin: User, client_of: SignIn
) -> None:
    secret, _codes = set_up_app(client_of(alice))
    page = client_of(admin).post(f"/administration/people/{alice.pk}/reset").content.decode()
    link = re.search(r"/join/[\w-]+", page)
    assert link
    browser = Client()
    fields = {"name": "Alice", "password": "another long sentence of hers"}
    assert browser.post(link[0], fields)["Location"] == STEP
    assert not is_in(browser)
    assert browser.post(STEP, {"code": code_of(secret)}).status_code == 302


def test_the_app_can_be_removed_after_confirming(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    set_up_app(browser)
    session = browser.session
    session["confirmed_at"] -= 3600
    session.save()
    assert browser.post("/me/security/app/remove")["Location"].startswith("/me/confirm")
    # The code of the app confirms as the password does.
    assert browser.post("/me/confirm", {"password": factories.PASSWORD}).status_code == 302
    assert browser.post("/me/security/app/remove")["Location"] == "/me/security"
    assert password(Client(), alice)["Location"] == "/"


def test_the_code_of_the_app_confirms_too(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    secret, _codes = set_up_app(browser)
    session = browser.session
    session["confirmed_at"] -= 3600
    session.save()
    assert "code of your app" in browser.get("/me/confirm").content.decode()
    assert browser.post("/me/confirm", {"password": code_of(secret)}).status_code == 302
    assert browser.get("/me/security/app").status_code == 200


# --- groups that want one -------------------------------------------------------------------------
@pytest.fixture
def strict(bob: User, admin: User, client_of: SignIn) -> Group:
    """Bob's group, whose members need a second factor."""
    group = factories.make_group("Finance", bob)
    address = f"/administration/groups/{group.pk}/factor"
    assert client_of(admin).post(address, {"needs_second_factor": "on"}).status_code == 302
    return group


def test_whoever_needs_one_sets_it_up_before_anything_else(
    bob: User, strict: Group, collection: Collection
) -> None:
    browser = Client()
    assert password(browser, bob)["Location"] == "/"
    first = browser.get("/")
    assert first["Location"] == f"{STEP}?next=%2F"
    assert browser.get(first["Location"])["Location"] == "/me/security"
    page = browser.get("/me/security").content.decode()
    assert "Set up a second factor" in page
    assert "Contracts" not in page
    assert browser.get("/me/keys").status_code == 302
    answer = browser.get("/api/v1/workspaces")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "SECOND_FACTOR")
    swap = browser.get("/me", headers={"HX-Request": "true"})
    assert (swap.status_code, swap["HX-Redirect"]) == (403, STEP)
    set_up_app(browser)
    assert is_in(browser)
    assert browser.get(f"/api/v1/collections/{collection.pk}").status_code == 200


def test_it_bites_whoever_is_signed_in_at_the_next_request(
    bob: User, admin: User, client_of: SignIn
) -> None:
    browser = client_of(bob)
    assert is_in(browser)
    group = factories.make_group("Finance")
    address = f"/administration/groups/{group.pk}"
    client_of(admin).post(f"{address}/factor", {"needs_second_factor": "on"})
    assert is_in(browser)
    client_of(admin).post(f"{address}/members", {"who": bob.email})
    assert browser.get("/me")["Location"].startswith(STEP)


def test_a_group_inside_of_a_strict_one_is_strict_too(bob: User, client_of: SignIn) -> None:
    outer, inner = factories.make_group("Company"), factories.make_group("Interns", bob)
    Group.objects.filter(pk=outer.pk).update(needs_second_factor=True)
    browser = client_of(bob)
    assert is_in(browser)
    Nesting.objects.create(outer=outer, inner=inner)
    assert browser.get("/me")["Location"].startswith(STEP)


def test_an_open_session_without_it_is_asked_for_the_code(
    bob: User, strict: Group, client_of: SignIn
) -> None:
    owner = client_of(bob)
    secret, _codes = set_up_app(owner)
    older = client_of(bob)
    assert older.get("/me/keys")["Location"] == f"{STEP}?next=%2Fme%2Fkeys"
    # It cannot be got round by setting up another one with the password alone.
    assert older.get("/me/security/app")["Location"].startswith(STEP)
    assert older.post("/me/security/app", {"code": "1"})["Location"].startswith(STEP)
    assert older.post("/me/passkeys/options").status_code in {403, 422}
    assert older.post(STEP, {"code": code_of(secret), "next": "/me/keys"})["Location"] == "/me/keys"
    assert is_in(older)


def test_a_key_goes_on_without_it(bob: User, strict: Group) -> None:
    _key, plain = factories.make_api_key(bob)
    machine = {"Authorization": f"Bearer {plain}"}
    assert Client().get("/api/v1/workspaces", headers=machine).status_code == 200


def test_the_last_one_cannot_be_removed(bob: User, strict: Group, client_of: SignIn) -> None:
    browser = client_of(bob)
    set_up_app(browser)
    refused = browser.post("/me/security/app/remove")
    assert refused.status_code == 409
    assert "Add another one before you remove this" in refused.content.decode()


def test_others_are_not_asked(alice: User, strict: Group, client_of: SignIn) -> None:
    assert is_in(client_of(alice))


# --- lost -----------------------------------------------------------------------------------------
def link_for(user: User, admin: Client) -> str:
    page = admin.post(f"/administration/people/{user.pk}/factor").content.decode()
    found = re.search(r"/lost-factor/[\w-]+", page)
    assert found, page
    return found[0]


def test_with_a_link_and_the_password_one_begins_anew(
    bob: User, strict: Group, admin: User, client_of: SignIn
) -> None:
    old = client_of(bob)
    secret, codes = set_up_app(old)
    link = link_for(bob, client_of(admin))
    browser = Client()
    assert browser.post(link, {"password": "wrong"}).status_code == 422
    assert is_in(old)  # nothing has happened so far
    assert browser.post(link, {"password": factories.PASSWORD})["Location"] == "/me/security"
    assert not is_in(old)
    assert browser.get("/me").status_code == 302  # a new one first
    set_up_app(browser)
    assert is_in(browser)
    for code in (code_of(secret), codes[0]):
        other = Client()
        password(other, bob)
        assert other.post(STEP, {"code": code}).status_code == 422
    used = Client().get(link)
    assert used.status_code == 404
    assert len(used.content) == len(Client().get("/lost-factor/" + "x" * 43).content)


def test_only_an_administrator_makes_that_link(
    alice: User, bob: User, carol: User, client_of: SignIn
) -> None:
    for user in (alice, carol):
        answer = client_of(user).post(f"/administration/people/{bob.pk}/factor")
        assert answer.status_code == 403


def test_the_pages_speak_chinese(alice: User, client_of: SignIn) -> None:
    chinese = {"Accept-Language": "zh-hans"}
    browser = client_of(alice)
    assert "登录与安全" in browser.get("/me/security", headers=chinese).content.decode()
    assert "验证器应用" in browser.get("/me/security/app", headers=chinese).content.decode()
    set_up_app(browser)
    other = Client()
    password(other, alice)
    assert "第二步" in other.get(STEP, headers=chinese).content.decode()
