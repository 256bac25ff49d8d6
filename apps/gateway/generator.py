"""A language model behind several servers: waits for a place, times out, goes to the next one.

Another server is asked only before the first word and only after errors that cost nothing to
repeat: unavailable and busy. What was said is never said twice.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from apps.core.aio import in_short_thread
from apps.gateway import health
from apps.gateway.routing.breaker import Health
from apps.gateway.routing.choose import Place, Reason, Server, order
from apps.gateway.slots import FULL_RETRY_S, Slots
from apps.rag.generate import Patience, in_time
from apps.rag.ports import (
    Delta,
    EngineBusy,
    EngineError,
    EngineUnavailable,
    Generator,
    Judge,
    Turn,
    Usage,
)

log = logging.getLogger(__name__)
OK, STOPPED = "OK", "STOPPED"
# So long one may wait for a place, beside the time that the server has.
LONGEST_WAIT_S = 120.0
_slots: dict[str, Slots] = {}


def slots_of(key: str) -> Slots:
    """The places at one server, in this process."""
    return _slots.setdefault(key, Slots())


def reset() -> None:
    """Forget who is running where; for tests."""
    _slots.clear()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may answer. ``patience`` is for one try there."""

    key: str
    name: str
    model: str
    engine: Generator = field(repr=False)
    patience: Patience
    rank: int = 0
    room: int = 0
    longest_line: int = 100

    def as_server(self) -> Server:
        running = slots_of(self.key).running
        return Server(self.key, self.rank, running, self.room, health.health_of(self.key))


@dataclass(slots=True)
class Attempt:
    """One server that was asked: what came of it, for the trace and the accounts."""

    key: str
    name: str
    model: str
    reason: Reason
    waited_ms: int = 0
    has_place: bool = False
    first_token_ms: int | None = None
    outcome: str = ""
    usage: Usage | None = None
    trial: str = ""

    @property
    def was_read(self) -> bool:
        """Whether the server can be taken to have read the question: it began to answer, or was at
        work when somebody stopped it."""
        return self.first_token_ms is not None or (self.has_place and self.outcome == STOPPED)

    def as_json(self) -> dict[str, Any]:
        return {
            "server": self.name,
            "model": self.model,
            "reason": self.reason.value,
            "waited_ms": self.waited_ms,
            "first_token_ms": self.first_token_ms,
            "outcome": self.outcome,
        }


@dataclass(slots=True)
class RoutedGenerator:
    """See ``apps.rag.ports.Generator`` and ``Judge``. For one question: ``attempts`` tells
    afterwards who was asked. ``affinity``: questions with the same one go to the same server;
    ``group``: whose turn it is where questions wait."""

    candidates: Sequence[Candidate]
    affinity: str = ""
    group: str = ""
    is_batch: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    def places(self) -> list[Place]:
        """The order in which servers would be asked now."""
        return order([each.as_server() for each in self.candidates], self.affinity)

    async def stream(
        self, turns: Sequence[Turn], *, max_tokens: int
    ) -> AsyncGenerator[Delta, None]:
        """See ``apps.rag.ports.Generator``."""
        failure: EngineError | None = None
        for candidate, attempt in await self._askable():
            if not await _may_ask(attempt):
                continue
            self.attempts.append(attempt)
            said = False
            tried = self._tried(candidate, attempt, turns, max_tokens=max_tokens)
            try:
                async with aclosing(tried) as deltas:
                    async for delta in deltas:
                        said = said or delta.is_word
                        yield delta
            except (EngineUnavailable, EngineBusy) as error:
                if said:
                    raise
                log.warning("%s did not answer: %s", candidate.name, error)
                failure = error
            else:
                return
        raise failure or self._nobody()

    async def odds(
        self, turns: Sequence[Turn], *, yes: Collection[str], no: Collection[str]
    ) -> float:
        """See ``apps.rag.ports.Judge``. Asked of the server that the answer will come from."""
        failure: EngineError | None = None
        for candidate, attempt in await self._askable():
            if not await _may_ask(attempt):
                continue
            judge = cast("Judge", candidate.engine)
            try:
                async with self._watched(candidate, attempt), _in_time(candidate):
                    return await judge.odds(turns, yes=yes, no=no)
            except (EngineUnavailable, EngineBusy) as error:
                failure = error
        raise failure or self._nobody()

    def _nobody(self) -> EngineError:
        """Why nobody was asked: where a server is only full, the time until it is asked again."""
        waits = [health.full_for(candidate.key) for candidate in self.candidates]
        if soonest := min((wait for wait in waits if wait is not None), default=0.0):
            return EngineBusy("every model server is full", retry_after=soonest)
        return EngineUnavailable("every model server is set aside")

    async def _askable(self) -> list[tuple[Candidate, Attempt]]:
        """The servers to ask, in order; of each rank the full ones come last, and one of them is enough to wait at."""
        by_key = {each.key: each for each in self.candidates}
        if len(by_key) == 1 and health.health_of(next(iter(by_key))) is Health.CLOSED:
            found = [(by_key[place.key], place.reason) for place in self.places()]
        else:
            found = await in_short_thread(partial(self._looked_at, by_key))
        waited_at: set[int] = set()
        free: list[tuple[Candidate, Attempt]] = []
        for candidate, why in sorted(found, key=lambda each: _turn(each[0])):
            if candidate.as_server().is_full and candidate.rank in waited_at:
                continue
            if candidate.as_server().is_full:
                waited_at.add(candidate.rank)
            free.append((candidate, Attempt(candidate.key, candidate.name, candidate.model, why)))
        return free

    def _looked_at(self, by_key: dict[str, Candidate]) -> list[tuple[Candidate, Reason]]:
        health.look(by_key)
        return [
            (by_key[place.key], place.reason)
            for place in self.places()
            if place.reason is not Reason.SET_ASIDE
        ]

    async def _tried(
        self, candidate: Candidate, attempt: Attempt, turns: Sequence[Turn], *, max_tokens: int
    ) -> AsyncGenerator[Delta, None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._watched(candidate, attempt))
            began, clock = time.monotonic(), time.time()
            stream = candidate.engine.stream(turns, max_tokens=max_tokens)
            if isinstance(stream, AsyncGenerator):
                await stack.enter_async_context(aclosing(stream))
            deltas = in_time(stream, candidate.patience)
            await stack.enter_async_context(aclosing(deltas))
            async for delta in deltas:
                if delta.is_word and attempt.first_token_ms is None:
                    attempt.first_token_ms = round((time.monotonic() - began) * 1000)
                    if health.needs_telling(candidate.key):
                        told = partial(health.began_to_answer, candidate.key, began=clock)
                        await in_short_thread(told)
                attempt.usage = delta.usage or attempt.usage
                yield delta

    @asynccontextmanager
    async def _watched(self, candidate: Candidate, attempt: Attempt) -> AsyncGenerator[None, None]:
        """Hold a place at the server, and learn from how it ends."""
        began = time.monotonic()
        attempt.outcome = STOPPED  # unless it is said below how it ended
        try:
            async with self._placed(candidate):
                attempt.waited_ms = round((time.monotonic() - began) * 1000)
                attempt.has_place = True
                clock = time.time()
                yield
                await _answered(candidate.key, began=clock)
            attempt.outcome = OK
        except EngineError as error:
            attempt.outcome = error.code
            await in_short_thread(partial(_learn, candidate.key, error))
            raise
        finally:
            if attempt.trial:
                await in_short_thread(partial(health.drop_trial, candidate.key, attempt.trial))

    @asynccontextmanager
    async def _placed(self, candidate: Candidate) -> AsyncGenerator[None, None]:
        """A place at the server. Waiting for one is no fault of the server, and has its own end."""
        async with AsyncExitStack() as stack:
            place = slots_of(candidate.key).taken(
                room=candidate.room,
                longest_line=candidate.longest_line,
                group=self.group,
                is_batch=self.is_batch,
            )
            try:
                async with asyncio.timeout(LONGEST_WAIT_S):
                    await stack.enter_async_context(place)
            except TimeoutError as error:
                raise EngineBusy(
                    "no place in time", retry_after=FULL_RETRY_S, is_ours=True
                ) from error
            yield


async def _may_ask(attempt: Attempt) -> bool:
    """False where the server is tried by another question just now. Asked right before the attempt:
    a trial that nobody makes would keep everybody else from it."""
    if attempt.reason is not Reason.TRIED:
        return True
    attempt.trial = await in_short_thread(partial(health.take_trial, attempt.key))
    return bool(attempt.trial)


@asynccontextmanager
async def _in_time(candidate: Candidate) -> AsyncGenerator[None, None]:
    within_s = candidate.patience.first_token_s
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as error:
        raise EngineUnavailable(f"no opinion within {within_s} s") from error


async def _answered(key: str, *, began: float) -> None:
    if health.needs_telling(key):
        await in_short_thread(partial(health.worked, key, began=began))
    else:
        health.worked(key, began=began)


def _turn(candidate: Candidate) -> tuple[int, bool]:
    return candidate.rank, candidate.as_server().is_full


def _learn(key: str, error: EngineError) -> None:
    """What an error says of a server: nothing where there was no place on this side, and one that
    understood and refused is no broken one."""
    if isinstance(error, EngineBusy):
        if not error.is_ours:
            health.refused(key, wait_s=error.retry_after)
    elif isinstance(error, EngineUnavailable):
        health.failed(key)
