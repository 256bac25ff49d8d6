"""From which address a request came, for whoever writes down what it did."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_address: ContextVar[str] = ContextVar("address", default="")


def current_address() -> str:
    """The client's address, as the listed proxies say it; empty in jobs and commands."""
    return _address.get()


@contextmanager
def came_from(address: str) -> Iterator[None]:
    """Run the block for a request from ``address``. What is no address (a socket file) is none."""
    known = known_address(address)
    token = _address.set("" if known is None else str(known))
    try:
        yield
    finally:
        _address.reset(token)


def known_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a text, an IPv4 one as such however it was written; None for anything else."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
