"""Server-sent events as OpenAI-compatible servers send them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from apps.rag.ports import CallPart, Delta, DeltaKind, EngineRejected, EngineUnavailable, Usage

_DONE = "[DONE]"
_DRAIN_S = 0.2
_LONGEST_LINE = 4 * 1024 * 1024
_MOST_CALLS = 128


async def within(
    source: AsyncIterator[bytes], *, first_s: float, then_s: float
) -> AsyncIterator[bytes]:
    """The pieces of ``source``; EngineUnavailable when one is waited for too long."""
    patience = first_s
    while True:
        try:
            async with asyncio.timeout(patience):
                piece = await anext(source)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise EngineUnavailable(f"silent for {patience:g} s") from error
        patience = then_s
        yield piece


async def drain(source: AsyncIterator[bytes]) -> None:
    """Read what follows ``[DONE]``, if it comes at once: only then is the connection used again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in source:
                pass


async def data_lines(source: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The ``data:`` payloads up to ``[DONE]``; a stream may break lines and characters anywhere.

    Lines end at a line feed only: JSON may hold U+2028 and its kin unescaped.
    """
    rest = b""
    async for piece in source:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise EngineUnavailable("an event without end")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
    if rest.startswith(b"data:"):
        yield rest[5:].strip().decode("utf-8", "replace")


@dataclass
class StreamReader:
    """Reads payloads into deltas, and knows at the end whether the answer was whole."""

    finish: str = ""
    usage: Usage | None = None
    is_done: bool = False

    def read(self, payload: str) -> list[Delta]:
        """The deltas of one payload. Raises EngineUnavailable or EngineRejected."""
        if payload == _DONE:
            self.is_done = True
        if self.is_done or not payload:
            return []
        event = _parsed(payload)
        self.usage = _usage(event) or self.usage
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        self.finish = str(choices[0].get("finish_reason") or self.finish)
        delta = choices[0].get("delta")
        return _deltas(delta) if isinstance(delta, dict) else []

    def end(self) -> Delta:
        """The last delta. Raises EngineUnavailable when the stream broke off before its end."""
        if not self.finish and not self.is_done:
            raise EngineUnavailable("the stream broke off")
        return Delta("", usage=self.usage, finish=self.finish or "stop")


def _parsed(payload: str) -> dict[str, Any]:
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise EngineUnavailable(f"no JSON in the stream: {payload[:200]!r}") from error
    if not isinstance(event, dict):
        raise EngineUnavailable(f"no object in the stream: {payload[:200]!r}")
    problem = event.get("error")
    if problem:
        code = problem.get("code") if isinstance(problem, dict) else None
        kind = EngineRejected if isinstance(code, int) and 400 <= code < 500 else EngineUnavailable
        raise kind(f"an error in the stream: {str(problem)[:500]}")
    return event


def _deltas(delta: dict[str, Any]) -> list[Delta]:
    found = []
    thinking = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(thinking, str) and thinking:
        found.append(Delta(thinking, DeltaKind.THINKING))
    text = delta.get("content")
    if isinstance(text, str) and text:
        found.append(Delta(text))
    calls = delta.get("tool_calls")
    return found + (list(_call_parts(calls)) if isinstance(calls, list) else [])


def _call_parts(calls: list[Any]) -> Iterator[Delta]:
    """Pieces of calls. Servers that send each call whole may leave out its index."""
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        index = place if call.get("index") is None else call["index"]
        if not isinstance(index, int) or not 0 <= index < _MOST_CALLS:
            raise EngineUnavailable(f"a call of a tool numbered {index!r}")
        part = CallPart(index, str(call.get("id") or ""), str(function.get("name") or ""))
        yield Delta(str(function.get("arguments") or ""), DeltaKind.CALL, call=part)


def _usage(event: dict[str, Any]) -> Usage | None:
    usage = event.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
