"""Rates: of an address, of a person, of a bad key, and without Redis."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core import limits
from apps.core.errors import AppError
from tests import factories

SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _slow(settings: Any) -> None:
    settings.LIMIT_ANONYMOUS, settings.LIMIT_PERSON = "3/minute", "5/minute"


def test_an_address_is_told_to_wait_after_so_many_requests(db: None) -> None:
    client = Client()
    assert [client.get("/sign-in").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/sign-in", headers={"Accept-Language": "zh-hans"})
    assert "请求过多" in refused.content.decode()
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["RateLimit-Policy"] == '"default";q=3;w=60'
    assert refused["RateLimit"].startswith('"default";r=0;t=')


def test_another_address_and_a_signed_in_person_go_on(alice: User, client_of: SignIn) -> None:
    for _ in range(4):
        Client().get("/sign-in")
    assert Client(REMOTE_ADDR="192.0.2.9").get("/sign-in").status_code == 200
    assert client_of(alice).get("/me").status_code == 200


def test_a_person_is_counted_wherever_they_come_from(alice: User, client_of: SignIn) -> None:
    _key, plain = factories.make_api_key(alice)
    machine = {"Authorization": f"Bearer {plain}"}
    for number in range(5):
        address = f"192.0.2.{number}"
        assert client_of(alice).get("/me", REMOTE_ADDR=address).status_code == 200
    answer = Client().get("/api/v1/workspaces", headers=machine)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert "Retry-After" in answer


def test_one_person_does_not_slow_another(alice: User, carol: User, client_of: SignIn) -> None:
    for _ in range(6):
        client_of(alice).get("/me")
    assert client_of(alice).get("/me").status_code == 429
    assert client_of(carol).get("/me").status_code == 200


def test_guessing_keys_is_counted_by_address(alice: User) -> None:
    guess = {"Authorization": "Bearer fn_guessed"}
    found = [Client().get("/api/v1/workspaces", headers=guess).status_code for _ in range(4)]
    assert found == [401, 401, 401, 429]


def test_the_api_says_what_is_left(alice: User) -> None:
    _key, plain = factories.make_api_key(alice)
    answer = Client().get("/api/v1/workspaces", headers={"Authorization": f"Bearer {plain}"})
    assert answer["RateLimit"].startswith('"default";r=4;t=')
    assert answer["RateLimit-Policy"] == '"default";q=5;w=60'


def test_without_redis_the_site_answers_and_still_counts(settings: Any, db: None) -> None:
    settings.LIMITS_STORAGE = "redis://127.0.0.1:1/0"
    assert [Client().get("/sign-in").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_service_may_count_for_itself() -> None:
    assert limits.hit("", "anybody") is None
    limits.require("1/minute", "report", "alice")
    with pytest.raises(AppError) as refused:
        limits.require("1/minute", "report", "alice")
    assert refused.value.status == 429
    limits.require("1/minute", "report", "bob")
    limits.forget("1/minute", "report", "alice")
    limits.require("1/minute", "report", "alice")
