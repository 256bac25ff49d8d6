"""From events to addresses: who is told of what, and what came of it.

Each address has a place in the chain of events up to which it was looked at. What it may see is
asked anew when a message is made and again when it is sent, as it is then.
"""

import json
import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone, translation

from apps.applications.rights import own_scope
from apps.core import sealing
from apps.core.errors import AppError
from apps.events import chain
from apps.events import services as events
from apps.events.models import Event
from apps.events.queries import visible_events
from apps.events.sentences import sentence_of
from apps.permissions.scope import NOBODY, Scope, entered
from apps.webhooks import signing
from apps.webhooks.models import Delivery, Off, Round, Webhook
from apps.webhooks.sending import NotTaken, post
from apps.workspaces.scopes import scope_of

log = logging.getLogger(__name__)
_BATCH = 200
_LEASE = timedelta(minutes=2)
# A round begins nothing new after so long, and stays with one address for so long at most: then it
# is the turn of others. One post more may follow either.
ROUND_S, SHARE_S = 30.0, 5.0
# After each failure, as Standard Webhooks proposes it: a bit less than four days in all.
RETRIES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
# However long a message waits, the address itself is tried again after this.
_LONGEST_REST = timedelta(hours=1)
OFF_AFTER = timedelta(days=5)
# On so many days something failed since the last success: one failure long ago switches nothing off.
OFF_DAYS = 5
KEPT = timedelta(days=30)


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
    """Send what is due, an address after the other. Returns how many were delivered. One round at a
    time: while another is under way, nothing is done."""
    until = _round_claimed()
    if until is None:
        return 0
    try:
        return _round()
    finally:
        Round.objects.filter(claimed_until=until).update(claimed_until=None)


def _round_claimed() -> datetime | None:
    """When the claim ends, which is also what proves it; None when somebody else has it."""
    Round.objects.get_or_create(pk=1)
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    mine = Round.objects.filter(free, pk=1).update(claimed_until=now + _LEASE)
    return now + _LEASE if mine else None


def _round() -> int:
    done, ends = 0, time.monotonic() + ROUND_S
    for webhook in _ready():
        done += _serve(webhook)
        if time.monotonic() > ends:
            break
    return done


def _ready() -> list[Webhook]:
    """Addresses that something is due for and that may be tried; who waited longest comes first."""
    now = timezone.now()
    waiting = _due(now).filter(webhook=OuterRef("pk"))
    may = Q(next_try_at=None) | Q(next_try_at__lte=now)
    rows = Webhook.objects.filter(may, Exists(waiting), off="")
    rows = rows.select_related("application", "owner")
    return list(rows.order_by(F("served_at").asc(nulls_first=True), "id"))


def _due(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state=Delivery.State.WAITING, next_try_at__lte=now)


def _serve(webhook: Webhook) -> int:
    """Its oldest messages, until one is not taken or its share of the round is over."""
    now, ends, done = timezone.now(), time.monotonic() + SHARE_S, 0
    Webhook.objects.filter(pk=webhook.pk).update(served_at=now)
    for delivery in _due(now).filter(webhook=webhook).order_by("next_try_at", "id")[:_BATCH]:
        if time.monotonic() > ends:
            break
        if not _claimed(delivery):
            continue
        delivery.webhook = webhook
        if not _sent(delivery):
            break
        done += 1
    return done


def _sent(delivery: Delivery) -> bool:
    """``_send``; a secret that no key opens counts as a try, and does not end the round of others."""
    try:
        return _send(delivery)
    except (AppError, ValueError) as error:
        log.warning("a webhook could not be signed: %s", type(error).__name__)
        _failed(delivery, None, "error")
        return False


def _claimed(delivery: Delivery) -> bool:
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    rows = _due(now).filter(free, pk=delivery.pk)
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
        Webhook.objects.filter(pk=delivery.webhook_id).update(
            failing_since=None, failures=0, failed_on=None, failed_days=0, next_try_at=None
        )
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
    _rest(delivery.webhook)
    if status == 410:
        _switch_off(delivery.webhook, Off.GONE)
    elif _is_dead(delivery.webhook):
        _switch_off(delivery.webhook, Off.FAILING)


def _rest(webhook: Webhook) -> None:
    """Leave the address alone for a while, the longer the more often it failed in a row."""
    now = timezone.now()
    webhook.refresh_from_db(fields=["failures", "failing_since", "failed_on", "failed_days"])
    wait = RETRIES[min(webhook.failures, len(RETRIES) - 1)]
    webhook.next_try_at = now + min(wait, _LONGEST_REST)
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    if webhook.failed_on != now.date():
        webhook.failed_on, webhook.failed_days = now.date(), webhook.failed_days + 1
    webhook.save(
        update_fields=["failures", "failing_since", "failed_on", "failed_days", "next_try_at"]
    )


def _is_dead(webhook: Webhook) -> bool:
    since = webhook.failing_since
    is_long = since is not None and timezone.now() - since > OFF_AFTER
    return is_long and webhook.failed_days >= OFF_DAYS


def _note(
    delivery: Delivery,
    *,
    state: Delivery.State,
    status: int | None = None,
    reason: str = "",
    again: datetime | None = None,
) -> None:
    """What came of a try; nothing where it was given up in the meantime."""
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING).update(
        state=state,
        status=status,
        reason=reason,
        attempts=F("attempts") + 1,
        tried_at=timezone.now(),
        next_try_at=again,
        claimed_until=None,
    )


def _switch_off(webhook: Webhook, why: Off) -> None:
    if Webhook.objects.filter(pk=webhook.pk, off="").update(off=why):
        log.warning("webhook %s switched off: %s", webhook.pk, why)
        events.record("webhook.switched_off", webhook, name=webhook.name, reason=why)


# --- forgetting -----------------------------------------------------------------------------------
def forget() -> int:
    """Remove messages that are a month old, but those that are still to be sent. Returns how many."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT)
    return old.exclude(state=Delivery.State.WAITING, webhook__off="").delete()[0]
