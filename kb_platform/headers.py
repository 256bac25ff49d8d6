"""Two headers that every answer carries, whoever gave it: Django, the static files, or a refusal
from before Django was asked."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

_LEAST = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)


class LeastHeaders:
    """ASGI wrapper: adds what an answer has not said itself. A page's own policy stays."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                said = {bytes(name).lower() for name, _value in headers}
                headers += [pair for pair in _LEAST if pair[0] not in said]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, sending)
