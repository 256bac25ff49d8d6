"""Is every part of this installation there? Asked all at once, each for a second at most."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from enum import StrEnum

import httpx
import redis
from django.conf import settings
from django.db import DatabaseError, connection

TIMEOUT_S = 1.0


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: whether it answers and how long that took."""

    status: Status
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """``down``: nothing works. ``degraded``: people can sign in and read, something else is out."""

    status: Status
    parts: dict[str, Part]


def _sql() -> bool:
    try:
        connection.ensure_connection()
        return connection.is_usable()
    finally:
        connection.close()  # of this thread, which ends


def _redis() -> bool:
    if settings.ENGINES == "fake" and not settings.REDIS_URL.startswith("redis"):
        return True
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    with client:
        return bool(client.ping())


def _model_host() -> bool:
    return answers(f"{settings.MODEL_HOST_URL}/health")


def _index_host() -> bool:
    return answers(f"{settings.INDEX_HOST_URL}/health")


def _llm() -> bool:
    return answers(f"{settings.LLM_BASE_URL}/models")


def answers(url: str) -> bool:
    """Whether somebody is at home. A server that wants a key is: whether ours is right is what
    the Test button finds out."""
    if settings.ENGINES == "fake":
        return True
    # Loading the certificate store takes 60 ms of a core, every ten seconds and of every part.
    is_tls = url.startswith("https:")
    return httpx.get(url, timeout=TIMEOUT_S, trust_env=False, verify=is_tls).status_code < 500


# Apps above put their own question here: engines asks the server that an administrator has chosen.
PARTS: dict[str, Callable[[], bool]] = {
    "sql": _sql,
    "redis": _redis,
    "model_host": _model_host,
    "index_host": _index_host,
    "llm": _llm,
}


def check() -> Report:
    """Ask every part now."""
    # Not a with block: leaving it would wait for the part that hangs.
    pool = ThreadPoolExecutor(len(PARTS), thread_name_prefix="health")
    try:
        waiting = {name: pool.submit(_asked, ask) for name, ask in PARTS.items()}
        until = time.monotonic() + 2 * TIMEOUT_S
        parts = {}
        for name, future in waiting.items():
            try:
                parts[name] = future.result(timeout=max(0, until - time.monotonic()))
            except TooSlow:
                parts[name] = Part(Status.DOWN)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Report(_overall(parts), parts)


def _asked(ask: Callable[[], bool]) -> Part:
    began = time.monotonic()
    try:
        is_up = ask()
    except (DatabaseError, redis.RedisError, httpx.HTTPError, OSError):
        is_up = False
    took_ms = round((time.monotonic() - began) * 1000)
    return Part(Status.OK if is_up else Status.DOWN, took_ms)


def _overall(parts: dict[str, Part]) -> Status:
    if parts["sql"].status != Status.OK:
        return Status.DOWN
    up = all(part.status == Status.OK for part in parts.values())
    return Status.OK if up else Status.DEGRADED
