"""What the web processes know of each server together: whether it is left alone, and until when.

Failures in a row are counted by each process; that a server is set aside is told to all through
the cache (Redis). Without it each process decides for itself, so an outage stops nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.gateway.routing.breaker import (
    WORKS,
    Breaker,
    Health,
    after_answer,
    after_failure,
    after_first_word,
    after_refusal,
)

log = logging.getLogger(__name__)

_KEY = "gateway:breaker:{}"
_TRIAL = "gateway:trial:{}"
# Longer than the longest pause: half-open is told by the time in it, not by its absence.
_KEPT_S = 3600
# One question tries a server; if its process dies, another may after so long. One that waits longer
# for its place may so be joined by another, whose trial it cannot end: see ``drop_trial``.
TRIAL_S = 90

_lock = threading.Lock()
_known: dict[str, Breaker] = {}
# Whose trial of a server it is, and until when, where the cache cannot say it.
_trials: dict[str, tuple[str, float]] = {}


def look(keys: Collection[str]) -> dict[str, Breaker]:
    """What is known of these servers now. Asks the cache: call it in a thread."""
    told: dict[str, Any] | None = None
    try:
        told = cache.get_many([_KEY.format(key) for key in keys])
    except (RedisError, OSError):
        log.warning("the cache does not answer: this process judges model servers for itself")
    with _lock:
        if told is not None:
            for key in keys:
                _merge(key, told.get(_KEY.format(key)))
        return {key: _known.get(key, WORKS) for key in keys}


def _merge(key: str, told: dict[str, Any] | None) -> None:
    """What others say of a pause counts; failures that led to none are this process's own."""
    mine = _known.get(key, WORKS)
    if told is not None:
        theirs = Breaker(**told)
        if theirs.until != mine.until:  # of the same pause, this process knows what came after
            _known[key] = theirs
    elif mine.until:
        _known[key] = WORKS  # another process saw it work


def health_of(key: str) -> Health:
    """As this process knows it, without asking."""
    return _known.get(key, WORKS).health(time.time())


def failed(key: str) -> Breaker:
    """Note a failure. Asks the cache: call it in a thread."""
    return _became(key, after_failure)


def refused(key: str, *, wait_s: float) -> Breaker:
    """Note that a server is full and asks to be left alone. Call it in a thread."""
    return _became(key, lambda known, now: after_refusal(known, now, wait_s=wait_s))


def full_for(key: str) -> float | None:
    """The seconds that a full server asked to be left alone for yet; None for any other."""
    known, now = _known.get(key, WORKS), time.time()
    return known.until - now if known.is_full and now < known.until else None


def began_to_answer(key: str, *, began: float) -> None:
    """Note that it says something to a question of ``began``. Call it in a thread."""
    _answers(key, lambda known: after_first_word(known, began=began))


def worked(key: str, *, began: float) -> None:
    """Note that it answered a question of ``began``. Asks the cache only where it had been set
    aside; call it in a thread unless ``needs_telling`` is false."""
    _answers(key, lambda known: after_answer(known, began=began))


def _answers(key: str, rule: Callable[[Breaker], Breaker]) -> None:
    with _lock:
        was = _known.get(key, WORKS)
        known = rule(was)
        if known == WORKS:
            _known.pop(key, None)
        else:
            _known[key] = known
        if not known.until:
            _trials.pop(key, None)
    if was.until and not known.until:
        log.info("model server %s answers again", key)
        _quietly(lambda: cache.delete_many([_KEY.format(key), _TRIAL.format(key)]))


def needs_telling(key: str) -> bool:
    """Whether ``worked`` has something to say to others."""
    return bool(_known.get(key, WORKS).until)


def take_trial(key: str) -> str:
    """A token, where this question may try a server that is half-open: one at a time, of all
    processes; "" where another one does. Only who has the token ends the trial. Call it in a thread.
    """
    token = uuid4().hex
    try:
        return token if cache.add(_TRIAL.format(key), token, timeout=TRIAL_S) else ""
    except (RedisError, OSError):
        with _lock:
            now = time.time()
            is_free = now >= _trials.get(key, ("", 0.0))[1]
            if is_free:
                _trials[key] = (token, now + TRIAL_S)
            return token if is_free else ""


def drop_trial(key: str, token: str) -> None:
    """The trial of this token ended. Somebody else's, which began when this one had lasted too
    long, goes on. Call it in a thread."""
    if not token:
        return
    with _lock:
        if _trials.get(key, ("", 0.0))[0] == token:
            del _trials[key]
    _quietly(lambda: _drop_told(key, token))


def _drop_told(key: str, token: str) -> None:
    # Between the look and the deletion another trial could only begin when this one has run out at
    # that very moment; then two questions try the server instead of one.
    if cache.get(_TRIAL.format(key)) == token:
        cache.delete(_TRIAL.format(key))


def reset() -> None:
    """Forget everything that this process knows; for tests."""
    with _lock:
        _known.clear()
        _trials.clear()


def _became(key: str, rule: Any) -> Breaker:
    now = time.time()
    with _lock:
        was = _known.get(key, WORKS)
        known: Breaker = rule(was, now)
        _known[key] = known
    if known.until > was.until:
        log.warning("model server %s is left alone for %.0f s", key, known.until - now)
        _quietly(lambda: cache.set(_KEY.format(key), asdict(known), timeout=_KEPT_S))
    return known


def _quietly(tell: Any) -> None:
    try:
        tell()
    except (RedisError, OSError):
        log.warning("the cache does not answer: other processes are not told")
