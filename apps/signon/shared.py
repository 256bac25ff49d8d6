"""What the web processes share for a while. Redis may be out: then what is only kept to be quicker
is asked for again, and what decides whether to believe somebody refuses."""

import logging
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.core.errors import AppError, ErrorCode

log = logging.getLogger(__name__)
_OUT = (RedisError, OSError)


def found(slot: str) -> Any:
    """What is kept there; None also when nobody can say."""
    try:
        return cache.get(slot)
    except _OUT as error:
        log.warning("sign-on: nothing shared: %s", type(error).__name__)
        return None


def keep(slot: str, value: Any, seconds: int) -> None:
    """Keep it if that can be done."""
    try:
        cache.set(slot, value, seconds)
    except _OUT as error:
        log.warning("sign-on: nothing shared: %s", type(error).__name__)


def forget(slot: str) -> None:
    try:
        cache.delete(slot)
    except _OUT as error:
        log.warning("sign-on: nothing shared: %s", type(error).__name__)


def must_keep(slot: str, value: Any, seconds: int) -> None:
    """Keep what the next request needs. Raises AppError SIGN_ON_WAIT."""
    try:
        cache.set(slot, value, seconds)
    except _OUT as error:
        raise _wait() from error


def is_first(slot: str, seconds: int) -> bool:
    """Whether nobody has taken this slot within so many seconds. Raises AppError SIGN_ON_WAIT when
    that cannot be known: what was seen before must not count twice."""
    try:
        return bool(cache.add(slot, 1, seconds))
    except _OUT as error:
        raise _wait() from error


def _wait() -> AppError:
    return AppError(ErrorCode.SIGN_ON_WAIT, status=503, reason="shared memory is out")
