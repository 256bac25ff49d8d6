"""What becomes of those who wait at the door of a replica that sleeps, and of what it is busy with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from workers.engines import figures, replica, rows
from workers.engines.door import Door
from workers.engines.figures import Activity
from workers.engines.replica import Replica, State
from workers.engines.rows import Rows
from workers.supervision.life import State as LifeState

BODY = b'{"question": "?"}'
QUESTION = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)


def asleep(port: int = 1) -> Replica:
    """A replica that sleeps and was asked to do nothing yet."""

    async def told(_replica: Replica) -> None:
        return

    part: Any = SimpleNamespace(start_s=30.0, host="127.0.0.1", port=port)
    plan: Any = None
    it = Replica(
        part, plan, name="answers", key="", told=told, is_quiet=lambda _moment: True,
        now=lambda: None, idle_s=1.0, drain_s=5.0,  # type: ignore[arg-type, return-value]
    )  # fmt: skip
    it._was_asleep = True
    it.state = State.ASLEEP
    return it


@contextlib.asynccontextmanager
async def waiting(it: Replica) -> AsyncIterator[tuple[Any, Any, Door]]:
    """Somebody who waits at its door."""
    door = Door(it, host="127.0.0.1", port=0)
    await door.open()
    assert door._server
    port = door._server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(QUESTION)
    writer.write(BODY)
    await until(lambda: door._waiting == 1)
    try:
        yield reader, writer, door
    finally:
        writer.close()
        door.close()


async def until(is_so: Any) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - what it waits for sets no event
            await asyncio.sleep(0.01)


def test_who_leaves_while_a_replica_wakes_keeps_no_place() -> None:
    async def story() -> None:
        async with waiting(asleep()) as (_reader, writer, door):
            writer.close()
            await until(lambda: door._waiting == 0)

    asyncio.run(story())


def test_who_waits_hears_at_once_that_the_start_failed() -> None:
    async def story() -> None:
        it = asleep()
        async with waiting(it) as (reader, _writer, _door):
            it._was_asleep = False
            await it._become(State.FAILED, "no memory")
            assert b"503" in await reader.readline()

    asyncio.run(story())


def test_what_was_sent_while_waiting_reaches_the_engine() -> None:
    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = await reader.readexactly(len(QUESTION + BODY))
        writer.write(b"got " + got)
        await writer.drain()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(engine, "127.0.0.1", 0)
        it = asleep(server.sockets[0].getsockname()[1])
        async with waiting(it) as (reader, _writer, _door):
            it._is_up.set()
            await it._become(State.UP)
            assert await reader.read() == b"got " + QUESTION + BODY
        server.close()

    asyncio.run(story())


def test_an_engine_that_does_not_say_what_it_does_is_not_taken_for_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = [None, None, Activity(1.0, 0.0), None, Activity(0.0, 1.0)]

    async def ask(_address: str) -> Activity | None:
        return said.pop(0)

    monkeypatch.setattr(figures, "ask", ask)
    monkeypatch.setattr(replica, "_HEARD_S", 0.0)
    monkeypatch.setattr(replica, "_LOOK_S", 0.0)
    life: Any = SimpleNamespace(state=LifeState.READY)
    asyncio.run(asleep()._drain(life))
    assert said == []
    life.state = LifeState.FAILED
    asyncio.run(asleep()._drain(life))  # asks nobody: there is none


def test_the_newest_state_is_written_once_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "_FIRST_PAUSE_S", 0.01)
    failures = 2
    written: list[tuple[int, State, bool]] = []
    said: list[str] = []

    def write(number: int, state: State, is_ending: bool) -> None:  # noqa: FBT001 - as it is called
        nonlocal failures
        if failures:
            failures -= 1
            raise OperationalError("no\nserver")
        written.append((number, state, is_ending))

    async def story() -> None:
        desk = Rows(write, said=said.append)
        assert await desk.settle(0)
        writing = asyncio.create_task(desk.run())
        desk.note(0, State.ASLEEP, is_ending=False)
        await until(lambda: said)
        desk.note(0, State.UP, is_ending=False)
        desk.note(1, State.UP, is_ending=False)
        assert await desk.settle(20)
        writing.cancel()

    asyncio.run(story())
    assert sorted(written) == [(0, State.UP, False), (1, State.UP, False)]
    assert said[0] == "The row of replica 1 is written later: OperationalError no server"


def test_a_row_that_is_refused_for_good_is_said_once_and_delays_no_other() -> None:
    written: list[int] = []
    said: list[str] = []

    def write(number: int, state: State, is_ending: bool) -> None:  # noqa: FBT001 - as it is called
        if number == 0:
            raise ValueError("no such server")
        written.append(number)

    async def story() -> None:
        desk = Rows(write, said=said.append)
        writing = asyncio.create_task(desk.run())
        desk.note(0, State.UP, is_ending=False)
        desk.note(1, State.UP, is_ending=False)
        assert await desk.settle(20)
        writing.cancel()

    asyncio.run(story())
    assert written == [1]
    assert said == [
        "The row of replica 1 stays as it is, though the replica is up: ValueError no such server"
    ]


def test_whoever_ends_does_not_wait_for_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FIRST_PAUSE_S", 3600.0)
    is_down = True

    def write(number: int, state: State, is_ending: bool) -> None:  # noqa: FBT001 - as it is called
        if is_down:
            raise OperationalError("no server")

    async def story() -> None:
        nonlocal is_down
        said: list[str] = []
        desk = Rows(write, said=said.append)
        writing = asyncio.create_task(desk.run())
        desk.note(0, State.STOPPED, is_ending=True)
        await until(lambda: said)
        is_down = False
        assert await desk.settle(20)
        writing.cancel()

    asyncio.run(story())
