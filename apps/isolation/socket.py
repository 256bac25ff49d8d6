"""The chat socket as a way to ask: the same ASGI application that browsers reach."""

import json
from typing import Any

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import get_default_application
from django.conf import settings

from apps.isolation.entries import Caller, Seen

# Any: asgiref says nothing of its types.
_Communicator: Any = ApplicationCommunicator
_PATIENCE_S = 120
_LAST = {"done", "stopped", "error"}


def chat_socket(caller: Caller, question: str) -> Seen:
    """Every frame of one question; a socket that is closed at once says so in ``status``."""
    frames, status = async_to_sync(_talk)(caller, question)
    return Seen(status, "\n\n" + json.dumps(frames, ensure_ascii=False))


async def _talk(caller: Caller, question: str) -> tuple[list[dict[str, Any]], int]:
    socket = _Communicator(get_default_application(), _scope(caller))
    await socket.send_input({"type": "websocket.connect"})
    frames: list[dict[str, Any]] = []
    status = 101
    await socket.send_input({"type": "websocket.receive", "text": _ask(question)})
    while not frames or frames[-1].get("type") not in _LAST:
        message = await socket.receive_output(timeout=_PATIENCE_S)
        if message["type"] == "websocket.close":
            status = int(message.get("code") or 1000)
            break
        if message["type"] == "websocket.send":
            frames.append(json.loads(message["text"]))
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(timeout=_PATIENCE_S)
    return frames, status


def _ask(question: str) -> str:
    return json.dumps({"type": "ask", "text": question})


def _scope(caller: Caller) -> dict[str, Any]:
    cookie = "; ".join(f"{key}={each.value}" for key, each in caller.client.cookies.items())
    host = caller.host
    return {
        "type": "websocket",
        "path": "/ws/chat",
        "query_string": b"",
        "headers": [
            (b"host", host.encode()),
            (b"origin", f"https://{host}".encode()),
            (b"cookie", cookie.encode()),
        ],
        "subprotocols": [],
        "client": ("127.0.0.1", 0),
        "secure": settings.SESSION_COOKIE_SECURE,
    }
