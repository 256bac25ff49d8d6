"""Which addresses may be fetched from, and connections that go to exactly the address checked."""

import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from apps.core.errors import AppError, ErrorCode

Address = IPv4Address | IPv6Address
_PORTS = {"http": 80, "https": 443}


def refused(reason: str) -> AppError:
    return AppError(ErrorCode.ADDRESS_REFUSED, status=422, reason=reason)


def failed(reason: str, **details: object) -> AppError:
    return AppError(ErrorCode.FETCH_FAILED, status=422, reason=reason, **details)


@contextmanager
def connecting() -> Iterator[None]:
    """Turn failures of the network and of the other side into AppError FETCH_FAILED."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
        raise failed("connection") from error


def checked(url: str) -> SplitResult:
    """The parts of an address that may be asked at all. Raises AppError ADDRESS_REFUSED."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refused("address") from error
    if parts.scheme not in _PORTS:
        raise refused("scheme")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise refused("address")
    if port == 0:
        raise refused("port")
    return parts


def resolved(parts: SplitResult) -> str:
    """A public IP address of the host. Raises ADDRESS_REFUSED when any of them is not public: a
    name that leads to both is made to slip through."""
    addresses = looked_up(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    if not settings.FETCH_PRIVATE_ADDRESSES and not are_public(addresses):
        raise refused("private")
    return addresses[0]


def looked_up(host: str, port: int) -> list[str]:
    """Every IP address of a name. Raises AppError FETCH_FAILED."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed("name") from error
    return [str(entry[4][0]) for entry in found]


def are_public(addresses: Iterable[str]) -> bool:
    """Whether all of them are addresses of the internet."""
    return all(map(_is_public, addresses))


def _is_public(text: str) -> bool:
    address: Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            return False
        address = inner or address
    return address.is_global and not address.is_multicast and not _is_translated(address)


def _is_translated(address: Address) -> bool:
    """IPv6 that a gateway turns into IPv4 (64:ff9b::/96): the address inside may be private."""
    return isinstance(address, IPv6Address) and address.packed.startswith(b"\x00\x64\xff\x9b")


def connection(parts: SplitResult, deadline: float) -> http.client.HTTPConnection:
    """A connection to the host of ``parts`` at the very address that was checked. The name is not
    looked up again: a second answer could be another one."""
    address = resolved(parts)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    timeout = max(deadline - time.monotonic(), 0.1)
    made = http.client.HTTPConnection(host, port, timeout=timeout)
    with connecting():
        made.sock = socket.create_connection((address, port), timeout=timeout)
        if parts.scheme == "https":
            made.default_port = _PORTS["https"]
            try:
                made.sock = ssl.create_default_context().wrap_socket(
                    made.sock, server_hostname=host
                )
            except BaseException:
                made.close()
                raise
    return made
