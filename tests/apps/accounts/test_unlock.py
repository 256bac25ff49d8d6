"""Who is locked out is seen and let in again by an administrator only."""

from collections.abc import Callable

from django.test import Client

from apps.accounts.models import User
from tests import factories

SignIn = Callable[[User], Client]


def attempt(user: User, password: str) -> int:
    fields = {"username": user.email, "password": password}
    return Client().post("/sign-in", fields).status_code


def test_an_administrator_sees_the_lock_and_ends_it(
    alice: User, bob: User, admin: User, client_of: SignIn
) -> None:
    for _number in range(10):
        attempt(alice, "wrong")
    assert attempt(alice, factories.PASSWORD) == 429
    assert "Locked after wrong passwords" in (
        client_of(admin).get("/administration/people").content.decode()
    )
    address = f"/administration/people/{alice.pk}/unlock"
    assert client_of(bob).post(address).status_code == 403
    assert attempt(alice, factories.PASSWORD) == 429
    done = client_of(admin).post(address)
    assert "Locked after wrong passwords" not in done.content.decode()
    assert attempt(alice, factories.PASSWORD) == 302


def test_another_spelling_of_the_name_gives_no_more_tries(db: None) -> None:
    user = factories.make_user("dora", login="dora")
    for name in [user.email, user.email.upper(), "dora", " DORA ", user.email] * 2:
        Client().post("/sign-in", {"username": name, "password": "wrong"})
    assert attempt(user, factories.PASSWORD) == 429
