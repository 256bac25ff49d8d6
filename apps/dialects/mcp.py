"""/mcp: the Model Context Protocol over streamable HTTP, behind the same middleware as every page.

Without sessions: each request stands alone, with the rights of that moment. The SDK's ASGI
application answers it; what it sends becomes Django's response.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from apps.core.errors import ErrorCode
from apps.core.views import error_response
from apps.dialects.mcp_server import server

Message = MutableMapping[str, Any]
_EVENTS = "text/event-stream"
# Headers that the server in front writes itself.
_NOT_PASSED = frozenset({"content-length", "connection", "transfer-encoding"})


@csrf_exempt  # by key alone, never by cookie
@require_POST
async def mcp(request: HttpRequest) -> HttpResponseBase:
    """One message of the protocol. A browser's session is no key here, and a page of another
    origin is turned away."""
    if getattr(request, "api_key", None) is None:
        return error_response(request, ErrorCode.NOT_SIGNED_IN, status=401)
    if not _is_own(request.headers.get("Origin", ""), request):
        return error_response(request, ErrorCode.FORBIDDEN, status=403)
    return await _Exchange(request).response()


def _is_own(origin: str, request: HttpRequest) -> bool:
    """Programs send no Origin; browsers do, and may come from this installation only."""
    return not origin or urlsplit(origin).netloc in {
        urlsplit(settings.PUBLIC_URL).netloc,
        request.get_host(),
    }


class _Exchange:
    """One request to the SDK's application and what it sends back."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._sent: asyncio.Queue[Message | None] = asyncio.Queue()
        self._is_read = False

    async def response(self) -> HttpResponseBase:
        """What was answered; events as they come. Leaving them cancels the work."""
        task = asyncio.create_task(self._run())
        try:
            start = await self._next(task)
            headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]
            }
            status = int(start["status"])
            if headers.get("content-type", "").startswith(_EVENTS):
                return _with(StreamingHttpResponse(self._body(task), status=status), headers)
            content = b"".join([piece async for piece in self._body(task)])
        except BaseException:
            task.cancel()
            raise
        return _with(HttpResponse(content, status=status), headers)

    async def _run(self) -> None:
        manager = StreamableHTTPSessionManager(server, stateless=True)
        try:
            async with manager.run():
                await manager.handle_request(self._scope(), self._receive, self._sent.put)
        finally:
            self._sent.put_nowait(None)

    async def _next(self, task: "asyncio.Task[None]") -> Message:
        message = await self._sent.get()
        if message is None:
            await task  # raises what went wrong
            raise RuntimeError("an answer without a beginning")
        return message

    async def _body(self, task: "asyncio.Task[None]") -> AsyncIterator[bytes]:
        try:
            while (message := await self._sent.get()) is not None:
                if piece := message.get("body", b""):
                    yield piece
                if not message.get("more_body", False):
                    break
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _receive(self) -> Message:
        if self._is_read:
            await asyncio.Event().wait()  # until the task ends: Django tells of leaving by that
        self._is_read = True
        return {"type": "http.request", "body": self._request.body, "more_body": False}

    def _scope(self) -> dict[str, Any]:
        request = self._request
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in request.headers.items()
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": None,
            "server": None,
        }


def _with(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        if name.lower() not in _NOT_PASSED:
            response[name] = value
    response["X-Accel-Buffering"] = "no"
    return response
