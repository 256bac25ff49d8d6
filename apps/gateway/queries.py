"""Reads of the gateway that are worth a name."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.core.sealing import unseal
from apps.engines.models import Endpoint
from apps.gateway import health
from apps.gateway.figures import Figures, look_at
from apps.gateway.generator import slots_of
from apps.gateway.routing.breaker import Health

# Pages of several people ask a server together, and not more often than this.
FRESH_S = 5.0
_KEPT_S = 120


@dataclass(frozen=True, slots=True)
class Live:
    """How a server is now. ``here`` and ``queued`` are of this process; ``rate`` is tokens a second
    since it was looked at before; ``pause_s`` until it is asked again."""

    figures: Figures
    health: Health
    here: int
    queued: int
    rate: float | None = None
    pause_s: int = 0


def live(endpoint: Endpoint) -> Live:
    """How a server is, at most five seconds old."""
    key = str(endpoint.pk)
    figures, rate = _figures(endpoint)
    known = health.look([key])[key]
    slots = slots_of(key)
    return Live(
        figures,
        known.health(time.time()),
        slots.running,
        slots.waiting,
        rate,
        max(0, round(known.until - time.time())),
    )


def _figures(endpoint: Endpoint) -> tuple[Figures, float | None]:
    name = f"gateway:figures:{endpoint.pk}"
    now = time.time()
    kept = _kept(name)
    if kept is not None and now - kept["at"] < FRESH_S:
        return Figures(**kept["figures"]), kept["rate"]
    found = look_at(
        endpoint.base_url, api_key=unseal(endpoint.sealed_key) if endpoint.sealed_key else ""
    )
    rate = _rate(kept, found, now)
    try:
        cache.set(name, {"at": now, "figures": asdict(found), "rate": rate}, timeout=_KEPT_S)
    except (RedisError, OSError):
        return found, rate
    return found, rate


def _kept(name: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] | None = cache.get(name)
    except (RedisError, OSError):
        return None
    return kept


def _rate(before: dict[str, Any] | None, now: Figures, at: float) -> float | None:
    """Tokens a second between two looks; None for the first, and after a restart of the server."""
    if before is None or now.written is None or before["figures"]["written"] is None:
        return None
    more = now.written - float(before["figures"]["written"])
    return more / (at - float(before["at"])) if more >= 0 else None
