"""Refuses a request whose body is larger than an upload may be, before the body is read."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from apps.core.errors import ErrorCode, message_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

# Field names, boundaries and the other fields of the form that carries the file.
FORM_OVERHEAD = 1024 * 1024
_MACHINES = ("/api/", "/v1/")


class _TooLarge(Exception):
    """More bytes came than were announced or allowed."""


class BodyLimit:
    """ASGI wrapper: Django reads a whole body before any middleware runs, so the limit is here."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = settings.UPLOAD_MAX_BYTES + FORM_OVERHEAD
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _announced(scope) > limit:
            await _refuse(scope, send)
        else:
            try:
                await self.app(scope, _counted(receive, limit), send)
            except _TooLarge:
                await _refuse(scope, send)


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


def _sentence(scope: Message) -> str:
    wanted = parse_accept_lang_header(_header(scope, b"accept-language").lower())
    for tag, _quality in wanted:
        try:
            language = translation.get_supported_language_variant(tag)
        except LookupError:
            continue
        with translation.override(language):
            return message_of(ErrorCode.TOO_LARGE)
    return message_of(ErrorCode.TOO_LARGE)


def _wants_json(scope: Message) -> bool:
    return (
        scope["path"].startswith(_MACHINES)
        or "application/json" in _header(scope, b"accept")
        or _header(scope, b"x-requested-with") == "XMLHttpRequest"
    )


async def _refuse(scope: Message, send: Send) -> None:
    sentence = _sentence(scope)
    if _wants_json(scope):
        details = {"limit_mb": settings.UPLOAD_MAX_BYTES // (1024 * 1024)}
        error = {"code": ErrorCode.TOO_LARGE, "message": sentence, "details": details}
        body, kind = json.dumps({"error": error}, ensure_ascii=False), b"application/json"
    else:
        body, kind = sentence, b"text/plain; charset=utf-8"
    content = body.encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        # The rest of the body is not wanted: the server closes instead of reading it.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})
