"""Fetches a page or file from a public address, within limits of size and time."""

import http.client
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from email.message import Message
from urllib.parse import quote, unquote, urljoin, urlsplit

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.addresses import checked, connecting, connection, failed, refused
from apps.documents.arrival.names import suffix_of
from apps.engines.archives import kind_of, suffix_of_type
from apps.engines.media_types import SUFFIXES, MediaType

MOST_REDIRECTS = 5
SECONDS = 30.0
_READ_AT_ONCE = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SUFFIX_OF_TYPE = {
    **{str(media_type): media_type.suffixes[0] for media_type in MediaType},
    "application/xhtml+xml": "html",
    "text/xml": "xml",
    "application/x-yaml": "yaml",
    "application/x-ndjson": "jsonl",
}
# What servers say when they do not know: the bytes decide.
_UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response whose body is being read. ``url`` is where it was found after redirects."""

    url: str
    suffix: str
    pieces: Iterator[bytes]

    def named(self, name: str = "") -> str:
        """A file name for it, with a suffix that says the type."""
        parts = urlsplit(self.url)
        last = unquote(parts.path.rstrip("/").rpartition("/")[2])
        stem = name or last or parts.hostname or "page"
        known = kind_of(stem) or (suffix_of(stem) and suffix_of(stem) in SUFFIXES)
        return stem if known or not self.suffix else f"{stem}.{self.suffix}"


@contextmanager
def fetch(url: str, *, max_bytes: int) -> Iterator[Fetched]:
    """Ask for ``url`` and follow redirects, each checked like the first. Raises AppError
    ADDRESS_REFUSED, FETCH_FAILED, UNSUPPORTED or TOO_LARGE; nothing private is ever asked."""
    deadline = time.monotonic() + SECONDS
    url = _quoted(url.strip())
    for _ in range(MOST_REDIRECTS + 1):
        with (
            closing(connection(checked(url), deadline)) as asked,
            _response(asked, url) as response,
        ):
            target = response.headers.get("Location") if response.status in _REDIRECTS else None
            if target is None:
                fetched = _accepted(response, url, max_bytes)
                body = _body(response, deadline=deadline, max_bytes=max_bytes)
                yield replace(fetched, pieces=body)
                return
        url = _quoted(urljoin(url, target))
    raise failed("redirects")


def _quoted(url: str) -> str:
    """Chinese in paths and queries as browsers send it."""
    if any(char in url for char in "\r\n\t") or len(url) > 2000:
        raise refused("address")
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")


def _response(asked: http.client.HTTPConnection, url: str) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "User-Agent": "Footnote",
        "Accept": "text/html, text/plain, application/pdf;q=0.9, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    with connecting():
        asked.request("GET", target, headers=headers)
        return asked.getresponse()


def _accepted(response: http.client.HTTPResponse, url: str, max_bytes: int) -> Fetched:
    if response.status != 200:
        raise failed("status", got=response.status)
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=max_bytes // 1024 // 1024)
    said: Message = response.headers
    kind = said.get_content_type() if "Content-Type" in said else ""
    archive = suffix_of_type(kind, urlsplit(url).path)
    if archive is not None:
        return Fetched(url, archive, iter(()))
    if kind not in _SUFFIX_OF_TYPE and kind not in _UNKNOWN:
        raise AppError(ErrorCode.UNSUPPORTED, status=415, type=kind[:80])
    return Fetched(url, _SUFFIX_OF_TYPE.get(kind, ""), iter(()))


def _body(
    response: http.client.HTTPResponse, *, deadline: float, max_bytes: int
) -> Iterator[bytes]:
    """The body in pieces. A server that ignores "identity" is unpacked, within the same limit."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in {"identity", "", "gzip", "deflate"}:
        raise failed("encoding")
    unpacker = zlib.decompressobj(47) if encoding in {"gzip", "deflate"} else None
    size = 0
    while piece := _read(response, deadline):
        with connecting():
            data = unpacker.decompress(piece, max_bytes + 1) if unpacker else piece
        size += len(data)
        if size > max_bytes:
            raise AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=max_bytes // 1024 // 1024)
        yield data


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    if time.monotonic() > deadline:
        raise failed("time")
    with connecting():
        return response.read1(_READ_AT_ONCE)
