"""Bytes on their way to a syslog server: TLS (RFC 5425), or plain to this very machine.

Syslog has no receipts. So after a batch we end our side of the connection and wait until the other
end has ended its own, having read everything; only then the batch counts as sent.
"""

import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

CONNECT_S = 10.0
# How long the other side may take to read a batch.
END_S = 20.0
_PORTS = {"tls": 6514, "tcp": 601, "udp": 514}
_MOST_DATAGRAM = 60_000


class NotSent(Exception):
    """It did not arrive, for all we know. ``reason`` is one of our words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send. ``ca``, ``certificate`` and ``key`` are paths of PEM files, or empty."""

    url: str
    ca: str = ""
    certificate: str = ""
    key: str = ""


def send(lines: Sequence[bytes], target: Target) -> None:
    """Send all lines, or raise NotSent; some may have arrived then."""
    parts = urlsplit(target.url)
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in _PORTS or not host:
        raise NotSent("address")
    try:
        place = (host, parts.port or _PORTS[scheme])
        if scheme == "udp":
            _datagrams(lines, place)
        else:
            _stream(
                b"".join(_framed(line) for line in lines), place, target, is_tls=scheme == "tls"
            )
    except ssl.SSLError as error:
        raise NotSent("tls") from error
    except TimeoutError as error:
        raise NotSent("timeout") from error
    except (OSError, ValueError) as error:
        raise NotSent("connection") from error


def _framed(line: bytes) -> bytes:
    """Octet counting, as RFC 5425 and RFC 6587 have it."""
    return b"%d %s" % (len(line), line)


def _datagrams(lines: Sequence[bytes], place: tuple[str, int]) -> None:
    family, kind, _protocol, _name, address = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
    _require_loopback(str(address[0]))
    with socket.socket(family, kind) as made:
        for line in lines:
            made.sendto(line[:_MOST_DATAGRAM], address)


def _stream(data: bytes, place: tuple[str, int], target: Target, *, is_tls: bool) -> None:
    with socket.create_connection(place, timeout=CONNECT_S) as plain:
        if not is_tls:
            _require_loopback(str(plain.getpeername()[0]))
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            _await_end(plain)
            return
        with _context(target).wrap_socket(plain, server_hostname=place[0]) as made:
            made.sendall(data)
            _end_tls(made)


def _end_tls(made: ssl.SSLSocket) -> None:
    made.settimeout(END_S)
    try:
        made.unwrap()  # our close_notify, and then theirs
    except TimeoutError:
        _require_taken(made)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        pass  # they ended without one, having read ours


def _await_end(plain: socket.socket) -> None:
    plain.settimeout(END_S)
    try:
        while plain.recv(4096):
            pass
    except TimeoutError:
        _require_taken(plain)


def _require_taken(made: socket.socket) -> None:
    """A server that does not end its side: its machine has at least acknowledged every byte."""
    waiting = struct.unpack("i", fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    if waiting:
        raise NotSent("timeout")


def _context(target: Target) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=target.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if target.certificate:
        context.load_cert_chain(target.certificate, target.key or None)
    return context


def _require_loopback(address: str) -> None:
    """Without encryption nothing leaves this machine."""
    if not ip_address(address.partition("%")[0]).is_loopback:
        raise NotSent("not_encrypted")
