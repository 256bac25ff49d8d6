"""Guessing passwords is slow: ten failures in five minutes per account and address."""

import hashlib

from django.core.cache import cache
from django.http import HttpRequest

FAILURES = 10
WINDOW_S = 5 * 60


def _slot(request: HttpRequest, username: str) -> str:
    """Counted per account and address, so that nobody can lock another person out everywhere."""
    who = f"{username.strip().casefold()}\0{request.META.get('REMOTE_ADDR', '')}"
    return f"sign-in:{hashlib.sha256(who.encode()).hexdigest()}"


def is_blocked(request: HttpRequest, username: str) -> bool:
    return int(cache.get(_slot(request, username), 0)) >= FAILURES


def count_failure(request: HttpRequest, username: str) -> None:
    slot = _slot(request, username)
    if not cache.add(slot, 1, WINDOW_S):
        try:
            cache.incr(slot)
        except ValueError:  # it ran out in between
            cache.set(slot, 1, WINDOW_S)


def forget_failures(request: HttpRequest, username: str) -> None:
    cache.delete(_slot(request, username))
