"""Refuses a request whose body is larger than an upload may be, or than the disk has room for,
before the body is read."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from apps.core.errors import ErrorCode, message_of
from apps.core.openai_errors import openai_error_body, speaks_openai
from apps.core.room import has_room, is_full

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

# Field names, boundaries and the other fields of the form that carries the file.
FORM_OVERHEAD = 1024 * 1024
# A body is spooled by Django and then written to where it stays.
COPIES = 2
_MACHINES = ("/api/", "/v1/", "/mcp")


class _TooLarge(Exception):
    """More bytes came than were announced or allowed."""


class BodyLimit:
    """ASGI wrapper: Django reads a whole body before any middleware runs, so the limit is here, and
    the words for a disk that fills up meanwhile."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = settings.UPLOAD_MAX_BYTES + FORM_OVERHEAD
        announced = _announced(scope)
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif announced > limit:
            await _refuse(scope, send, ErrorCode.TOO_LARGE)
        elif not has_room(COPIES * announced):
            await _refuse(scope, send, ErrorCode.DISK_FULL)
        else:
            await self._answered(scope, _counted(receive, limit), send)

    async def _answered(self, scope: Message, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except _TooLarge:
            await _refuse(scope, send, ErrorCode.TOO_LARGE)
        except OSError as error:
            if has_begun or not is_full(error):
                raise
            await _refuse(scope, send, ErrorCode.DISK_FULL)


def _header(scope: Message, name: bytes) -> str:
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _announced(scope: Message) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _counted(receive: Receive, limit: int) -> Receive:
    """``receive`` that raises once a body sent without a length has grown past the limit."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _TooLarge
        return message

    return counting


def _sentence(scope: Message, code: ErrorCode) -> str:
    wanted = parse_accept_lang_header(_header(scope, b"accept-language").lower())
    for tag, _quality in wanted:
        try:
            language = translation.get_supported_language_variant(tag)
        except LookupError:
            continue
        with translation.override(language):
            return message_of(code)
    return message_of(code)


def _wants_json(scope: Message) -> bool:
    return (
        scope["path"].startswith(_MACHINES)
        or "application/json" in _header(scope, b"accept")
        or _header(scope, b"x-requested-with") == "XMLHttpRequest"
    )


async def _refuse(scope: Message, send: Send, code: ErrorCode) -> None:
    sentence = _sentence(scope, code)
    is_too_large = code is ErrorCode.TOO_LARGE
    if _wants_json(scope):
        limit = {"limit_mb": settings.UPLOAD_MAX_BYTES // (1024 * 1024)}
        error = {"code": code, "message": sentence, "details": limit if is_too_large else {}}
        if speaks_openai(scope["path"]):
            error = openai_error_body(code, status=413 if is_too_large else 507)["error"]
        body, kind = json.dumps({"error": error}, ensure_ascii=False), b"application/json"
    else:
        body, kind = sentence, b"text/plain; charset=utf-8"
    content = body.encode()
    status = 413 if is_too_large else 507
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        # The rest of the body is not wanted: the server closes instead of reading it.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
