"""What happens when the web process starts and stops."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.chat.running import stop_all
from apps.dialects.spoken import settled

Message = MutableMapping[str, Any]


async def lifespan(
    _scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Record every running answer before the process ends; SIGTERM alone would lose them."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await stop_all()
            await settled()
            await send({"type": "lifespan.shutdown.complete"})
            return
