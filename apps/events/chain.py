"""The list of events as a chain: each carries a hash over itself and the one before.

A job appends links, in the order in which it finds what was committed, so nobody who records an
event waits for another. The place in the chain, ``position``, is also what exports go by: it grows
without gaps, and nothing is ever put in before what was already there.
"""

import hashlib
import json
import math
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from apps.events.models import Chain, Event

# So many links in one transaction.
BATCH = 500
FIRST = "0" * 64
_left_out: list[Callable[[], Q]] = []


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at the whole chain found. ``broken_at``: the first place where it does not hold,
    ``reason`` why; 0 and empty when it is whole."""

    length: int
    erased: int
    waiting: int
    head: str
    broken_at: int = 0
    reason: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.reason


def leave_out(which: Callable[[], Q]) -> None:
    """Events that never come into the chain: of what is planted for a proof, and removed after it."""
    _left_out.append(which)


def waiting() -> QuerySet[Event]:
    """Events that have no place in the chain yet."""
    rows = Event.objects.filter(position=None)
    for which in _left_out:
        rows = rows.exclude(which())
    return rows


def content_of(event: Event) -> bytes:
    """What the digest of an event covers, as bytes that do not depend on who writes them."""
    fields = {
        "id": event.pk,
        "kind": event.kind,
        "actor": event.actor_id,
        "key": event.api_key_id,
        "application": event.application_id,
        "on_behalf_of": event.on_behalf_of,
        "address": event.address,
        "workspace": event.workspace_id,
        "collection": event.collection_id,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "data": event.data,
        "created_at": event.created_at.isoformat(),
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return text.encode()


def digest_of(event: Event) -> str:
    """Salted, so that what was erased cannot be found again by trying names."""
    return hashlib.sha256(event.salt.encode() + content_of(event)).hexdigest()


def link_of(before: str, position: int, event: Event) -> str:
    """The hash that holds the chain together: over the one before, the place and the digest."""
    return hashlib.sha256(f"{before}\n{position}\n{event.pk}\n{event.digest}".encode()).hexdigest()


def extend() -> int:
    """Append every event that is not in the chain yet. Returns how many were. Runs beside itself
    without harm: of two at the same time one does nothing."""
    done = 0
    while count := _extend_batch():
        done += count
    return done


@transaction.atomic
def _extend_batch() -> int:
    head = _head()
    rows = list(waiting().order_by("id")[:BATCH])
    if not rows:
        return 0
    position, before = head.position, head.link
    for event in rows:
        position += 1
        event.salt = secrets.token_hex(16)
        event.digest = digest_of(event)
        event.position, event.link = position, link_of(before, position, event)
        before = event.link
    # One conditional UPDATE decides who of two goes on; only then the events are touched.
    mine = Chain.objects.filter(pk=head.pk, position=head.position)
    if not mine.update(position=position, link=before, sealed_at=timezone.now()):
        return 0
    Event.objects.bulk_update(rows, ["position", "salt", "digest", "link"], batch_size=100)
    return len(rows)


def _head() -> Chain:
    return Chain.objects.get_or_create(pk=1, defaults={"link": FIRST})[0]


# --- looking --------------------------------------------------------------------------------------
def verify() -> Report:
    """Read the chain from its beginning and compare everything, up to where it ended at first: what
    others append or erase meanwhile is no fault."""
    head, before, position, erased = _head(), FIRST, 0, 0
    for event in _in_order(head):
        position += 1
        reason = _fault(event, before, position)
        if reason:
            return _report(head, erased, position, reason)
        before = event.link
        erased += event.erased_by is not None
    if (position, before) != (head.position, head.link) or _goes_on_after_its_end():
        return _report(head, erased, position + 1, "end")
    if not _erasures_agree(head):
        return _report(head, erased, position, "erasure")
    return _report(head, erased)


def check() -> Report:
    """``verify``, remembered for the audit page."""
    report = verify()
    Chain.objects.filter(pk=1).update(
        checked_at=timezone.now(),
        checked_to=report.length,
        broken_at=report.broken_at,
        reason=report.reason,
    )
    return report


def state() -> Chain:
    """How far the chain goes, and what the last comparison found."""
    return _head()


def _in_order(head: Chain) -> Iterator[Event]:
    rows = Event.objects.filter(position__lte=head.position)
    return rows.order_by("position").iterator(chunk_size=1000)


def _goes_on_after_its_end() -> bool:
    """Read in this order: an end that is read later is never before what was read earlier."""
    last = Event.objects.aggregate(last=Max("position"))["last"] or 0
    return last > _head().position


def _fault(event: Event, before: str, position: int) -> str:
    if event.position != position:
        return "missing"
    if event.erased_by is None and digest_of(event) != event.digest:
        return "changed"
    return "" if link_of(before, position, event) == event.link else "link"


def _report(head: Chain, erased: int, broken_at: int = 0, reason: str = "") -> Report:
    return Report(head.position, erased, waiting().count(), head.link, broken_at, reason)


def _erasures_agree(head: Chain) -> bool:
    """Whether as many events are empty as each erasure says. One that came meanwhile may be told of
    by events that were counted before it; one in the chain up to ``head`` may not."""
    counted = _counted_erasures()
    told = {event.pk: event for event in _told_erasures()}
    before = {pk for pk, event in told.items() if (event.position or math.inf) <= head.position}
    return counted.keys() <= told.keys() and all(
        counted.get(pk, 0) == told[pk].data["count"] for pk in before | counted.keys()
    )


def _told_erasures() -> list[Event]:
    rows = Event.objects.filter(kind="events.erased", erased_by=None)
    return [event for event in rows if event.data.get("count")]


def _counted_erasures() -> dict[UUID, int]:
    rows = Event.objects.exclude(erased_by=None).order_by()
    counted = rows.values_list("erased_by").annotate(count=Count("pk"))
    return {pk: count for pk, count in counted if pk is not None}
