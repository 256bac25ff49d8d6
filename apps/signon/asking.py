"""Asking a provider: only servers that may be asked, one answer, within limits of size and time.

No redirect is followed: what a provider is asked for is where its own description says.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.addresses import are_public
from apps.sources.guard import address_of
from apps.sources.web import valid

CONNECT_S = 5.0
READ_S = 10.0
MOST = 1024 * 1024
_PORTS = {"http": 80, "https": 443}


def refused(reason: str, *, code: ErrorCode = ErrorCode.SIGN_ON_REFUSED) -> AppError:
    """A sign-in that is not believed. ``reason`` is one of our words, never the provider's."""
    return AppError(code, status=400, reason=reason)


def wrong_answer(reason: str) -> AppError:
    return AppError(ErrorCode.SIGN_ON_ANSWER, status=502, reason=reason)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The object in the body. Raises AppError SIGN_ON_ANSWER."""
        try:
            found = json.loads(self.body)
        except ValueError as error:
            raise wrong_answer("json") from error
        if not isinstance(found, dict):
            raise wrong_answer("json")
        return found


class _Checked(httpx.HTTPTransport):
    """Connects to the very address that was looked up and allowed."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or _PORTS[request.url.scheme]
        try:
            address = address_of(host, port, named=settings.SIGN_ON_HOSTS)
        except AppError as error:
            is_internal = error.code == ErrorCode.SOURCE_NOT_ALLOWED
            code = ErrorCode.SIGN_ON_NOT_ALLOWED if is_internal else ErrorCode.SIGN_ON_UNREACHABLE
            raise AppError(code, status=502) from error
        if request.url.scheme == "http" and are_public([address]):
            raise AppError(ErrorCode.SIGN_ON_NOT_ALLOWED, status=502)
        moved = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return super().handle_request(moved)


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: str | bytes = b"",
) -> Answer:
    """The answer, whatever its status. Raises AppError SIGN_ON_UNREACHABLE, SIGN_ON_NOT_ALLOWED
    or SIGN_ON_ANSWER."""
    try:
        url = valid(url)
    except AppError as error:
        raise wrong_answer("address") from error
    try:
        # The certificates of the system and of SSL_CERT_FILE: internal servers have their own.
        transport = _Checked(verify=ssl.create_default_context())
        limits = httpx.Timeout(READ_S, connect=CONNECT_S)
        with (
            httpx.Client(transport=transport, trust_env=False, timeout=limits) as client,
            client.stream(method, url, headers=dict(headers or {}), content=content) as response,
        ):
            return Answer(response.status_code, response.headers, _body(response))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise AppError(ErrorCode.SIGN_ON_UNREACHABLE, status=502) from error


def _body(response: httpx.Response) -> bytes:
    held = b""
    for piece in response.iter_bytes():
        held += piece
        if len(held) > MOST:
            raise wrong_answer("size")
    return held


def fetched(url: str, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at an address."""
    wanted = {"Accept": "application/json", **(headers or {})}
    answer = ask("GET", url, headers=wanted)
    if answer.status != 200:
        raise wrong_answer(f"status {answer.status}")
    return answer.json()
