"""Posting to an address that somebody typed: only to servers that may be asked, without following."""

import asyncio
import ssl

import httpx
from django.conf import settings

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.addresses import are_public
from apps.sources.guard import address_of
from apps.sources.web import valid

CONNECT_S, READ_S = 5.0, 10.0
# A whole post, however slowly its answer drips: a time limit of a read begins anew with each byte.
TOTAL_S = 15.0
_PORTS = {"http": 80, "https": 443}


class NotTaken(Exception):
    """It was not delivered. ``reason`` is one of our words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def checked(url: str) -> str:
    """The address, if events may be posted there at all. Raises AppError ADDRESS_REFUSED."""
    url = valid(url.strip())
    parts = httpx.URL(url)
    try:
        _allowed(parts)
    except NotTaken as error:
        if error.reason != "unreachable":  # its name may be known tomorrow
            raise AppError(ErrorCode.ADDRESS_REFUSED, status=422, field="url") from error
    return url


def _allowed(url: httpx.URL) -> str:
    """The IP address to connect to. Plain http leaves to internal servers only, that are named."""
    port = url.port or _PORTS[url.scheme]
    try:
        address = address_of(url.host, port, named=settings.WEBHOOK_HOSTS)
    except AppError as error:
        is_internal = error.code == ErrorCode.SOURCE_NOT_ALLOWED
        raise NotTaken("not_allowed" if is_internal else "unreachable") from error
    if url.scheme == "http" and are_public([address]):
        raise NotTaken("not_encrypted")
    return address


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer, within TOTAL_S; what is in it is not read, and no redirect is
    followed. Raises NotTaken."""
    sent = {**headers, "Content-Type": "application/json", "User-Agent": "Footnote-Webhooks/1"}
    try:
        parts = httpx.URL(valid(url))
        return asyncio.run(_post(parts, _allowed(parts), body, sent))
    except (TimeoutError, httpx.TimeoutException) as error:
        raise NotTaken("timeout") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, AppError) as error:
        raise NotTaken("unreachable") from error


async def _post(url: httpx.URL, address: str, body: bytes, headers: dict[str, str]) -> int:
    """Connects to the very address that was looked up and allowed; the certificate is compared
    with the name."""
    named = {**headers, "Host": url.netloc.decode("ascii")}
    limits = httpx.Timeout(READ_S, connect=CONNECT_S)
    tls = ssl.create_default_context()
    async with (
        asyncio.timeout(TOTAL_S),
        httpx.AsyncClient(verify=tls, trust_env=False, timeout=limits) as client,
        client.stream(
            "POST",
            url.copy_with(host=address),
            headers=named,
            content=body,
            extensions={"sni_hostname": url.host},
        ) as response,
    ):
        return int(response.status_code)
