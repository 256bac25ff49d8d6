"""A connection to the first server that answers, checked, limited in time, without referrals."""

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ldap
from django.conf import settings as django_settings
from django.core.cache import cache
from ldap.ldapobject import LDAPObject
from redis.exceptions import RedisError

from apps.core.errors import AppError, ErrorCode
from apps.core.origin import known_address
from apps.directory.ldap.settings import Settings

# A server that did not answer is asked last for so long.
_REST_S = 30
# What another server may answer better.
DOWN = (
    ldap.SERVER_DOWN,
    ldap.CONNECT_ERROR,
    ldap.TIMEOUT,
    ldap.TIMELIMIT_EXCEEDED,
    ldap.UNAVAILABLE,
    ldap.BUSY,
    ldap.LOCAL_ERROR,
)


def parts_of(address: str) -> tuple[str, str, int]:
    """(scheme, host, port). Raises AppError DIRECTORY_ADDRESS for what is no LDAP address."""
    try:
        split = urlsplit(address)
        port = split.port or (636 if split.scheme == "ldaps" else 389)
    except ValueError as error:
        raise AppError(ErrorCode.DIRECTORY_ADDRESS, status=422) from error
    if split.scheme not in {"ldap", "ldaps"} or not split.hostname or split.path.strip("/"):
        raise AppError(ErrorCode.DIRECTORY_ADDRESS, status=422)
    return split.scheme, split.hostname, port


def require_encryption(settings: Settings) -> None:
    """Raise AppError DIRECTORY_PLAIN when passwords would go over a network as they are typed:
    only to this machine itself, and to hosts that whoever runs it has named."""
    for address in settings.addresses:
        scheme, host, _port = parts_of(address)
        is_safe = scheme == "ldaps" or settings.is_start_tls or _is_here(host)
        if not is_safe and host.lower() not in django_settings.LDAP_PLAIN_HOSTS:
            raise AppError(ErrorCode.DIRECTORY_PLAIN, status=400, field="addresses", reason="plain")


def _is_here(host: str) -> bool:
    address = known_address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


# --- which server ---------------------------------------------------------------------------------
def _slot(address: str) -> str:
    return f"directory:rests:{hashlib.sha256(address.encode()).hexdigest()}"


def rest(address: str) -> None:
    """Ask this server last for a while."""
    with suppress(RedisError, OSError):
        cache.set(_slot(address), 1, _REST_S)


def in_order(settings: Settings) -> list[str]:
    """Addresses to try; those that failed a moment ago come last, where that is known."""
    try:
        rests = cache.get_many([_slot(each) for each in settings.addresses])
    except (RedisError, OSError):
        rests = {}
    return sorted(settings.addresses, key=lambda each: _slot(each) in rests)


# --- one connection -------------------------------------------------------------------------------
def options(settings: Settings) -> dict[int, Any]:
    """Options of every connection, in the order in which libldap wants them."""
    chosen: dict[int, Any] = {
        ldap.OPT_PROTOCOL_VERSION: ldap.VERSION3,
        # A referral would send the password to a server that nobody named.
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_NETWORK_TIMEOUT: settings.timeout_s,
        ldap.OPT_TIMEOUT: settings.timeout_s,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
        ldap.OPT_X_TLS_PROTOCOL_MIN: ldap.OPT_X_TLS_PROTOCOL_TLS1_2,
    }
    if settings.ca:
        chosen[ldap.OPT_X_TLS_CACERTFILE] = ca_file(settings.ca)
    chosen[ldap.OPT_X_TLS_NEWCTX] = 0
    return chosen


def ca_file(pem: str) -> str:
    """A file with these certificates, named after what it holds. libldap reads files only."""
    folder = Path(tempfile.gettempdir()) / f"footnote-ca-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{hashlib.sha256(pem.encode()).hexdigest()}.pem"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(pem, encoding="utf-8")
        part.replace(path)
    return str(path)


def opened(settings: Settings, address: str) -> LDAPObject:
    """A connection that has been made and encrypted, without signing in. Raises LDAPError."""
    connection = ldap.initialize(address, bytes_mode=False)
    for option, value in options(settings).items():
        connection.set_option(option, value)
    if settings.is_start_tls and not address.startswith("ldaps:"):
        connection.start_tls_s()
    return connection


@contextmanager
def connected(settings: Settings) -> Iterator[LDAPObject]:
    """Signed in as the service account at the first server that answers. Raises AppError."""
    connection = _first(settings)
    try:
        yield connection
    except ldap.LDAPError as error:
        raise refusal(error) from error
    finally:
        with suppress(ldap.LDAPError):
            connection.unbind_s()


def _first(settings: Settings) -> LDAPObject:
    last: ldap.LDAPError = ldap.SERVER_DOWN()
    for address in in_order(settings):
        try:
            connection = opened(settings, address)
            connection.simple_bind_s(settings.bind_dn, settings.bind_password)
        except DOWN as error:
            rest(address)
            last = error
        except ldap.LDAPError as error:
            raise refusal(error) from error
        else:
            return connection
    raise refusal(last) from last


def reached(address: str, timeout_s: float) -> None:
    """Connect to the port and hang up. Raises OSError."""
    _scheme, host, port = parts_of(address)
    with socket.create_connection((host, port), timeout=timeout_s):
        pass


# --- what went wrong ------------------------------------------------------------------------------
_CODES: tuple[tuple[tuple[type[ldap.LDAPError], ...], ErrorCode], ...] = (
    ((ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH), ErrorCode.DIRECTORY_PASSWORD),
    (
        (ldap.CONFIDENTIALITY_REQUIRED, ldap.STRONG_AUTH_REQUIRED),
        ErrorCode.DIRECTORY_WANTS_TLS,
    ),
    ((ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX), ErrorCode.DIRECTORY_BASE),
    ((ldap.FILTER_ERROR,), ErrorCode.DIRECTORY_FILTER),
    ((ldap.INSUFFICIENT_ACCESS,), ErrorCode.DIRECTORY_RIGHTS),
    (
        (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.UNAVAILABLE_CRITICAL_EXTENSION),
        ErrorCode.DIRECTORY_LIMIT,
    ),
)


def refusal(error: ldap.LDAPError) -> AppError:
    """The same as an error with a sentence. What the server said is not passed on: some repeat
    what they were sent."""
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return AppError(code, status=502)
    if isinstance(error, ldap.CONNECT_ERROR):
        return AppError(ErrorCode.DIRECTORY_TLS, status=502)
    if isinstance(error, DOWN):
        return AppError(ErrorCode.DIRECTORY_DOWN, status=502)
    return AppError(ErrorCode.DIRECTORY_ANSWER, status=502)
