"""A client of streamed chat completions that costs little: its core is shared with the mock."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked: an address with /v1, a model and a key."""

    name: str
    base_url: str
    model: str
    key: str = "none"


@dataclass(slots=True)
class Heard:
    """One stream. ``first_s``: to the first token; ``fault``: what was wrong with it, if anything;
    ``left_at``: when the client went away on purpose (the machine's monotonic clock)."""

    name: str
    first_s: float = 0.0
    took_s: float = 0.0
    tokens: list[str] = field(default_factory=list)
    fault: str = ""
    left_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many streams, so many at once, of which a share goes away in the middle."""

    streams: int
    at_once: int
    tokens: int
    leaving: float = 0.0
    seed: int = 7


async def ask_all(target: Target, load: Load) -> list[Heard]:
    """Every stream of a load, ``at_once`` at a time, each worker over a connection that is kept."""
    waiting = iter(range(load.streams))
    chance = random.Random(load.seed)
    leaving = {
        at: chance.randrange(1, load.tokens)
        for at in range(load.streams)
        if chance.random() < load.leaving
    }
    heard: list[Heard] = []

    async def work() -> None:
        caller = _Caller(target)
        for at in waiting:
            name = f"s{load.seed}x{at}"
            heard.append(await caller.ask(name, load.tokens, leaving.get(at, 0)))
        caller.close()

    await asyncio.gather(*(work() for _ in range(load.at_once)))
    return heard


class _Caller:
    def __init__(self, target: Target) -> None:
        self.target = target
        self.to: asyncio.StreamWriter | None = None

    async def ask(self, name: str, tokens: int, leaves_after: int) -> Heard:
        heard = Heard(name)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(120):
                await self._heard(heard, began, leaves_after)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
            heard.fault = f"{type(error).__name__} {error}"[:200]
            self.close()
        heard.took_s = time.perf_counter() - began
        if not heard.fault and not leaves_after:
            heard.fault = fault_of(heard, tokens)
        return heard

    async def _heard(self, heard: Heard, began: float, leaves_after: int) -> None:
        if self.to is None:
            url = urlsplit(self.target.base_url)
            self.source, self.to = await asyncio.open_connection(url.hostname, url.port)
        self.to.write(_request(self.target, heard.name))
        await self._head(heard)
        while size := int(await self.source.readline(), 16):
            piece = await self.source.readexactly(size + 2)
            for line in piece.split(b"\n"):
                if text := _text(line):
                    heard.first_s = heard.first_s or time.perf_counter() - began
                    heard.tokens += text.split()
            if leaves_after and len(heard.tokens) >= leaves_after:
                self.close()
                heard.left_at = time.monotonic()
                return
        await self.source.readline()

    async def _head(self, heard: Heard) -> None:
        head = await self.source.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            msg = head.split(b"\r\n", 1)[0].decode()
            self.close()
            raise ValueError(msg)

    def close(self) -> None:
        if self.to is not None:
            self.to.close()
            self.to = None


def _request(target: Target, name: str) -> bytes:
    url = urlsplit(target.base_url)
    body = json.dumps(
        {
            "model": target.model,
            "stream": True,
            "max_tokens": 64,
            "messages": [{"role": "user", "content": f"hello there {name}"}],
        }
    ).encode()
    head = (
        f"POST {url.path}/chat/completions HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _text(line: bytes) -> str:
    if not line.startswith(b"data: {"):
        return ""
    event = json.loads(line[6:])
    if "error" in event:
        raise ValueError(str(event["error"])[:150])
    said = [(choice.get("delta") or {}).get("content") or "" for choice in event["choices"]]
    return "".join(said)


def fault_of(heard: Heard, tokens: int) -> str:
    """What is wrong with a whole stream: tokens lost, doubled, out of order or of somebody else."""
    wanted = [f"{heard.name}:{at}" for at in range(tokens)]
    if heard.tokens == wanted:
        return ""
    return f"{len(heard.tokens)} of {tokens} tokens, {len(set(heard.tokens) & set(wanted))} right"


def faults(heard: Sequence[Heard]) -> list[str]:
    return [each.fault for each in heard if each.fault]
