"""When a server that fails is left alone, and when it is asked again. Pure rules: time comes in.

The circuit breaker of Nygard, *Release It!* (2007): closed while it works; open, so that nobody
waits for it, after failures in a row; half-open when the pause is over: one question may try.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES = 3
PAUSE_S = 15.0
LONGEST_PAUSE_S = 240.0


class Health(StrEnum):
    """What may be sent: everything, one question that tries, nothing."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one server. ``failures`` in a row; ``opened`` times in a row; it is left
    alone ``since`` and ``until`` (seconds of the caller's clock; 0: it is not). ``is_full``: because
    it asked for it, and not because it failed."""

    failures: int = 0
    opened: int = 0
    until: float = 0.0
    since: float = 0.0
    is_full: bool = False

    def health(self, now: float) -> Health:
        if self.until == 0:
            return Health.CLOSED
        if now < self.until:
            return Health.OPEN
        return Health.CLOSED if self.is_full else Health.HALF_OPEN


WORKS = Breaker()


def after_failure(known: Breaker, now: float) -> Breaker:
    """One that failed while it was tried is left alone for twice as long."""
    failures = known.failures + 1
    if known.health(now) is Health.CLOSED and failures < FAILURES:
        return replace(known, failures=failures)
    if known.health(now) is Health.OPEN:  # a question that was already on its way
        return replace(known, failures=failures)
    pause = min(PAUSE_S * 2**known.opened, LONGEST_PAUSE_S)
    return Breaker(failures, min(known.opened + 1, 30), now + pause, since=now)


def after_first_word(known: Breaker, *, began: float) -> Breaker:
    """One that begins to answer is asked again by all; whether it also ends what it says is seen
    later. A question that was on its way before the pause says nothing about it."""
    if began < known.since:
        return known
    return Breaker(min(known.failures, FAILURES - 1), known.opened)


def after_answer(known: Breaker, *, began: float) -> Breaker:
    """One that answered works, unless it asked to be left alone in the meantime."""
    return known if began < known.since else WORKS


def after_refusal(known: Breaker, now: float, *, wait_s: float) -> Breaker:
    """A full server (429, 503) is no broken one: it is left alone as long as it asks, and then
    gets everything again."""
    if known.health(now) is Health.OPEN or wait_s <= 0:
        return known
    until = now + min(wait_s, LONGEST_PAUSE_S)
    return replace(known, until=until, since=now, is_full=True)
