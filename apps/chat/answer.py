"""Answer one question: prepare in a thread, generate on the loop, record in a thread.

No database connection is held while the model talks.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist

from apps.chat import framing
from apps.chat.frames import Delta, ServerFrame
from apps.chat.models import Turn
from apps.chat.recording import Doubt, Prepared, Said, close_turn, prepare
from apps.chat.services import Opened
from apps.core.aio import in_thread
from apps.core.errors import AppError, ErrorCode
from apps.rag import evidence
from apps.rag.cite import CitationStream
from apps.rag.generate import generate
from apps.rag.ports import DeltaKind, EngineError, EngineRejected, EngineUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")


async def answer(opened: Opened) -> AsyncGenerator[ServerFrame, None]:
    """The frames of one answer; the last is done, stopped or error, and is recorded.

    Cancelling the task that reads this stops the answer: what was said is recorded and the stopped
    frame still comes. So the reader must not await anything between two frames.
    """
    said = Said()
    prepared: Prepared | None = None
    state, code = Turn.State.COMPLETE, ""
    yield _started(opened)
    try:
        prepared = await in_thread(partial(prepare, opened))
        yield _sources(opened, prepared)
        async with aclosing(_spoken(opened, prepared, said)) as deltas:
            async for delta in deltas:
                yield delta
    except asyncio.CancelledError:
        state = Turn.State.STOPPED
    except Exception as error:  # noqa: BLE001 - outermost: however it fails, it is recorded
        state, code = Turn.State.FAILED, _code_of(error)
    close = partial(
        close_turn, opened=opened, prepared=prepared, said=said, state=state, error_code=code
    )
    closed = await _to_the_end(in_thread(close))
    yield framing.ended(opened.turn_id, closed, said=said.length)


def _started(opened: Opened) -> ServerFrame:
    return framing.started(
        opened.turn_id,
        conversation_id=opened.conversation_id,
        title=opened.title,
        question=opened.question,
        parent_id=opened.parent_id,
        request=opened.request,
    )


def _sources(opened: Opened, prepared: Prepared) -> ServerFrame:
    return framing.sources(
        opened.turn_id, prepared.shown, hidden=prepared.hidden, note=prepared.note
    )


async def _spoken(opened: Opened, prepared: Prepared, said: Said) -> AsyncGenerator[Delta, None]:
    """The answer as delta frames, citations made whole across the borders of tokens. Where the
    sources answer nothing, a program's tools may: then only their calls are let through."""
    within_s = prepared.patience.first_token_s
    refusal = prepared.refusal or await _refusal_after(prepared.doubt, within_s=within_s)
    if refusal and not prepared.has_tools:
        yield _said(opened, said, refusal, DeltaKind.TEXT)
        return
    marks = CitationStream(len(prepared.sources))
    stream = generate(
        prepared.messages,
        prepared.generator,
        max_tokens=prepared.max_tokens,
        patience=prepared.patience,
        max_chars=prepared.max_chars,
    )
    async with aclosing(stream) as deltas:
        async for delta in deltas:
            said.note(delta)
            if refusal or delta.kind is DeltaKind.CALL:
                said.calls.add(delta)
                continue
            is_text = delta.kind is DeltaKind.TEXT
            text = "".join(p.text for p in marks.feed(delta.text)) if is_text else delta.text
            if text:
                yield _said(opened, said, text, delta.kind)
    rest = "".join(part.text for part in marks.flush())
    if refusal and not said.calls.whole():
        rest = refusal
    if rest:
        yield _said(opened, said, rest, DeltaKind.TEXT)


async def _refusal_after(doubt: Doubt | None, *, within_s: float) -> str:
    """The refusal, where the model's own opinion does not lift the doubt; else ""."""
    if doubt is None:
        return ""
    try:
        async with asyncio.timeout(within_s):
            odds = await doubt.judge.odds(doubt.check.turns, yes=doubt.check.yes, no=doubt.check.no)
    except TimeoutError as error:
        raise EngineUnavailable(f"no opinion within {within_s} s") from error
    except EngineRejected as error:  # a server that tells no probabilities can still answer
        log.warning("the language model gives no opinion: %s", error)
        return ""
    return "" if evidence.is_answered(doubt.support, odds) else doubt.refusal


def _said(opened: Opened, said: Said, text: str, kind: DeltaKind) -> Delta:
    # What neither a database nor a socket can carry: NUL, and halves of surrogate pairs.
    text = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    said.add(text, kind)
    return framing.delta(opened.turn_id, text, kind, said=said.length)


async def _to_the_end(work: Awaitable[T]) -> T:
    """The result of work that must not be lost, however often its waiter is cancelled."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


def _code_of(error: Exception) -> str:
    """What a person is told; the rest is for the log."""
    match error:
        case EngineError():
            log.warning("the language model failed: %s: %s", type(error).__name__, error)
            return ErrorCode(error.code).value
        case AppError():
            return error.code.value
        case ObjectDoesNotExist():
            return ErrorCode.NOT_FOUND.value
        case _:
            log.error("an answer failed", exc_info=error)
            return ErrorCode.INTERNAL.value
