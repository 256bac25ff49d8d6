"""What a plain model says, on its way to a program: on the event loop, piece by piece.

A program that reads slowly slows the model server down, and one that leaves stops it. What was used
is written down beside the stream, so that nobody waits for that.
"""

import asyncio
import json
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import close_old_connections, transaction

from apps.applications import quota as applications
from apps.core.aio import in_thread
from apps.core.errors import AppError, ErrorCode
from apps.core.openai_errors import openai_error_body
from apps.dialects.said import DONE, event, usage
from apps.gateway.accounts import Used, account
from apps.gateway.models import Generation
from apps.gateway.services import Plan
from apps.permissions.scope import Scope, entered
from apps.rag.ports import Delta, DeltaKind, EngineError, Turn, Usage
from apps.rag.tokens import estimate_tokens

log = logging.getLogger(__name__)
# Answers that one asker may have at once in one process; others wait for none of it.
RUNNING_PER_ASKER = 64
SETTLING_S = 10.0
# To close the connection to a model server after a stop.
STOPPING_S = 5.0
# Answers that are written down in one step into a thread.
MOST_AT_ONCE = 50

Outcome = Generation.Outcome
_running: Counter[UUID | None] = Counter()
_speaking: set[asyncio.Task[Any]] = set()


@dataclass(slots=True)
class Speech:
    """One answer: what is asked of whom, and what came of it."""

    turn_id: UUID
    model: str
    plan: Plan
    turns: list[Turn]
    max_tokens: int
    scope: Scope
    began: float = field(default_factory=time.monotonic)
    created: int = field(default_factory=lambda: int(time.time()))
    first_token_ms: int | None = None
    said: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    usage: Usage | None = None
    finish: str = "stop"

    def note(self, delta: Delta) -> None:
        if delta.text:
            if self.first_token_ms is None:
                self.first_token_ms = self.took_ms
            (self.said if delta.kind is DeltaKind.TEXT else self.thought).append(delta.text)
        self.usage = delta.usage or self.usage
        self.finish = delta.finish or self.finish

    @property
    def took_ms(self) -> int:
        return round((time.monotonic() - self.began) * 1000)

    @property
    def counted(self) -> Usage:
        """As the engine counted, or an estimate; nothing where no server got to work on it."""
        if self.usage is not None:
            return self.usage
        if not any(each.was_read for each in self.plan.generator.attempts):
            return Usage(0, 0)
        read = sum(estimate_tokens(turn.text) for turn in self.turns)
        return Usage(read, estimate_tokens("".join(self.said + self.thought)))

    def envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.turn_id.hex}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }

    def tokens(self) -> dict[str, int]:
        counted = self.counted
        return usage(counted.prompt_tokens, counted.completion_tokens)


_ended: deque[tuple[Speech, Used]] = deque()
_writers: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}


async def pieces(speech: Speech, *, counts: bool) -> AsyncGenerator[bytes, None]:
    """The body of a streamed answer. Raises before the first piece what becomes a status; later
    faults are said in the stream. Closing it stops the model server."""
    before, after = _around(speech, counts=counts)
    has_begun = False
    try:
        async with aclosing(_deltas(speech)) as deltas:
            async for delta in deltas:
                if not delta.text:
                    continue
                name = "content" if delta.kind is DeltaKind.TEXT else "reasoning_content"
                piece = f'{before}"{name}":{json.dumps(delta.text, ensure_ascii=False)}{after}'
                if not has_begun:
                    has_begun = True
                    piece = f'{before}"role":"assistant","content":""{after}{piece}'
                yield piece.encode("utf-8", "replace")
    except EngineError as error:
        if not has_begun:
            raise
        yield event(openai_error_body(ErrorCode(error.code), status=500)) + DONE
        return
    yield _ending(speech, counts=counts)


def _around(speech: Speech, *, counts: bool) -> tuple[str, str]:
    """What stands before and behind the text of every chunk, made once."""
    head = json.dumps(speech.envelope("chat.completion.chunk"), ensure_ascii=False)[:-1]
    counted = ',"usage":null' if counts else ""
    before = f'data: {head},"choices":[{{"index":0,"delta":{{'
    return before, f'}},"finish_reason":null}}]{counted}}}\n\n'


def _ending(speech: Speech, *, counts: bool) -> bytes:
    choice = {"index": 0, "delta": {}, "finish_reason": speech.finish}
    envelope = speech.envelope("chat.completion.chunk")
    last = event({**envelope, "choices": [choice], **({"usage": None} if counts else {})})
    if counts:
        last += event({**envelope, "choices": [], "usage": speech.tokens()})
    return last + DONE


async def whole(speech: Speech) -> AsyncGenerator[bytes, None]:
    """The body of an answer that is not streamed, as one piece."""
    async with aclosing(_deltas(speech)) as deltas:
        async for _delta in deltas:
            pass
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(speech.said),
        "refusal": None,
    }
    if speech.thought:
        message["reasoning_content"] = "".join(speech.thought)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": speech.finish,
    }
    body = {
        **speech.envelope("chat.completion"),
        "choices": [choice],
        "usage": speech.tokens(),
    }
    yield json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


async def _deltas(speech: Speech) -> AsyncGenerator[Delta, None]:
    """What the model says. However it ends, it is accounted for."""
    outcome, code = Outcome.STOPPED, ""
    try:
        with _counted_in(speech.scope), _stoppable():
            stream = speech.plan.generator.stream(speech.turns, max_tokens=speech.max_tokens)
            async with aclosing(stream) as deltas:
                async for delta in deltas:
                    speech.note(delta)
                    yield delta
        outcome = Outcome.OK
    except EngineError as error:
        outcome, code = Outcome.FAILED, error.code
        raise
    except AppError as error:
        outcome, code = Outcome.FAILED, error.code.value
        raise
    finally:
        _account_beside(speech, outcome, code)


@contextmanager
def _counted_in(scope: Scope) -> Iterator[None]:
    """Raises AppError TOO_MANY_REQUESTS where the asker has too many answers at once."""
    asker = scope.via_key or scope.actor_id
    if _running[asker] >= RUNNING_PER_ASKER:
        raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429, running=_running[asker])
    _running[asker] += 1
    try:
        yield
    finally:
        _running[asker] -= 1
        if not _running[asker]:
            del _running[asker]


@contextmanager
def _stoppable() -> Iterator[None]:
    """The task of this answer is stopped before the process ends."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - an answer is read by the task of its request
    _speaking.add(task)
    try:
        yield
    finally:
        _speaking.discard(task)


def _account_beside(speech: Speech, outcome: Outcome, code: str) -> None:
    """One writes for all that end meanwhile: they would only wait for each other in the database."""
    counted = speech.counted
    used = Used(
        turn_id=speech.turn_id,
        workspace_id=None,
        outcome=outcome,
        code=code,
        prompt_tokens=counted.prompt_tokens,
        completion_tokens=counted.completion_tokens,
        is_counted=speech.usage is not None,
        first_token_ms=speech.first_token_ms,
        took_ms=speech.took_ms,
    )
    _ended.append((speech, used))
    loop = asyncio.get_running_loop()
    if loop not in _writers:
        _writers[loop] = asyncio.create_task(_write_all())


async def _write_all() -> None:
    try:
        while _ended:
            await _write_some([_ended.popleft() for _ in range(min(len(_ended), MOST_AT_ONCE))])
    finally:
        # In the same step as the last look: an answer that ends now finds no writer, and begins one.
        del _writers[asyncio.get_running_loop()]


async def _write_some(batch: Sequence[tuple[Speech, Used]]) -> None:
    try:
        await in_thread(partial(_write_down, batch))
    except Exception:
        log.exception("what %d answers used could not be written down", len(batch))


def _write_down(batch: Sequence[tuple[Speech, Used]]) -> None:
    """Each in a transaction of its own: budgets are locked in an order that holds within one
    answer, and what fails takes no other along."""
    for speech, used in batch:
        try:
            with transaction.atomic(), entered(speech.scope):
                account(speech.plan, used)
                if tokens := used.prompt_tokens + used.completion_tokens:
                    applications.count_tokens(tokens=tokens)
        except Exception:
            log.exception("what an answer used could not be written down")
            close_old_connections()  # a connection that is lost fails for the next one too


async def settled() -> None:
    """Stop what still runs, and wait until what answers used is written down: before the process
    ends."""
    loop = asyncio.get_running_loop()
    if running := [task for task in _speaking if task.get_loop() is loop]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=STOPPING_S)
    if writer := _writers.get(loop):
        await asyncio.wait([writer], timeout=SETTLING_S)
