"""Other programs are told what happens: what their owner may see, signed, until it arrived."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.applications import services as applications
from apps.applications.models import Application
from apps.core.errors import AppError
from apps.events import chain
from apps.events import services as events
from apps.events.models import Event
from apps.permissions.scope import Scope, ScopeDenied, entered, system_scope
from apps.webhooks import delivery, services, signing
from apps.webhooks.models import Delivery, Off, Webhook
from apps.webhooks.sending import checked
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make, make_program
from tests.apps.webhooks.conftest import Listener

__all__ = ["make_program"]
ClientOf = Callable[[User], Client]


def happens(user: User, collection: Collection, kind: str = "document.ready") -> Event:
    with entered(scope_of(user)):
        return events.record(
            kind,
            collection_id=collection.pk,
            workspace_id=collection.workspace_id,
            name="Secret plan.pdf",
        )


def run() -> int:
    """As the worker does, five seconds later."""
    with system_scope("test: a worker"):
        chain.extend()
        delivery.plan()
        return delivery.deliver()


@pytest.fixture
def erp(db: None) -> Application:
    with system_scope("test: an application"):
        return applications.create_application(name="ERP", acts="service", scopes=["read"])


@pytest.fixture
def hook(admin: User, erp: Application, listener: Listener, collection: Collection) -> Webhook:
    """Of an application that was granted ``collection``."""
    factories.make_grant(collection, erp.account)
    return factories.make_webhook(admin, url=listener.url, application=erp)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it, written from the specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(each == f"v1,{right}" for each in headers["webhook-signature"].split(" "))


def test_the_published_example_has_the_published_signature() -> None:
    made = signing.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_is_signed_and_carries_ids_and_a_sentence(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    event = happens(alice, collection)
    assert run() == 1
    ((headers, body),) = listener.came
    assert verified(factories.WEBHOOK_SECRET, headers, body)
    said = json.loads(body)
    assert said["type"] == "document.ready"
    assert said["data"]["event_id"] == str(event.pk)
    assert said["data"]["sentence"] == "Document searchable"
    assert said["data"]["collection_id"] == str(collection.pk)
    assert b"Secret plan" not in body
    assert run() == 0
    assert len(listener.came) == 1


def test_an_application_is_told_only_of_what_it_was_granted(
    alice: User,
    collection: Collection,
    other_collection: Collection,
    hook: Webhook,
    listener: Listener,
) -> None:
    happens(alice, other_collection)
    assert run() == 0
    assert listener.came == []
    assert not Delivery.objects.exists()


def test_a_right_that_ends_before_the_message_is_sent_withholds_it(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    happens(alice, collection)
    with system_scope("test: a worker"):
        chain.extend()
        assert delivery.plan() == 1
        collection.grants.filter(user=hook.application.account).delete()  # type: ignore[union-attr]
        delivery.deliver()
    assert listener.came == []
    assert Delivery.objects.get().state == Delivery.State.WITHHELD


def test_an_administrator_is_told_of_no_documents_that_they_may_not_read(
    alice: User, admin: User, collection: Collection, listener: Listener
) -> None:
    factories.make_webhook(admin, url=listener.url)
    happens(alice, collection)
    assert run() == 0
    with system_scope("test: the administrator takes a role"):
        factories.make_member(collection.workspace, admin)
        factories.make_grant(collection, admin)
    happens(alice, collection)
    assert run() == 1
    admin.is_administrator = False
    admin.save()
    happens(alice, collection)
    assert run() == 0


def test_what_is_not_taken_is_sent_again_later_with_the_same_id(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    happens(alice, collection)
    listener.status = 503
    assert run() == 0
    first = Delivery.objects.get()
    assert (first.status, first.attempts, first.state) == (503, 1, Delivery.State.WAITING)
    assert run() == 0
    assert len(listener.came) == 1  # it is not time yet
    Delivery.objects.update(next_try_at=timezone.now())
    Webhook.objects.update(next_try_at=None)
    listener.status = 200
    assert run() == 1
    assert len({headers["webhook-id"] for headers, _body in listener.came}) == 1
    hook.refresh_from_db()
    assert hook.failing_since is None


def test_after_days_of_failures_it_is_switched_off_and_says_so(
    alice: User,
    admin: User,
    collection: Collection,
    hook: Webhook,
    listener: Listener,
    client_of: ClientOf,
) -> None:
    long_ago = timezone.now() - timedelta(days=6)
    Webhook.objects.update(failing_since=long_ago, failed_days=4, failed_on=long_ago.date())
    happens(alice, collection)
    listener.status = 500
    run()
    hook.refresh_from_db()
    assert hook.off == Off.FAILING
    assert Event.objects.filter(kind="webhook.switched_off").exists()
    page = client_of(admin).get(f"/administration/webhooks/{hook.pk}").content.decode()
    assert "it did not answer for five days" in page


def test_gone_switches_it_off_at_once(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    happens(alice, collection)
    listener.status = 410
    run()
    hook.refresh_from_db()
    assert hook.off == Off.GONE


def test_no_redirect_is_followed(
    alice: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    happens(alice, collection)
    listener.status, listener.location = 307, "http://169.254.169.254/latest"
    assert run() == 0
    assert Delivery.objects.get().status == 307
    assert len(listener.came) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "http://8.8.8.8/hook",
        "ftp://8.8.8.8/",
        "https://user:password@8.8.8.8/",
    ],
)
def test_nothing_is_registered_that_leads_inside_or_is_not_encrypted(url: str, db: None) -> None:
    with pytest.raises(AppError):
        checked(url)


def test_an_address_that_came_to_lead_inside_is_not_asked(
    alice: User, collection: Collection, hook: Webhook, listener: Listener, settings: Any
) -> None:
    settings.WEBHOOK_HOSTS = []
    happens(alice, collection)
    assert run() == 0
    assert listener.came == []
    assert Delivery.objects.get().reason == "not_allowed"


def test_a_replaced_secret_signs_beside_the_new_one_for_a_while(
    alice: User, admin: User, collection: Collection, hook: Webhook, listener: Listener
) -> None:
    with entered(scope_of(admin)):
        new = services.rotate(webhook=hook)
    happens(alice, collection)
    run()
    ((headers, body),) = listener.came
    assert verified(factories.WEBHOOK_SECRET, headers, body)
    assert verified(new, headers, body)
    Webhook.objects.update(before_until=timezone.now())
    happens(alice, collection)
    run()
    headers, body = listener.came[1]
    assert not verified(factories.WEBHOOK_SECRET, headers, body)
    assert verified(new, headers, body)


def test_a_message_can_be_sent_again_by_hand(
    alice: User,
    admin: User,
    collection: Collection,
    hook: Webhook,
    listener: Listener,
    client_of: ClientOf,
) -> None:
    happens(alice, collection)
    run()
    sent = Delivery.objects.get()
    page = f"/administration/webhooks/{hook.pk}"
    assert client_of(admin).post(f"{page}/deliveries/{sent.pk}/again").status_code == 302
    assert run() == 1
    assert len(listener.came) == 2


def test_the_secret_is_shown_once_and_sealed(
    admin: User, client_of: ClientOf, listener: Listener
) -> None:
    browser = client_of(admin)
    values = {"name": "ERP", "url": listener.url, "kinds": ["document.ready"]}
    made = browser.post("/administration/webhooks", values)
    assert made.status_code == 201, made.content.decode()
    assert "whsec_" in made.content.decode()
    row = Webhook.objects.get()
    assert "whsec_" not in row.sealed_secret
    assert "whsec_" not in browser.get(f"/administration/webhooks/{row.pk}").content.decode()


def test_an_application_registers_its_own_and_sees_no_other(
    make_program: Make, admin: User, listener: Listener
) -> None:
    program = make_program(name="ERP", acts="service", scopes=["read", "webhooks"])
    other = factories.make_webhook(admin)
    body = {"name": "mine", "url": listener.url, "kinds": ["document.ready"]}
    made = program.client.post(
        "/api/v1/webhooks", body, content_type="application/json", headers=program.headers()
    )
    assert made.status_code == 201, made.content
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["application"] == str(program.application.pk)
    mine = program.client.get("/api/v1/webhooks", headers=program.headers()).json()["items"]
    assert [row["id"] for row in mine] == [made.json()["id"]]
    theirs = f"/api/v1/webhooks/{other.pk}"
    assert program.client.get(theirs, headers=program.headers()).status_code == 404


def test_without_the_scope_an_application_registers_nothing(make_program: Make) -> None:
    program = make_program(name="ERP", acts="service", scopes=["read", "ask", "write", "manage"])
    answer = program.client.get("/api/v1/webhooks", headers=program.headers())
    assert answer.status_code == 403


def test_it_is_not_for_strangers(carol: User, admin: User, client_of: ClientOf) -> None:
    hook = factories.make_webhook(admin)
    browser = client_of(carol)
    assert browser.get("/administration/webhooks").status_code == 403
    assert browser.get(f"/api/v1/webhooks/{hook.pk}").status_code == 404
    with entered(scope_of(carol)), pytest.raises(ScopeDenied):
        services.delete_webhook(webhook=hook)


def test_what_was_before_is_not_told(
    alice: User, admin: User, collection: Collection, listener: Listener
) -> None:
    happens(alice, collection)
    with system_scope("test: a worker"):
        chain.extend()
    with entered(scope_of(admin)):
        services.create_webhook(name="n", url=listener.url, kinds=["document.ready"])
    with entered(Scope(actor_id=UUID(int=1))):
        assert run() == 0
    assert not Delivery.objects.exists()
