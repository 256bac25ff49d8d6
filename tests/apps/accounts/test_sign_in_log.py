"""Sign-ins, failures, locks and changes of an account are events, and its owner hears of them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axes.signals import user_locked_out
from django.core import mail
from django.test import Client, RequestFactory

from apps.accounts import notices, services, throttle
from apps.accounts.models import User
from apps.applications import services as applications
from apps.events.models import Event
from apps.permissions.roles import KeyScope
from apps.permissions.scope import entered, system_scope
from apps.workspaces.scopes import scope_of
from tests import factories

ClientOf = Callable[[User], Client]
WRONG = "not the password at all"
AUDIT = "/administration/audit"


def sign_in(client: Client, name: str, password: str = factories.PASSWORD) -> Any:
    return client.post("/sign-in", {"username": name, "password": password})


def of_kind(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind))


def test_a_sign_in_says_who_by_what_way_and_from_where(alice: User) -> None:
    sign_in(Client(REMOTE_ADDR="192.0.2.7"), alice.email)
    (event,) = of_kind("sign_in.done")
    assert (event.actor, event.object_id, event.address) == (alice, alice.pk, "192.0.2.7")
    assert event.data["way"] == "password"


def test_signing_out_is_an_event(alice: User, client_of: ClientOf) -> None:
    client_of(alice).post("/sign-out")
    assert [event.actor for event in of_kind("sign_in.left")] == [alice]


def test_a_failure_names_the_account_and_no_name_that_nobody_has(alice: User, db: None) -> None:
    client = Client(REMOTE_ADDR="192.0.2.8")
    sign_in(client, alice.email, WRONG)
    sign_in(client, "hunter2 typed in the wrong field", WRONG)
    unknown, known = Event.objects.filter(kind="sign_in.failed").order_by("-id")
    assert (known.object_id, known.actor, known.address) == (alice.pk, None, "192.0.2.8")
    assert unknown.object_id is None
    assert "hunter2" not in str(unknown.data)
    assert WRONG not in str(known.data)


def test_ten_failures_are_told_as_a_lock(alice: User, admin: User, client_of: ClientOf) -> None:
    for _attempt in range(throttle.FAILURES + 3):
        sign_in(Client(), alice.email, WRONG)
    assert [event.object_id for event in of_kind("sign_in.locked")] == [alice.pk]
    page = client_of(admin).get(AUDIT).content.decode()
    assert "Locked after too many failed sign-ins" in page


def test_a_flood_of_failures_does_not_flood_the_list(db: None) -> None:
    client = Client(REMOTE_ADDR="192.0.2.9")
    for number in range(45):
        sign_in(client, f"nobody{number}@example.com", WRONG)
    assert len(of_kind("sign_in.failed")) == 30
    assert len(of_kind("sign_in.flood")) == 1


def test_a_wrong_key_is_told_of_once_and_never_written_down(client: Client, db: None) -> None:
    for _again in range(3):
        answer = client.get("/api/v1/me", headers={"Authorization": "Bearer fn_wrong-as-can-be"})
        assert answer.status_code == 401
    (event,) = of_kind("key.refused")
    assert event.data["code"] == "INVALID_KEY"
    assert "wrong-as-can-be" not in str(event.data)


def test_a_revoked_key_is_named(alice: User, client: Client) -> None:
    with entered(scope_of(alice)):
        key, plain = services.create_api_key(owner=alice, name="nightly", scope=KeyScope.READ)
        services.revoke_api_key(key=key)
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"})
    assert [event.data["name"] for event in of_kind("key.refused")] == [f"nightly ({alice.email})"]


def test_a_key_of_a_stopped_application_is_named(client: Client, db: None) -> None:
    with system_scope("test: an application is stopped"):
        made = applications.create_application(name="ERP", acts="service")
        _key, plain = applications.create_key(application=made, name="live")
        applications.set_active(application=made, is_active=False)
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"})
    assert [event.data["name"] for event in of_kind("key.refused")] == ["live (ERP)"]


def test_who_tries_administration_without_the_right_is_told_of(
    carol: User, client_of: ClientOf
) -> None:
    browser = client_of(carol)
    for _again in range(2):
        assert browser.get(AUDIT).status_code == 403
    (event,) = of_kind("access.denied")
    assert event.actor == carol
    assert event.data == {"name": "events:audit", "needs": "installation.administer"}


def test_ones_own_page_shows_what_happened_to_the_account(
    alice: User, carol: User, client_of: ClientOf
) -> None:
    sign_in(Client(REMOTE_ADDR="192.0.2.10"), alice.email, WRONG)
    page = client_of(alice).get("/me/security").content.decode()
    assert "Sign-in failed" in page
    assert "192.0.2.10" in page
    assert "192.0.2.10" not in client_of(carol).get("/me/security").content.decode()


@pytest.mark.usefixtures("inline_jobs")
def test_a_new_password_is_told_by_mail(alice: User, client_of: ClientOf, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    client_of(alice).post(
        "/me/password",
        {"current": factories.PASSWORD, "password": "Violet-otter-climbs-7-ladders"},
    )
    (sent,) = mail.outbox
    assert sent.to == [alice.email]
    assert "Password changed" in sent.subject
    assert re.search(r"https?://\S+/me/security", sent.body)


def test_without_a_mail_server_nobody_is_written_to(
    alice: User,
    sent_jobs: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True), entered(scope_of(alice)):
        services.change_password(user=alice, password=factories.PASSWORD)
    assert "accounts.tell" not in {name for name, _arguments in sent_jobs}


def test_a_mail_that_cannot_be_sent_is_sent_later(
    alice: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    sent_jobs: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    monkeypatch.setattr(notices, "send_mail", _no_server)
    with django_capture_on_commit_callbacks(execute=True), entered(scope_of(alice)):
        services.change_password(user=alice, password=factories.PASSWORD)
    (name, arguments) = sent_jobs[-1]
    assert name == "accounts.tell"
    with django_capture_on_commit_callbacks(execute=True), system_scope("test: a worker"):
        notices.tell(arguments["event_id"], tries=arguments["tries"])
    assert sent_jobs[-1] == ("accounts.tell", {"event_id": arguments["event_id"], "tries": 1})


def _no_server(*_args: object, **_kwargs: object) -> None:
    raise ConnectionRefusedError


def test_locks_from_many_addresses_are_listed_and_mailed_so_often_only(
    alice: User, settings: Any, sent_jobs: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    settings.EMAIL_HOST = "mail.example.com"
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(13):
            request = RequestFactory().post("/sign-in", REMOTE_ADDR=f"192.0.2.{number}")
            user_locked_out.send("test", request=request, username=str(alice.pk), ip_address="")
    assert len(of_kind("sign_in.locked")) == 10
    assert [name for name, _kwargs in sent_jobs].count("accounts.tell") == 1
