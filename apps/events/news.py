"""Live news for pages that are open: sent from sync code, cheaply where nobody listens."""

import logging
from functools import lru_cache
from typing import Any

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_WAIT_S = 5.0


def send(group: str, payload: dict[str, Any]) -> None:
    """To whoever listens to this group now. A dead Redis is logged and forgotten."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        if _is_heard(group):
            async_to_sync(layer.group_send)(group, payload)
    except (OSError, RedisError) as error:
        log.warning("live news not sent: %s", type(error).__name__)


def _is_heard(group: str) -> bool:
    """Asking Redis takes a tenth of a millisecond of a core. Sending takes five, for an event loop
    and a connection of its own, and thousands of files come in while no page is open."""
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    prefix = layer.get("CONFIG", {}).get("prefix", "")
    if not prefix:  # a layer in this process
        return True
    # The name that channels_redis gives the set of a group's channels; a test compares.
    return bool(_redis(settings.REDIS_URL).exists(f"{prefix}:group:{group}"))


@lru_cache
def _redis(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=_WAIT_S, socket_connect_timeout=_WAIT_S)
