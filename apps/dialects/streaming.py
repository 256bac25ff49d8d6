"""Answers on their way to a program that may leave: then they stop, since nobody will read them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from apps.chat import passing, running
from apps.chat.frames import LAST_FRAMES, ServerFrame
from apps.chat.models import Turn
from apps.chat.running import Collected
from apps.chat.services import Opened
from apps.chat.sse import with_pings
from apps.core.aio import in_thread
from apps.core.errors import ErrorCode
from apps.core.openai_errors import openai_error_body
from apps.dialects.said import DONE, Chunks, Voice, event, failed
from apps.permissions.scope import Scope, entered

# An error that shows within this time has a status of its own; then the stream begins.
PATIENCE_S = 5.0
# To be recorded after a stop.
STOPPING_S = 5.0


async def whole(opened: Opened, *, is_kept: bool) -> Collected:
    """The answer once it is complete. Cancelled (the program has gone), it stops."""
    try:
        said = await running.answer_once(opened)
        is_kept = is_kept and not said.calls
    except asyncio.CancelledError:
        await _stopped(opened)
        raise
    finally:
        await _settled(opened, is_kept=is_kept)
    return said


async def begun(opened: Opened, *, is_kept: bool) -> Collected | None:
    """Start an answer, and wait a little for what becomes of it: one that fails before its first
    word comes back, so that it can be answered with a status of its own."""
    await running.start(opened)
    said = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = await _failed_at_once(opened)
    except TimeoutError:
        return None
    except asyncio.CancelledError:
        await _stopped(opened)
        await _settled(opened, is_kept=is_kept)
        raise
    if said is not None:
        await _settled(opened, is_kept=is_kept)
    return said


async def _failed_at_once(opened: Opened) -> Collected | None:
    said = Collected(opened.turn_id)
    async with aclosing(running.follow(opened.turn_id)) as frames:
        async for frame in frames:
            said.add(frame)
            if frame["type"] == "delta":
                return None
    return said if failed(said) else None


async def chunks(
    opened: Opened, voice: Voice, scope: Scope, *, counts: bool
) -> AsyncIterator[bytes]:
    """The body of a streamed answer. Closing it stops the answer."""
    made = Chunks(voice, counts, Collected(opened.turn_id))
    is_over = False
    with entered(scope):
        try:
            yield made.first()
            async with aclosing(running.follow(opened.turn_id)) as frames:
                async for frame in with_pings(frames):
                    if frame is None:
                        yield b": ping\n\n"
                        continue
                    is_over = frame["type"] in LAST_FRAMES
                    if piece := _piece(made, frame):
                        yield piece
            async for piece in _ending(made):
                yield piece
        finally:
            if not is_over:
                await _stopped(opened)
            await _settled(opened, is_kept=voice.keeps(made.said))


def _piece(made: Chunks, frame: ServerFrame) -> bytes:
    made.said.add(frame)
    return made.delta(frame["text"], frame["kind"]) if frame["type"] == "delta" else b""


async def _ending(made: Chunks) -> AsyncGenerator[bytes, None]:
    said = made.said
    if failed(said):
        yield event(openai_error_body(ErrorCode(said.error_code), status=500))
        yield DONE
        return
    await running.with_figures(said)
    for piece in made.last():
        yield piece
    if made.counts:
        yield made.tokens()
    yield DONE


async def _stopped(opened: Opened) -> None:
    """Stop an answer whose program has gone, and see it recorded, but wait for that no longer than
    a little."""
    with contextlib.suppress(TimeoutError, Turn.DoesNotExist):
        async with asyncio.timeout(STOPPING_S):
            await running.stop(opened.turn_id)
            await running.collect(opened.turn_id)


async def _settled(opened: Opened, *, is_kept: bool) -> None:
    """Forget the conversation, or keep it: one with tools was open to both."""
    if not is_kept:
        await in_thread(partial(passing.drop, conversation_id=opened.conversation_id))
    elif opened.wishes.has_tools:
        await in_thread(partial(passing.keep, conversation_id=opened.conversation_id))
