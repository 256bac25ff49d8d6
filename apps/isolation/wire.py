"""The ASGI application that servers run, asked without a server: sockets, and answers that are
streamed by asynchronous code."""

import json
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import get_default_application
from django.conf import settings

# Any: asgiref says nothing of its types.
_Communicator: Any = ApplicationCommunicator
_PATIENCE_S = 120
_LAST = {"done", "stopped", "error"}


def joined(response: Any) -> bytes:
    """The whole body of a response that streams, however it is made."""
    if not response.is_async:
        return b"".join(response)
    body: bytes = async_to_sync(_joined)(response)
    return body


async def _joined(response: Any) -> bytes:
    return b"".join([piece async for piece in response])


def post(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, str]:
    """(status, header lines, body) of one request, read to its end."""
    found: tuple[int, str, str] = async_to_sync(_posted)(path, headers, body)
    return found


async def _posted(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, str]:
    sent = {**headers, "content-length": str(len(body))}
    web = _Communicator(get_default_application(), _scope(path, sent) | _POST)
    await web.send_input({"type": "http.request", "body": body, "more_body": False})
    start = await web.receive_output(timeout=_PATIENCE_S)
    pieces: list[bytes] = []
    is_open = True
    while is_open:
        message = await web.receive_output(timeout=_PATIENCE_S)
        pieces.append(message.get("body", b""))
        is_open = bool(message.get("more_body"))
    await web.wait(timeout=_PATIENCE_S)
    lines = (
        f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in start["headers"]
    )
    return start["status"], "\n".join(lines), b"".join(pieces).decode(errors="replace")


def talk(
    path: str, headers: Mapping[str, str], said: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """(frames, status) of one frame sent to a socket: 101, or why it was closed."""
    found: tuple[list[dict[str, Any]], int] = async_to_sync(_talked)(path, headers, said)
    return found


async def _talked(
    path: str, headers: Mapping[str, str], said: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    origin = {"origin": f"https://{headers['host']}"}
    scope = _scope(path, {**headers, **origin}) | {"type": "websocket", "subprotocols": []}
    socket = _Communicator(get_default_application(), scope)
    await socket.send_input({"type": "websocket.connect"})
    frames: list[dict[str, Any]] = []
    status = 101
    await socket.send_input({"type": "websocket.receive", "text": json.dumps(said)})
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


_POST = {"type": "http", "method": "POST", "http_version": "1.1", "scheme": "https"}


def _scope(path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "asgi": {"version": "3.0"},
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        "client": ("127.0.0.1", 0),
        "server": None,
        "secure": settings.SESSION_COOKIE_SECURE,
    }
