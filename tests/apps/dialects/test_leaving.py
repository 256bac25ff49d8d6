"""A real server: a program that leaves stops its answer, and pieces come as they are said."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.apps.chat.test_served import Served, serve

pytestmark = pytest.mark.slow
BODY = {
    "model": "footnote",
    "messages": [{"role": "user", "content": "What is the notice period?"}],
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = serve(tmp_path)
    yield server
    server.end()
    assert server.process.stdout is not None
    server.process.stdout.close()


def _states(server: Served) -> list[str]:
    """How answers ended, from the log of events."""
    with closing(sqlite3.connect(server.data / "kb.sqlite3")) as db:
        rows = db.execute("SELECT data FROM events_event WHERE kind = 'chat.answered'").fetchall()
    return [row[0] for row in rows]


def _until_answered(server: Served) -> str:
    for _ in range(200):
        if found := _states(server):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the answer goes on")


def _address(server: Served) -> str:
    return f"http://127.0.0.1:{server.port}/v1/chat/completions"


def _headers(server: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key}"}


def test_a_program_that_leaves_a_stream_stops_the_answer(served: Served) -> None:
    body, heads = {**BODY, "stream": True}, _headers(served)
    with httpx.stream("POST", _address(served), json=body, headers=heads, timeout=60) as response:
        assert response.status_code == 200
        pieces = response.iter_text()
        said = ""
        while "word3" not in said:
            said += next(pieces)
    assert "word500" not in said
    assert "stopped" in _until_answered(served)
    for _ in range(100):
        if not served.turns():
            return
        time.sleep(0.05)
    raise AssertionError("the conversation is kept")


async def test_a_program_that_does_not_wait_for_its_answer_stops_it(served: Served) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        asking = asyncio.create_task(
            client.post(_address(served), json=BODY, headers=_headers(served))
        )
        while not served.turns():  # noqa: ASYNC110 - another process has no event for it
            await asyncio.sleep(0.1)
        asking.cancel()
    assert "stopped" in _until_answered(served)
