"""The one HTTP client of all sources: only to servers that may be asked, within limits.

Every request, each hop of a redirect too, is looked up, checked and sent to the address that was
checked. Credentials go to the origin they were typed for and nowhere else.
"""

import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.addresses import checked
from apps.sources.guard import address_of

MOST_REDIRECTS = 5
CONNECT_S = 10.0
READ_S = 30.0
# One answer, however slowly it drips.
ANSWER_S = 600.0
# What a listing may be: a sitemap, a page of a bucket, the answer to a PROPFIND.
MOST_TEXT = 50 * 1024 * 1024
LONGEST_WAIT_S = 30.0
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 3

MayVisit = Callable[[str], bool]


def refused(code: ErrorCode, **details: object) -> AppError:
    return AppError(code, status=422, **details)


def origin_of(url: str) -> tuple[str, str, int]:
    """(scheme, host, port)."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def valid(url: str) -> str:
    """The address, if it is one that may be asked at all. Raises AppError ADDRESS_REFUSED."""
    if any(char in url for char in "\r\n\t ") or len(url) > 2000:
        raise refused(ErrorCode.ADDRESS_REFUSED, reason="address")
    checked(url)
    return url


class _Guarded(httpx.BaseTransport):
    """Connects each request to the address that was looked up and checked for it. One pool a
    host: a connection that was opened for one name is not used for another."""

    def __init__(self) -> None:
        self._pools: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or _PORTS[request.url.scheme]
        address = address_of(host, port)
        if host not in self._pools:
            # The certificates of the system and of SSL_CERT_FILE: internal servers have their own.
            self._pools[host] = httpx.HTTPTransport(verify=ssl.create_default_context())
        return self._pools[host].handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        )

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is being read. ``url``: where it was found after redirects."""

    url: str
    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]

    def read(self, most: int = MOST_TEXT) -> bytes:
        """The whole body. Raises AppError TOO_LARGE."""
        held, size = [], 0
        for piece in self.pieces:
            size += len(piece)
            if size > most:
                raise refused(ErrorCode.TOO_LARGE)
            held.append(piece)
        return b"".join(held)


class Client:
    """Asks servers for one source. ``auth`` belongs to the origin of ``home``; ``may_visit`` says
    which addresses a redirect may lead to (None: the same origin only)."""

    def __init__(
        self, home: str, *, auth: httpx.Auth | None = None, may_visit: MayVisit | None = None
    ) -> None:
        self._origin = origin_of(valid(home))
        self._auth = auth
        self._may_visit = may_visit or (lambda url: origin_of(url) == self._origin)
        self._client = httpx.Client(
            transport=_Guarded(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            headers={"User-Agent": "Footnote", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        may_visit: MayVisit | None = None,
    ) -> Iterator[Answer]:
        """The answer, after redirects. Raises AppError SOURCE_REFUSED (401, 403), SOURCE_MISSING
        (404, 410), SOURCE_UNREACHABLE (no answer, or busy), SOURCE_ANSWER (anything else)."""
        url = valid(url)
        for _ in range(MOST_REDIRECTS + 1):
            response = self._sent(method, url, dict(headers or {}), content)
            try:
                target = response.headers.get("Location")
                if response.status_code not in _REDIRECTS or not target:
                    _judge(response)
                    yield _answer(response, url)
                    return
            finally:
                response.close()
            url = valid(urljoin(url, target).partition("#")[0])
            if not (may_visit or self._may_visit)(url):
                raise refused(ErrorCode.SOURCE_MISSING, reason="redirect")
        raise refused(ErrorCode.SOURCE_ANSWER, reason="redirects")

    def _sent(
        self, method: str, url: str, headers: dict[str, str], content: bytes
    ) -> httpx.Response:
        """The response, its body unread. A busy server is asked again when it says so."""
        auth = self._auth if origin_of(url) == self._origin else None
        for left in reversed(range(_TRIES)):
            request = self._client.build_request(method, url, headers=headers, content=content)
            with connecting():
                response = self._client.send(request, auth=auth, stream=True)
            if response.status_code not in _BUSY or not left:
                return response
            response.close()
            time.sleep(_wait(response.headers.get("Retry-After", "")))
        raise AssertionError


def _wait(said: str) -> float:
    return min(float(said), LONGEST_WAIT_S) if said.isdecimal() and len(said) < 6 else 1.0


@contextmanager
def connecting() -> Iterator[None]:
    """Turn failures of the network and of the other side into AppError SOURCE_UNREACHABLE."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, zlib.error) as error:
        reason = "certificate" if "CERTIFICATE" in str(error) else type(error).__name__
        raise refused(ErrorCode.SOURCE_UNREACHABLE, reason=reason) from error


def _judge(response: httpx.Response) -> None:
    status = response.status_code
    if status in {401, 403}:
        raise refused(ErrorCode.SOURCE_REFUSED, got=status)
    if status in {404, 410}:
        raise refused(ErrorCode.SOURCE_MISSING, got=status)
    if status >= 500 or status == 429:
        raise refused(ErrorCode.SOURCE_UNREACHABLE, got=status)
    if status != 304 and not 200 <= status < 300:
        raise refused(ErrorCode.SOURCE_ANSWER, got=status)


def _answer(response: httpx.Response, url: str) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(url, response.status_code, headers, _pieces(response))


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    """The body. A server that ignores "identity" is unpacked, within the same limits."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in {"", "identity", "gzip", "deflate"}:
        raise refused(ErrorCode.SOURCE_ANSWER, reason="encoding")
    unpacker = zlib.decompressobj(47) if encoding in {"gzip", "deflate"} else None
    until = time.monotonic() + ANSWER_S
    most = settings.UPLOAD_MAX_BYTES + 1
    with connecting():
        for piece in response.iter_raw(64 * 1024):
            if time.monotonic() > until:
                raise refused(ErrorCode.SOURCE_UNREACHABLE, reason="time")
            yield unpacker.decompress(piece, most) if unpacker else piece


def basic(name: str, password: str) -> httpx.Auth | None:
    """Name and password, if a name was given."""
    return httpx.BasicAuth(name, password) if name else None


class Bearer(httpx.Auth):
    """A token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
