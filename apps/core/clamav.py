"""Asks clamd, ClamAV's daemon, whether a file is known to do harm. Off unless an address is set.

Its protocol is a handful of bytes (man clamd, "INSTREAM"), sent over a local socket or TCP. What is
not answered is not clean: every failure is an error, and whoever asked waits.
"""

import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from django.conf import settings

from apps.core.errors import ErrorCode, Permanent, Transient

_PIECE = 256 * 1024
_COMMAND = b"zINSTREAM\0"
_END = b"\0\0\0\0"
_TICK_S = 1.0
# From the last byte to the verdict: large archives take clamd minutes.
_PATIENCE_S = 300.0
_AGAIN_S = 15.0
_LONGEST_ANSWER = 4096


class Infected(Permanent):
    """The file is known to do harm; ``signature`` is its name in the scanner's list."""

    def __init__(self, signature: str) -> None:
        super().__init__(ErrorCode.INFECTED, signature=signature)
        self.signature = signature


def is_on() -> bool:
    """Whether files are scanned before they are read."""
    return bool(settings.CLAMAV)


def answers() -> bool:
    """Whether the scanner is there. Raises OSError like a part that is not."""
    with closing(_connected()) as clamd:
        clamd.settimeout(_TICK_S)
        clamd.sendall(b"zPING\0")
        return clamd.recv(16).startswith(b"PONG")


def scan(path: Path, *, beat: Callable[[], None]) -> None:
    """Returns only for a file that was scanned and found clean. ``beat`` is called about every
    second. Raises Infected; Permanent NOT_SCANNED when the scanner does not take a file of this
    size; Transient SCAN_WAIT when it does not answer."""
    try:
        with closing(_connected()) as clamd:
            answer = _asked(clamd, path, beat)
    except FileNotFoundError:
        if path.exists():  # the socket is not there
            raise _away() from None
        raise
    except OSError as error:
        raise _away() from error
    _judge(answer)


def _connected() -> socket.socket:
    address: str = settings.CLAMAV
    if address.startswith("/"):
        clamd = socket.socket(socket.AF_UNIX)
        target: str | tuple[str, int] = address
    else:
        host, _, port = address.rpartition(":")
        clamd = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        target = (host.strip("[]"), int(port))
    clamd.settimeout(_PATIENCE_S)
    try:
        clamd.connect(target)
    except OSError:
        clamd.close()
        raise
    return clamd


def _asked(clamd: socket.socket, path: Path, beat: Callable[[], None]) -> str:
    # It hangs up in the middle of what it does not want, and has said why before.
    with suppress(BrokenPipeError, ConnectionResetError), path.open("rb") as file:
        clamd.sendall(_COMMAND)
        while piece := file.read(_PIECE):
            clamd.sendall(len(piece).to_bytes(4, "big") + piece)
            beat()
        clamd.sendall(_END)
    return _answer(clamd, beat)


def _answer(clamd: socket.socket, beat: Callable[[], None]) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    clamd.settimeout(_TICK_S)
    said = b""
    while not said.endswith(b"\0") and len(said) < _LONGEST_ANSWER:
        beat()
        if time.monotonic() > deadline:
            raise TimeoutError
        with suppress(TimeoutError):
            piece = clamd.recv(_LONGEST_ANSWER)
            if not piece:
                break
            said += piece
    return said.rstrip(b"\0").decode(errors="replace").strip()


def _judge(answer: str) -> None:
    if answer == "stream: OK":
        return
    if answer.endswith(" FOUND"):
        raise Infected(answer.removeprefix("stream: ").removesuffix(" FOUND")[:120])
    if "size limit exceeded" in answer:
        raise Permanent(ErrorCode.NOT_SCANNED)
    raise _away()


def _away() -> Transient:
    return Transient(ErrorCode.SCAN_WAIT, retry_after=_AGAIN_S)
