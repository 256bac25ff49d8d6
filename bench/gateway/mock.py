"""A model server with chosen delays: ``python -m bench.gateway.mock PORT FIRST_MS NEXT_MS TOKENS``.

It says ``NAME:0 NAME:1 …`` where NAME is the last word of the question, so that who reads it can
tell a lost, a doubled and a foreign token. ``GET /stats`` tells what runs and when each stream
that was broken off ended (seconds of the machine's monotonic clock). As little work a token as
Python allows: whoever shares its core is measured, not it.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = (
    '{"id":"mock","object":"chat.completion.chunk","created":1,"model":"mock","choices":'
    '[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}'
)
_LAST = (
    '{"id":"mock","object":"chat.completion.chunk","created":1,"model":"mock","choices":'
    '[{"index":0,"delta":{},"finish_reason":"stop"}]}'
)
_USAGE = (
    '{"id":"mock","object":"chat.completion.chunk","created":1,"model":"mock","choices":[],'
    '"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}}'
)


@dataclass(slots=True)
class Mock:
    """What it does and has done."""

    first_s: float
    next_s: float
    tokens: int
    running: int = 0
    most: int = 0
    answered: int = 0
    broken_off: dict[str, float] = field(default_factory=dict)

    def stats(self) -> bytes:
        told = {
            "running": self.running,
            "most": self.most,
            "answered": self.answered,
            "broken_off": self.broken_off,
        }
        return json.dumps(told).encode()


class _Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.rest = b""
        self.name = ""
        self.at = 0
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.mock.running -= 1
            self.mock.broken_off[self.name] = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET"):
            self.rest = b""
            self._answer(self.mock.stats())
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self.rest = body[length:]
            self._begin(json.loads(body[:length]))

    def _begin(self, asked: dict[str, object]) -> None:
        messages = asked["messages"]
        assert isinstance(messages, list)
        self.name = str(messages[-1]["content"]).split()[-1]
        self.at = 0
        self.mock.running += 1
        self.mock.most = max(self.mock.most, self.mock.running)
        self.timer = asyncio.get_running_loop().call_later(self.mock.first_s, self._token)

    def _token(self) -> None:
        pieces = [_event(_CHUNK % f"{self.name}:{self.at} ")]
        if self.at == 0:
            pieces.insert(0, _HEAD)
        self.at += 1
        if self.at < self.mock.tokens:
            loop = asyncio.get_running_loop()
            self.timer = loop.call_later(self.mock.next_s, self._token)
        else:
            self.timer = None
            self.mock.running -= 1
            self.mock.answered += 1
            usage = _USAGE % (self.mock.tokens, 9 + self.mock.tokens)
            pieces += [_event(_LAST), _event(usage), _event("[DONE]"), b"0\r\n\r\n"]
        self.transport.write(b"".join(pieces))

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)


def _event(payload: str) -> bytes:
    event = b"data: " + payload.encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


async def _serve(port: int, mock: Mock) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(mock), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    port, first_ms, next_ms, tokens = map(int, sys.argv[1:5])
    uvloop.run(_serve(port, Mock(first_ms / 1000, next_ms / 1000, tokens)))
