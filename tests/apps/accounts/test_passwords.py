"""Which passwords are taken: long ones that nobody would try."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts import services
from apps.accounts.models import User
from apps.permissions.scope import system_scope
from tests import factories


def joined(password: str, *, name: str = "Zhang Weilin", language: str = "en"):
    """What the page of an invitation answers to this password."""
    with system_scope("test: invite"):
        user, link = services.invite(email="weilin.zhang@acme-steel.example", name=name)
    headers = {"Accept-Language": language}
    answer = Client().post(link, {"name": name, "password": password}, headers=headers)
    user.refresh_from_db()
    assert (answer.status_code == 302) is user.has_usable_password()
    return answer


@pytest.mark.parametrize(
    "password",
    [
        "copper kettle under rain",
        "\u7ea2\u70e7\u8089\u914d\u5927\u7c73\u996d\u771f\u9999\u554a\u4e0b\u96e8",
        "x" * 3 + " vzqh 81 \u00fc " + "long enough " * 20,
        "  spaces at both ends stay  ",
        "qj4-Zr!pvQ0m",
    ],
)
def test_a_long_password_of_any_characters_is_taken(db: None, password: str) -> None:
    assert joined(password).status_code == 302
    user = User.objects.get(email="weilin.zhang@acme-steel.example")
    assert user.check_password(password)
    assert not user.check_password(password.strip() + "x")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Pa$$w0rd2024!",
        "qwertyuiop123",
        "123456789012",
        "aaaaaaaaaaaa",
        "woaini1314520",
        "iloveyou1234",
        "abcdefghijkl",
    ],
)
def test_a_leaked_or_bent_password_is_refused(db: None, password: str) -> None:
    answer = joined(password)
    assert answer.status_code == 422
    said = answer.content.decode()
    assert re.search(r"attackers try|too common|entirely numeric", said)


@pytest.mark.parametrize(
    "password",
    ["weilinzhang2026!", "Weilin.Zhang.1", "acme-steel-2026", "Footnote-2026!!", "projectfalcon1!"],
)
def test_names_that_everybody_knows_are_refused(db: None, password: str, settings: Any) -> None:
    settings.PASSWORD_WORDS = ["project", "falcon"]
    answer = joined(password)
    assert answer.status_code == 422
    assert re.search(r"others know|attackers try|similar", answer.content.decode())


def test_eleven_characters_are_too_few(db: None) -> None:
    assert "at least 12 characters" in joined("vzqh81-kpl3").content.decode()


def test_it_is_said_in_chinese(db: None) -> None:
    assert "\u653b\u51fb\u8005" in joined("Pa$$w0rd2024!", language="zh-hans").content.decode()


def test_there_are_no_rules_of_composition(db: None) -> None:
    assert joined("mild herring walks backwards").status_code == 302


def test_an_older_shorter_password_goes_on_working(db: None) -> None:
    """No rotation: a rule that came later asks nobody to change."""
    user = factories.make_user("dora", password="vzqh81-kpl")
    answer = Client().post("/sign-in", {"username": user.email, "password": "vzqh81-kpl"})
    assert answer.status_code == 302


def test_a_very_long_one_does_not_hold_up_the_server(db: None) -> None:
    assert joined("ab1!" * 250).status_code in {302, 422}
