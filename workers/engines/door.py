"""The address of a replica that answers while the replica itself sleeps, and wakes it.

While it is up, connections are passed through byte by byte. While it sleeps, a question with the
key wakes it and waits; who only looks (``/health``, ``/v1/models``, ``/metrics``) is answered here.
"""

import asyncio
import contextlib
import hmac
import json
import time
from http import HTTPStatus
from typing import Protocol

_HEAD_S = 10.0
_LONGEST_HEAD = 64 * 1024
_MOST_WAITING = 500
_PIECE = 64 * 1024
# Of one that waits; more stays with the visitor until the engine takes it.
_LONGEST_KEPT = 1024 * 1024


class Gate(Protocol):
    """What a door must know of its replica."""

    name: str
    key: str
    wake_s: float

    @property
    def upstream(self) -> tuple[str, int] | None:
        """Where the engine answers; None while it does not."""

    @property
    def can_wake(self) -> bool:
        """Whether a question is worth waiting for: it sleeps, or is on its way up from there."""

    def wake(self) -> None:
        """Somebody asks it something."""

    async def up(self) -> tuple[str, int] | None:
        """Where the engine answers, once it does; None once it is not worth waiting for."""


class Door:
    """Listens from ``open`` to ``close``."""

    def __init__(self, gate: Gate, *, host: str, port: int) -> None:
        self._gate, self._host, self._port = gate, host, port
        self._server: asyncio.Server | None = None
        self._waiting = 0

    async def open(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(
            self._visitor, self._host, self._port, limit=_LONGEST_HEAD
        )

    def close(self) -> None:
        """Take no new connections."""
        if self._server is not None:
            self._server.close()

    async def _visitor(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            came = bytearray(head)
            upstream = await self._admitted(came, reader, writer)
            if upstream is not None:
                await _pass_through(bytes(came), reader, writer, upstream)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # gone, too slow or no HTTP: there is nobody to tell
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _admitted(
        self, came: bytearray, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int] | None:
        """Where to pass the request to, perhaps after waking; None where it was answered here.
        ``came``: the head, to which is added what comes while it waits."""
        if (upstream := self._gate.upstream) is not None:
            return upstream
        head = bytes(came)
        method, _space, rest = head.partition(b" ")
        if method == b"GET":
            _answer(writer, *self._looked(rest.partition(b" ")[0]))
        elif not self._has_key(head):
            _answer(writer, HTTPStatus.UNAUTHORIZED, _error("TOKEN", "A valid key is needed."))
        elif self._gate.can_wake and self._waiting < _MOST_WAITING:
            return await self._woken(came, reader, writer)
        else:
            _answer(writer, HTTPStatus.SERVICE_UNAVAILABLE, _STARTING)
        return None

    async def _woken(
        self, came: bytearray, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int] | None:
        """Waits until it is up, the start failed or the visitor left."""
        self._gate.wake()
        self._waiting += 1
        up, leaving = asyncio.create_task(self._gate.up()), asyncio.create_task(_left(reader, came))
        try:
            await asyncio.wait(
                {up, leaving}, timeout=self._gate.wake_s, return_when=asyncio.FIRST_COMPLETED
            )
            upstream = up.result() if up.done() else None
            if upstream is None and not leaving.done():
                _answer(writer, HTTPStatus.SERVICE_UNAVAILABLE, _STARTING)
            return upstream
        finally:
            self._waiting -= 1
            for task in (up, leaving):
                task.cancel()
            await asyncio.gather(up, leaving, return_exceptions=True)

    def _looked(self, path: bytes) -> tuple[HTTPStatus, bytes]:
        """A replica that sleeps is well: whoever looks at it must not think it is down."""
        if not self._gate.can_wake:
            return HTTPStatus.SERVICE_UNAVAILABLE, _STARTING
        model = {"id": self._gate.name, "object": "model", "created": int(time.time())}
        known = {
            b"/health": b"",
            b"/metrics": b"vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n",
            b"/v1/models": json.dumps({"object": "list", "data": [model]}).encode(),
        }
        found = known.get(path)
        if found is None:
            return HTTPStatus.NOT_FOUND, _error("NOT_FOUND", "There is nothing here.")
        return HTTPStatus.OK, found

    def _has_key(self, head: bytes) -> bool:
        if not self._gate.key:
            return True
        wanted = f"bearer {self._gate.key}".encode()
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        given = [value.strip() for name, _c, value in lines if name.lower() == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0][:7].lower() + given[0][7:], wanted)


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


_STARTING = _error("ENGINE_STARTING", "The engine is not up at present. Ask again in a moment.")


def _answer(writer: asyncio.StreamWriter, status: HTTPStatus, body: bytes) -> None:
    kind = b"text/plain" if body.startswith(b"vllm:") else b"application/json"
    writer.write(
        b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
        % (status.value, status.phrase.encode(), kind, len(body))
        + (b"Retry-After: 5\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else b"")
        + b"Connection: close\r\n\r\n"
        + body
    )


async def _left(reader: asyncio.StreamReader, came: bytearray) -> None:
    """Returns when the visitor is gone. What is sent meanwhile is kept: only who reads hears that
    nobody is there any more."""
    while len(came) < _LONGEST_KEPT:
        piece = await reader.read(_PIECE)
        if not piece:
            return
        came += piece
    await asyncio.Future()


async def _pass_through(
    head: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    upstream: tuple[str, int],
) -> None:
    """Both ways until one side ends; then the other is ended too, so that an engine notices at once
    that nobody listens any more."""
    back_reader, back_writer = await asyncio.open_connection(*upstream)
    try:
        back_writer.write(head)
        ways = {
            asyncio.create_task(_pump(reader, back_writer)),
            asyncio.create_task(_pump(back_reader, writer)),
        }
        _done, running = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in running:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        back_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
