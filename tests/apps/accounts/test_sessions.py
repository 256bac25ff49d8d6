"""Where somebody is signed in, for how long, and the end of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import BrowserSession, User
from apps.accounts.sessions import device, services
from apps.accounts.sessions.sockets import person_at
from tests import factories

SignIn = Callable[[User], Client]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
WECHAT = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 MicroMessenger/8.0"


def is_in(client: Client) -> bool:
    return client.get("/me").status_code == 200


def row_of(client: Client) -> BrowserSession:
    return BrowserSession.objects.get(session_key=client.session.session_key)


def test_the_list_names_device_and_address(alice: User, client_of: SignIn) -> None:
    here, there = client_of(alice), client_of(alice)
    there.get("/me", headers={"User-Agent": WECHAT}, REMOTE_ADDR="192.0.2.44")
    page = here.get("/me/security", headers={"User-Agent": FIREFOX}).content.decode()
    page = here.get("/me/security").content.decode()
    assert "Firefox, Windows" in page
    assert "WeChat, Android" in page
    assert "192.0.2.44" in page
    assert page.index("this one") < page.index("WeChat")
    for browser in (here, there):
        assert browser.session.session_key not in page


@pytest.mark.parametrize(
    ("agent", "name"),
    [("", "Unknown device"), ("curl/8", "Unknown device"), (WECHAT, "WeChat, Android")],
)
def test_a_device_has_a_name(agent: str, name: str) -> None:
    assert device.name_of(agent) == name


def test_one_session_is_ended_at_the_next_request(alice: User, client_of: SignIn) -> None:
    here, there = client_of(alice), client_of(alice)
    assert is_in(there)
    here.post(f"/me/sessions/{row_of(there).handle}/end")
    assert not is_in(there)
    assert is_in(here)


def test_all_others_are_ended(alice: User, bob: User, client_of: SignIn) -> None:
    here, there, third, of_bob = (client_of(user) for user in (alice, alice, alice, bob))
    here.post("/me/sessions/end")
    assert [is_in(each) for each in (here, there, third, of_bob)] == [True, False, False, True]


def test_an_administrator_signs_somebody_out_everywhere(
    admin: User, alice: User, client_of: SignIn
) -> None:
    office, browsers = client_of(admin), [client_of(alice), client_of(alice)]
    done = office.post(
        f"/administration/people/{alice.pk}/sign-out", headers={"HX-Request": "true"}
    )
    assert done.status_code == 200
    assert [is_in(each) for each in browsers] == [False, False]
    assert office.post(f"/administration/people/{admin.pk}/sign-out").status_code == 200
    assert is_in(office)


def test_nobody_else_does(alice: User, bob: User, client_of: SignIn) -> None:
    victim = client_of(bob)
    refused = client_of(alice).post(f"/administration/people/{bob.pk}/sign-out")
    assert refused.status_code == 403
    assert is_in(victim)


def test_nobody_ends_or_sees_anothers(alice: User, carol: User, client_of: SignIn) -> None:
    victim, stranger = client_of(alice), client_of(carol)
    handle = row_of(victim).handle
    assert stranger.post(f"/me/sessions/{handle}/end").status_code == 404
    assert is_in(victim)
    assert str(handle) not in stranger.get("/me/security").content.decode()


def test_a_new_password_ends_the_others(alice: User, client_of: SignIn) -> None:
    here, there = client_of(alice), client_of(alice)
    fields = {"current": factories.PASSWORD, "password": "a quite different sentence"}
    here.post("/me/password", fields)
    assert (is_in(here), is_in(there)) == (True, False)
    assert BrowserSession.objects.filter(user=alice).count() == 1


def test_a_session_unused_for_too_long_is_over(
    alice: User, client_of: SignIn, settings: Any
) -> None:
    browser = client_of(alice)
    ago = timezone.now() - settings.SESSION_IDLE - timedelta(minutes=1)
    BrowserSession.objects.filter(user=alice).update(last_used_at=ago)
    assert not is_in(browser)


def test_a_session_in_use_is_over_at_last(alice: User, client_of: SignIn, settings: Any) -> None:
    browser = client_of(alice)
    age = timedelta(seconds=settings.SESSION_COOKIE_AGE + 60)
    BrowserSession.objects.filter(user=alice).update(created_at=timezone.now() - age)
    assert not is_in(browser)


def test_use_is_written_down_at_most_once_a_minute(
    alice: User, client_of: SignIn, django_assert_num_queries: Any
) -> None:
    browser = client_of(alice)
    is_in(browser)
    first = row_of(browser).last_used_at
    is_in(browser)
    assert row_of(browser).last_used_at == first
    BrowserSession.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    is_in(browser)
    assert row_of(browser).last_used_at >= first


def test_signing_out_leaves_no_row(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    browser.post("/sign-out")
    assert not BrowserSession.objects.filter(user=alice).exists()


def test_rows_that_are_over_are_removed(alice: User, client_of: SignIn) -> None:
    client_of(alice), client_of(alice)
    one = BrowserSession.objects.filter(user=alice)[0]
    BrowserSession.objects.filter(pk=one.pk).update(expire_date=timezone.now() - timedelta(days=1))
    assert services.forget_over() == 1
    assert BrowserSession.objects.filter(user=alice).count() == 1


# --- another token ------------------------------------------------------------------------------------
def test_confirming_who_one_is_gives_the_session_another_token(
    alice: User, client_of: SignIn, settings: Any
) -> None:
    browser, thief = client_of(alice), Client()
    before = row_of(browser)
    name = settings.SESSION_COOKIE_NAME
    thief.cookies[name] = browser.cookies[name].value
    assert is_in(thief)
    wrong = browser.post("/me/confirm", {"password": "wrong"})
    assert wrong.status_code == 422
    assert is_in(thief)
    assert browser.post("/me/confirm", {"password": factories.PASSWORD}).status_code == 302
    assert is_in(browser)
    assert not is_in(thief)
    after = row_of(browser)
    assert after.session_key != before.session_key
    assert (after.handle, after.created_at) == (before.handle, before.created_at)
    assert BrowserSession.objects.filter(user=alice).count() == 1


def test_a_socket_stays_with_its_session_when_that_has_another_token(
    alice: User, client_of: SignIn
) -> None:
    browser = client_of(alice)
    socket: dict[str, Any] = {"session": browser.session, "headers": []}
    assert person_at(socket) == alice
    browser.post("/me/confirm", {"password": factories.PASSWORD})
    assert person_at(socket) == alice
    browser.post("/sign-out")
    assert person_at(socket) is None


def test_a_socket_of_a_token_that_was_replaced_is_nobodys(alice: User, client_of: SignIn) -> None:
    browser = client_of(alice)
    stolen = browser.session
    browser.post("/me/confirm", {"password": factories.PASSWORD})
    assert person_at({"session": stolen, "headers": []}) is None
