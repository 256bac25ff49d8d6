"""Sends what was sealed, from where the last batch ended. Nothing waits for it."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.events.models import Event, Relay
from apps.events.siem.message import line_of
from apps.events.siem.sending import NotSent, Target, send

log = logging.getLogger(__name__)
SYSLOG = "syslog"
BATCH = 200
# A run that was cut off is taken over after so long.
LEASE = timedelta(minutes=2)
_LONGEST_WAIT = timedelta(minutes=10)


def state() -> Relay | None:
    """How far events were sent, and what went wrong last; None when they are sent nowhere."""
    if not settings.SYSLOG:
        return None
    return Relay.objects.get_or_create(name=SYSLOG)[0]


def behind(relay: Relay) -> int:
    """How many sealed events are still to be sent."""
    return Event.objects.filter(position__gt=relay.position).count()


def run() -> int:
    """Send every event that is due. Returns how many were. At least once each: what is not known
    to have arrived is sent again, with the same id."""
    relay, sent = state(), 0
    if relay is None or not _claimed(relay):
        return 0
    try:
        while rows := _next(relay):
            send([line_of(event) for event in rows], _target())
            sent += len(rows)
            _note_sent(relay, rows[-1].position or 0)
    except NotSent as error:
        _note_failure(relay, error.reason)
    finally:
        Relay.objects.filter(pk=relay.pk).update(claimed_until=None)
    return sent


def _claimed(relay: Relay) -> bool:
    """One conditional UPDATE decides who sends; nobody does before it is time to try again."""
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(next_try_at=None) | Q(next_try_at__lte=now)
    mine = Relay.objects.filter(free, due, pk=relay.pk)
    if not mine.update(claimed_until=now + LEASE):
        return False
    relay.refresh_from_db()
    return True


def _next(relay: Relay) -> list[Event]:
    rows = Event.objects.filter(position__gt=relay.position).select_related("actor")
    return list(rows.order_by("position")[:BATCH])


def _target() -> Target:
    return Target(
        settings.SYSLOG,
        settings.SYSLOG_CA_FILE,
        settings.SYSLOG_CERT_FILE,
        settings.SYSLOG_KEY_FILE,
    )


def _note_sent(relay: Relay, position: int) -> None:
    now = timezone.now()
    relay.position, relay.failures = position, 0
    Relay.objects.filter(pk=relay.pk).update(
        position=position,
        sent_at=now,
        failures=0,
        failing_since=None,
        next_try_at=None,
        reason="",
        claimed_until=now + LEASE,
    )


def _note_failure(relay: Relay, reason: str) -> None:
    now, failures = timezone.now(), relay.failures + 1
    wait = min(_LONGEST_WAIT, timedelta(seconds=5 * 2 ** min(failures, 10)))
    log.warning("events not sent to syslog: %s; again in %s", reason, wait)
    Relay.objects.filter(pk=relay.pk).update(
        failures=failures,
        failing_since=relay.failing_since or now,
        next_try_at=now + wait,
        reason=reason,
    )
