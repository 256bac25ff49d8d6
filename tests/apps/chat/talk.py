"""A browser's side of the chat socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from asgiref.testing import ApplicationCommunicator

from apps.chat.consumers import ChatConsumer
from apps.core.aio import in_thread
from apps.permissions.scope import system_scope

LAST = {"done", "stopped", "error"}
# Long: on a busy machine a frame may be late, and it is an error only when none comes.
PATIENCE_S = 60
# No word twice: an answer that goes round in circles is ended.
LONG = " ".join(f"word{n}" for n in range(1000))


class Talk:
    """Sends client frames and keeps every server frame."""

    def __init__(self, socket: ApplicationCommunicator) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        await self.send_text(json.dumps({key: str_of(value) for key, value in frame.items()}))

    async def send_text(self, text: str) -> None:
        await self.socket.send_input({"type": "websocket.receive", "text": text})

    async def message(self) -> dict[str, Any]:
        """The next thing on the wire, a close included."""
        message: dict[str, Any] = await self.socket.receive_output(timeout=PATIENCE_S)
        return message

    async def frame(self) -> dict[str, Any]:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        frame: dict[str, Any] = json.loads(message["text"])
        self.seen.append(frame)
        return frame

    async def is_silent(self) -> bool:
        return bool(await self.socket.receive_nothing(timeout=0.2))

    async def until(self, *types: str, turn: str = "") -> list[dict[str, Any]]:
        """Frames (of one turn) up to the first of one of these types."""
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] not in types:
            frame = await self.frame()
            if not turn or frame["turn"] == turn:
                frames.append(frame)
        return frames

    async def ask(self, text: str, **fields: Any) -> list[dict[str, Any]]:
        """All frames of one question."""
        await self.send(type="ask", text=text, **fields)
        return await self.until(*LAST)

    async def begin(self) -> str:
        """Ask, and wait until the model talks; the turn."""
        await self.send(type="ask", text="What is the notice period?")
        return str((await self.until("delta"))[0]["turn"])

    async def follow(self, turn: str, after: int = 0) -> list[dict[str, Any]]:
        await self.send(type="follow", turn=turn, after=after)
        return await self.until(*LAST, turn=turn)


def str_of(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case list():
            return [str_of(each) for each in value]
        case _:
            return str(getattr(value, "pk", value))


@asynccontextmanager
async def talking(
    user: Any, *, headers: list[tuple[bytes, bytes]] | None = None, application: Any = None
) -> AsyncIterator[Talk]:
    """An open socket of this person."""
    scope = {
        "type": "websocket",
        "path": "/ws/chat",
        "query_string": b"",
        "headers": headers or [],
        "subprotocols": [],
    }
    if user is not None:
        scope["user"] = user
    socket = ApplicationCommunicator(application or ChatConsumer.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    first = await socket.receive_output(timeout=PATIENCE_S)
    assert first["type"] == "websocket.accept", first
    try:
        yield Talk(socket)
    finally:
        await socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await socket.wait(timeout=PATIENCE_S)


def said(frames: list[dict[str, Any]], kind: str = "text") -> str:
    return "".join(f["text"] for f in frames if f["type"] == "delta" and f["kind"] == kind)


async def sql(work: Any, *args: Any, **kwargs: Any) -> Any:
    """Run sync code beyond scopes in a thread."""

    def beyond() -> Any:
        with system_scope("test: a look at the rows"):
            return work(*args, **kwargs)

    return await in_thread(partial(beyond))
