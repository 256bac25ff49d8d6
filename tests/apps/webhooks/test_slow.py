"""One address that is slow or dead costs the others nothing, and nobody more than one worker."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.events.models import Event
from apps.permissions.scope import entered
from apps.webhooks import delivery, sending, services
from apps.webhooks.models import Delivery, Round, Webhook
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.webhooks.conftest import Listener
from tests.apps.webhooks.test_webhooks import ClientOf, erp, happens, hook, run

__all__ = ["erp", "hook"]


@pytest.fixture
def dripping(settings: Any) -> Iterator[str]:
    """The address of a receiver that answers a byte at a time, and never ends."""
    server = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while True:
                came, _peer = server.accept()
                threading.Thread(target=drip, args=(came,), daemon=True).start()

    def drip(came: socket.socket) -> None:
        with suppress(OSError), came:
            came.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not is_over.wait(0.05):
                came.sendall(b"x")

    threading.Thread(target=serve, daemon=True).start()
    place = f"127.0.0.1:{server.getsockname()[1]}"
    settings.WEBHOOK_HOSTS = [place]
    yield f"http://{place}/"
    is_over.set()
    server.close()


def test_an_answer_that_drips_is_given_up(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TOTAL_S", 0.5)
    with pytest.raises(sending.NotTaken, match="timeout"):
        sending.post(dripping, b"{}", {})


def test_while_one_round_sends_another_does_nothing(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    happens(alice, collection)
    Round.objects.create(pk=1, claimed_until=timezone.now() + timedelta(minutes=1))
    assert run() == 0
    Round.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))  # it was cut off
    assert run() == 1
    assert Round.objects.get().claimed_until is None


def test_thousands_that_wait_for_a_dead_address_hold_up_no_other(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    dead = factories.make_webhook(
        hook.owner, url="http://127.0.0.1:1/", application=hook.application
    )
    long_ago = timezone.now() - timedelta(days=1)
    ready = "document.ready"
    before = Event.objects.bulk_create(
        Event(kind=ready, collection_id=collection.pk) for _ in range(300)
    )
    Delivery.objects.bulk_create(
        Delivery(webhook=dead, event_id=event.pk, kind=ready, next_try_at=long_ago)
        for event in before
    )
    happens(alice, collection)
    run()
    assert listener.came
    dead.refresh_from_db()
    assert dead.failures == 1


def test_an_address_that_fails_rests_with_all_its_messages(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    listener.status = 500
    happens(alice, collection)
    happens(alice, collection)
    run()
    run()
    assert len(listener.came) == 1
    Webhook.objects.update(next_try_at=timezone.now())
    run()
    assert len(listener.came) == 2


def test_a_round_ends_in_time_and_the_next_begins_with_who_waited(
    alice: User,
    collection: Collection,
    hook: Webhook,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = factories.make_webhook(
        hook.owner, url=f"{listener.url}/b", application=hook.application
    )
    happens(alice, collection)
    monkeypatch.setattr(delivery, "ROUND_S", 0.0)
    monkeypatch.setattr(delivery, "post", lambda *_: time.sleep(0.01) or 200)
    assert run() == 1
    assert run() == 1
    states = Delivery.objects.filter(webhook__in=[hook, other]).values_list("state", flat=True)
    assert list(states) == [Delivery.State.DELIVERED] * 2


def test_what_is_not_due_is_not_claimed(alice: User, collection: Collection, hook: Webhook) -> None:
    event = happens(alice, collection)
    made = Delivery.objects.create(
        webhook=hook, event_id=event.pk, kind=event.kind,
        next_try_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    assert not delivery._claimed(made)


def test_one_failure_days_ago_and_one_today_switch_nothing_off(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    long_ago = timezone.now() - timedelta(days=6)
    Webhook.objects.update(failing_since=long_ago, failed_days=1, failed_on=long_ago.date())
    happens(alice, collection)
    listener.status = 500
    run()
    hook.refresh_from_db()
    assert hook.off == ""


def test_what_waits_when_it_is_switched_off_is_not_sent_when_it_goes_on(
    alice: User, admin: User, collection: Collection, hook: Webhook, listener: Listener,
    client_of: ClientOf,
) -> None:  # fmt: skip
    listener.status = 500
    happens(alice, collection)
    run()
    with entered(scope_of(admin)):
        services.set_on(webhook=hook, is_on=False)
        services.set_on(webhook=hook, is_on=True)
    listener.status = 200
    assert run() == 0
    assert Delivery.objects.get().state == Delivery.State.FAILED
    browser: Client = client_of(admin)
    page = browser.get(f"/administration/webhooks/{hook.pk}").content.decode()
    assert "given up" in page


def test_messages_that_are_over_are_removed_after_a_month(admin: User) -> None:
    on, off = factories.make_webhook(admin), factories.make_webhook(admin, off="by_hand")
    kept = {"waiting", "young"}
    for name, webhook, state in (
        ("waiting", on, Delivery.State.WAITING),
        ("delivered", on, Delivery.State.DELIVERED),
        ("failed", on, Delivery.State.FAILED),
        ("waiting for nothing", off, Delivery.State.WAITING),
        ("young", off, Delivery.State.DELIVERED),
    ):
        made = Delivery.objects.create(webhook=webhook, event_id=uuid4(), kind=name, state=state)
        if name != "young":
            long_ago = timezone.now() - timedelta(days=31)
            Delivery.objects.filter(pk=made.pk).update(created_at=long_ago)
    assert delivery.forget() == 3
    assert set(Delivery.objects.values_list("kind", flat=True)) == kept
