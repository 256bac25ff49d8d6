"""The frames of an answer as server-sent events, for machines."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from apps.chat import running
from apps.permissions.scope import Scope, entered

# A silent stream is taken for dead by proxies: a comment keeps it open.
PING_S = 15.0
# Ends of lines to some readers of event streams, though not by the standard.
_LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}


async def events(turn_id: UUID, scope: Scope, *, after: int = 0) -> AsyncIterator[bytes]:
    """Follow one answer to its end. Closing this stops following; the answer goes on.

    The body of a response is sent after the middleware has left the scope: it is entered again.
    """
    with entered(scope):
        async with aclosing(running.follow(turn_id, after=after)) as frames:
            async for frame in with_pings(frames):
                yield b": ping\n\n" if frame is None else _encoded(frame)


async def with_pings(frames: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Each frame; None whenever none came for a while."""
    while True:
        waiting = asyncio.ensure_future(anext(frames, StopAsyncIteration))
        try:
            while not (await asyncio.wait({waiting}, timeout=PING_S))[0]:
                yield None
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})
        frame = waiting.result()
        if frame is StopAsyncIteration:
            return
        yield frame


def _encoded(frame: dict[str, Any]) -> bytes:
    data = json.dumps(frame, ensure_ascii=False, default=str).translate(_LINE_ENDS)
    return f"event: {frame['type']}\nid: {frame['n']}\ndata: {data}\n\n".encode()
