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
    token = _address.set(_known(address))
    try:
        yield
    finally:
        _address.reset(token)


def _known(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return ""
