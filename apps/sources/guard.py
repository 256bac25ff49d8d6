"""Which servers sources may connect to: public ones, and internal ones that the environment names.

The name is looked up once and the connection goes to the very address that was checked.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from django.conf import settings

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.addresses import are_public, looked_up


def address_of(host: str, port: int, *, named: Sequence[str] | None = None) -> str:
    """The IP address to connect to. Raises AppError SOURCE_UNREACHABLE when the name is unknown,
    SOURCE_NOT_ALLOWED when any of its addresses is internal and nobody allowed that. ``named``
    are the internal servers that may be asked, by default those of sources."""
    allowed = settings.SOURCE_HOSTS if named is None else named
    try:
        found = looked_up(host, port)
    except AppError as error:
        raise AppError(ErrorCode.SOURCE_UNREACHABLE, status=422, reason="name") from error
    if (
        are_public(found)
        or settings.FETCH_PRIVATE_ADDRESSES
        or _is_named(host, port, found, allowed)
    ):
        return found[0]
    raise AppError(ErrorCode.SOURCE_NOT_ALLOWED, status=422, reason="private")


def _is_named(host: str, port: int, addresses: Sequence[str], named: Sequence[str]) -> bool:
    spellings = {host.lower(), f"{host.lower()}:{port}", f"[{host.lower()}]:{port}"}
    return any(allowed in spellings or _holds(allowed, addresses) for allowed in named)


def _holds(network: str, addresses: Sequence[str]) -> bool:
    """Whether all addresses lie in a network such as 10.20.0.0/16."""
    if "/" not in network:
        return False
    try:
        inside = ip_network(network, strict=False)
    except ValueError:
        return False
    return all(ip_address(each.partition("%")[0]) in inside for each in addresses)
