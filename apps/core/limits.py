"""How often somebody may ask: counted in Redis for all web processes together.

A rate is written as the library writes it: ``"50/second"``, ``"20/10 minutes"``; empty is none.
Without Redis each process counts for itself, so an outage neither stops the site nor lifts a limit.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from django.http import HttpResponseBase
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from apps.core.errors import AppError, ErrorCode

log = logging.getLogger(__name__)
T = TypeVar("T")

# After a failure Redis is left alone for a while: nobody waits for it request after request.
_LEFT_ALONE_S = 5.0
_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate. ``reset_s``: seconds until there is more."""

    is_allowed: bool
    rate: RateLimitItem
    remaining: int
    reset_s: int

    def write_on(self, response: HttpResponseBase) -> None:
        """The header fields of draft-ietf-httpapi-ratelimit-headers, and Retry-After on a refusal."""
        window = self.rate.get_expiry()
        response["RateLimit-Policy"] = f'"default";q={self.rate.amount};w={window}'
        response["RateLimit"] = f'"default";r={self.remaining};t={self.reset_s}'
        if not self.is_allowed:
            response["Retry-After"] = str(self.reset_s)


@lru_cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)


@lru_cache
def _shared(uri: str) -> Storage:
    if uri.startswith("memory"):
        return _own()
    storage = storage_from_string(
        uri,
        wrap_exceptions=True,
        key_prefix="fn-limit",
        socket_timeout=_WAIT_S,
        socket_connect_timeout=_WAIT_S,
    )
    assert isinstance(storage, Storage)  # noqa: S101 - the other kind is asynchronous
    return storage


@lru_cache
def _own() -> MemoryStorage:
    return MemoryStorage()


class _Outage:
    """Until when Redis is left alone, in this process."""

    until = 0.0


def hit(rate: str, *who: str, cost: int = 1) -> Allowance | None:
    """Count one more by ``who``; None when ``rate`` is empty. A refusal counts nothing."""
    return _ask(rate, who, cost=cost, counts=True)


def look(rate: str, *who: str) -> Allowance | None:
    """Whether one more would be allowed. Counts nothing."""
    return _ask(rate, who, cost=1, counts=False)


def require(rate: str, *who: str) -> None:
    """``hit``, or AppError TOO_MANY_REQUESTS that says when to come again."""
    allowance = hit(rate, *who)
    if allowance is not None and not allowance.is_allowed:
        raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429, retry_after=allowance.reset_s)


def forget(rate: str, *who: str) -> None:
    """Begin to count anew."""
    if rate:
        _tried(lambda limiter: limiter.clear(_parsed(rate), *who))


def _ask(rate: str, who: tuple[str, ...], *, cost: int, counts: bool) -> Allowance | None:
    if not rate:
        return None
    item = _parsed(rate)

    def work(limiter: SlidingWindowCounterRateLimiter) -> Allowance:
        asked = limiter.hit if counts else limiter.test
        is_allowed = asked(item, *who, cost=cost)
        stats = limiter.get_window_stats(item, *who)
        reset_s = max(1, round(stats.reset_time - time.time()))
        return Allowance(is_allowed, item, max(0, stats.remaining), reset_s)

    return _tried(work)


def _tried(work: Callable[[SlidingWindowCounterRateLimiter], T]) -> T:
    if time.monotonic() >= _Outage.until:
        try:
            return work(SlidingWindowCounterRateLimiter(_shared(settings.LIMITS_STORAGE)))
        except StorageError as error:
            _Outage.until = time.monotonic() + _LEFT_ALONE_S
            log.warning("rates are counted by this process alone: %s", error.storage_error)
    return work(SlidingWindowCounterRateLimiter(_own()))


def reset() -> None:
    """Forget what this process counted itself (tests)."""
    _own().reset()
    _Outage.until = 0.0
