"""An answer as a stream of deltas, with time-outs and a guard against endless ones."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from apps.rag.loops import LoopGuard
from apps.rag.ports import Delta, DeltaKind, EngineUnavailable, Generator, Turn
from apps.rag.thinking import ThinkingSplitter

FINISH_LENGTH = "length"
FINISH_LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, for the first text, for the next, and for all of it."""

    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 600.0


async def generate(
    turns: Sequence[Turn],
    generator: Generator,
    *,
    max_tokens: int,
    patience: Patience,
    max_chars: int,
) -> AsyncGenerator[Delta, None]:
    """Stream an answer; read it with ``contextlib.aclosing``, so that a stop reaches the server.

    Raises EngineUnavailable when a wait is longer than the patience, also in the middle: what was
    yielded by then was said. Thinking written as ``<think>`` comes as THINKING. An answer above
    ``max_chars`` (text and thinking counted apart) is cut there with ``finish="length"``, one
    that goes round in circles ends with ``finish="loop"``; either closes the engine's stream.
    """
    splitter = ThinkingSplitter()
    gauge = _Gauge(max_chars)
    async with (
        _closing(generator.stream(turns, max_tokens=max_tokens)) as stream,
        aclosing(in_time(stream, patience)) as deltas,
    ):
        async for delta in deltas:
            for part in _parts(delta, splitter):
                allowed = gauge.measure(part)
                if allowed.is_word or allowed.usage or allowed.finish:
                    yield allowed
                if gauge.verdict:
                    yield Delta("", finish=gauge.verdict)
                    return
    for part in splitter.flush():
        yield gauge.measure(part)


def _parts(delta: Delta, splitter: ThinkingSplitter) -> Iterable[Delta]:
    """A delta of the engine as deltas of one kind each; the finish comes last and empty."""
    if delta.kind is not DeltaKind.TEXT:
        yield replace(delta, usage=None, finish="")
    else:
        yield from splitter.feed(delta.text)
    if delta.finish:
        yield from splitter.flush()
    if delta.finish or delta.usage:
        yield Delta("", usage=delta.usage, finish=delta.finish)


@dataclass(slots=True)
class _Gauge:
    """Cuts what is too long; ``verdict`` says why the answer has to end, "" while it may go on."""

    max_chars: int
    verdict: str = ""
    _said: dict[DeltaKind, int] = field(default_factory=lambda: dict.fromkeys(DeltaKind, 0))
    _guards: dict[DeltaKind, LoopGuard] = field(
        default_factory=lambda: {kind: LoopGuard() for kind in DeltaKind}
    )

    def measure(self, delta: Delta) -> Delta:
        room = self.max_chars - self._said[delta.kind]
        if len(delta.text) > room:
            self.verdict = FINISH_LENGTH
            delta = replace(delta, text=delta.text[:room])
        elif (
            delta.text
            and delta.kind is not DeltaKind.CALL
            and self._guards[delta.kind].is_looping(delta.text)
        ):
            self.verdict = FINISH_LOOP
        self._said[delta.kind] += len(delta.text)
        return delta


async def in_time(stream: AsyncIterator[Delta], patience: Patience) -> AsyncGenerator[Delta, None]:
    """The stream, or EngineUnavailable where it lets one wait.

    Waits in the task of the caller (``asyncio.timeout``, not ``wait_for``): HTTP clients refuse to
    be closed in another task than the one that opened them.
    """
    began = time.monotonic()
    has_begun = False
    while True:
        now = time.monotonic()
        until = now + patience.between_tokens_s if has_begun else began + patience.first_token_s
        try:
            async with asyncio.timeout(min(until, began + patience.total_s) - now):
                delta = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise EngineUnavailable(f"nothing within {patience}") from error
        has_begun = has_begun or delta.is_word
        yield delta


@asynccontextmanager
async def _closing(stream: AsyncIterator[Delta]) -> AsyncIterator[AsyncIterator[Delta]]:
    """Close a stream that can be closed, however its reading ends."""
    if isinstance(stream, AsyncGenerator):
        async with aclosing(stream):
            yield stream
    else:
        yield stream
