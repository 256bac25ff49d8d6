"""From events to addresses: who is told of what, and what came of it.

Each address has a place in the chain of events up to which it was looked at. What it may see is
asked anew when a message is made and again when it is sent, as it is then.
"""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation

from apps.applications.rights import own_scope
from apps.core import sealing
from apps.events import chain
from apps.events import services as events
from apps.events.models import Event
from apps.events.queries import visible_events
from apps.events.sentences import sentence_of
from apps.permissions.scope import NOBODY, Scope, entered
from apps.webhooks import signing
from apps.webhooks.models import Delivery, Off, Webhook
from apps.webhooks.sending import NotTaken, post
from apps.workspaces.scopes import scope_of

log = logging.getLogger(__name__)
_BATCH = 200
_LEASE = timedelta(minutes=2)
# After each failure, as Standard Webhooks proposes it: a bit less than four days in all.
RETRIES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
OFF_AFTER = timedelta(days=5)


def scope_for(webhook: Webhook) -> Scope:
    """What it may be told of: what its application was granted itself, or what the administrator
    who registered it may see. NOBODY once they are not that any more."""
    if webhook.application is not None:
        return own_scope(webhook.application)
    owner = webhook.owner
    return scope_of(owner) if owner.is_active and owner.is_administrator else NOBODY


# --- making messages ------------------------------------------------------------------------------
def plan() -> int:
    """A message for every new event that an address is told of. Returns how many were made."""
    rows = Webhook.objects.filter(off="").select_related("application", "owner")
    return sum(_plan(webhook) for webhook in rows)


@transaction.atomic
def _plan(webhook: Webhook) -> int:
    head = chain.state().position
    with entered(scope_for(webhook)):
        new = visible_events().filter(position__gt=webhook.position, position__lte=head)
        found = list(new.filter(kind__in=webhook.kinds).order_by("position")[:_BATCH])
    reached = (found[-1].position or head) if len(found) == _BATCH else head
    mine = Webhook.objects.filter(pk=webhook.pk, position=webhook.position)
    if not mine.update(position=reached):  # another worker has just done this
        return 0
    now = timezone.now()
    made = [
        Delivery(webhook=webhook, event_id=event.pk, kind=event.kind, next_try_at=now)
        for event in found
    ]
    Delivery.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


# --- sending --------------------------------------------------------------------------------------
def deliver() -> int:
    """Send what is due. After a failure the same address is left alone until the next run. Returns
    how many were delivered."""
    done, left_alone = 0, set()
    for delivery in _due():
        if delivery.webhook_id in left_alone or not _claimed(delivery):
            continue
        if _send(delivery):
            done += 1
        else:
            left_alone.add(delivery.webhook_id)
    return done


def _due() -> list[Delivery]:
    rows = Delivery.objects.filter(
        state=Delivery.State.WAITING, next_try_at__lte=timezone.now(), webhook__off=""
    )
    related = ("webhook__application", "webhook__owner")
    return list(rows.select_related(*related).order_by("next_try_at", "id")[:_BATCH])


def _claimed(delivery: Delivery) -> bool:
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    rows = Delivery.objects.filter(free, pk=delivery.pk, state=Delivery.State.WAITING)
    return bool(rows.update(claimed_until=now + _LEASE))


def _send(delivery: Delivery) -> bool:
    event = _still_seen(delivery)
    if event is None:
        _note(delivery, state=Delivery.State.WITHHELD)
        return True
    body = body_of(event)
    now = int(timezone.now().timestamp())
    headers = signing.headers(
        _secrets(delivery.webhook), message_id=delivery.message_id, timestamp=now, body=body
    )
    try:
        status, reason = post(delivery.webhook.url, body, headers), ""
    except NotTaken as error:
        status, reason = None, error.reason
    if status is not None and 200 <= status < 300:
        _note(delivery, state=Delivery.State.DELIVERED, status=status)
        Webhook.objects.filter(pk=delivery.webhook_id).update(failing_since=None)
        return True
    _failed(delivery, status, reason)
    return False


def _still_seen(delivery: Delivery) -> Event | None:
    with entered(scope_for(delivery.webhook)):
        return visible_events().filter(pk=delivery.event_id, erased_by=None).first()


def body_of(event: Event) -> bytes:
    """Ids and a sentence; no names, no text of documents. What it is about is asked of the API."""
    with translation.override(settings.LANGUAGE_CODE):
        sentence = sentence_of(event.kind)
    about: dict[str, Any] = {
        "event_id": event.pk,
        "sentence": sentence,
        "object": event.object_type,
        "id": event.object_id,
        "workspace_id": event.workspace_id,
        "collection_id": event.collection_id,
        "code": event.data.get("code"),
    }
    data = {name: str(value) for name, value in about.items() if value not in ("", None)}
    at = event.created_at.isoformat().replace("+00:00", "Z")
    return json.dumps({"type": event.kind, "timestamp": at, "data": data}).encode()


def _secrets(webhook: Webhook) -> list[str]:
    kept = [webhook.sealed_secret]
    if webhook.before_until is not None and webhook.before_until > timezone.now():
        kept.append(webhook.sealed_before)
    return [sealing.unseal(each) for each in kept]


def _failed(delivery: Delivery, status: int | None, reason: str) -> None:
    now = timezone.now()
    is_last = delivery.attempts >= len(RETRIES)
    again = None if is_last else now + RETRIES[delivery.attempts]
    state = Delivery.State.FAILED if is_last else Delivery.State.WAITING
    _note(delivery, state=state, status=status, reason=reason, again=again)
    webhook = delivery.webhook
    since = webhook.failing_since or now
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    if status == 410:
        _switch_off(webhook, Off.GONE)
    elif now - since > OFF_AFTER:
        _switch_off(webhook, Off.FAILING)


def _note(
    delivery: Delivery,
    *,
    state: Delivery.State,
    status: int | None = None,
    reason: str = "",
    again: datetime | None = None,
) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state,
        status=status,
        reason=reason,
        attempts=delivery.attempts + 1,
        tried_at=timezone.now(),
        next_try_at=again,
        claimed_until=None,
    )


def _switch_off(webhook: Webhook, why: Off) -> None:
    if Webhook.objects.filter(pk=webhook.pk, off="").update(off=why):
        log.warning("webhook %s switched off: %s", webhook.pk, why)
        events.record("webhook.switched_off", webhook, name=webhook.name, reason=why)
