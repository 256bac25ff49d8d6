"""Real processes: the socket with cookie and origin, a server that is stopped, two servers."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
LAST = {"done", "stopped", "error"}


@dataclass
class Served:
    process: "subprocess.Popen[str]"
    port: int
    cookie: str
    data: Path
    key: str = ""

    def socket(self, *, cookie: str | None = None, origin: str = "") -> connect:
        return connect(
            f"ws://127.0.0.1:{self.port}/ws/chat",
            additional_headers={"Cookie": self.cookie if cookie is None else cookie},
            origin=origin or f"http://127.0.0.1:{self.port}",  # type: ignore[arg-type]
            proxy=None,
        )

    def turns(self) -> list[tuple[str, str, str]]:
        with closing(sqlite3.connect(self.data / "kb.sqlite3")) as db:
            return db.execute("SELECT state, answer, error_code FROM chat_turn").fetchall()

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


def serve(data: Path, *options: str) -> Served:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    env = kept | {"KB_ENGINES": "fake", "KB_DATA_DIR": str(data), "KB_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.apps.chat.served", *options],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the server did not start"
    told = json.loads(line)
    return Served(process, told["port"], told["cookie"], data, told["key"])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = serve(tmp_path)
    yield server
    _finish(server)


@pytest.fixture
def second(served: Served) -> Iterator[Served]:
    """Another web process over the same data."""
    server = serve(served.data, "--second")
    yield server
    _finish(server)


def _finish(server: Served) -> None:
    if server.process.poll() is None:
        server.process.kill()
    server.process.wait(timeout=20)
    assert server.process.stdout is not None
    server.process.stdout.close()


async def until(socket: ClientConnection, *types: str) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] not in types:
        frames.append(json.loads(await asyncio.wait_for(socket.recv(), timeout=20)))
    return frames


async def began(socket: ClientConnection) -> str:
    await socket.send(json.dumps({"type": "ask", "text": "What is the notice period?"}))
    frames = await until(socket, "delta")
    assert [frame["type"] for frame in frames] == ["started", "sources", "delta"]
    assert frames[1]["sources"][0]["quote"] == "The notice period is ninety days."
    return frames[0]["turn"]


async def test_stopping_the_server_records_what_was_said(served: Served) -> None:
    async with served.socket() as socket:
        await began(socket)
        await until(socket, "delta")
        code = await asyncio.to_thread(served.end)
    assert code in {0, -signal.SIGTERM}
    [(state, answer, _code)] = served.turns()
    assert state == "stopped"
    assert answer.startswith("word0 word1")


async def test_a_second_server_follows_and_stops_an_answer_of_the_first(
    served: Served, second: Served
) -> None:
    async with served.socket() as socket, second.socket(cookie=served.cookie) as other:
        turn = await began(socket)
        await other.send(json.dumps({"type": "follow", "turn": turn, "after": 0}))
        followed = await until(other, "delta")
        assert [frame["type"] for frame in followed[:2]] == ["started", "sources"]
        await other.send(json.dumps({"type": "stop", "turn": turn}))
        assert (await until(socket, *LAST))[-1]["type"] == "stopped"
        assert (await until(other, *LAST))[-1]["type"] == "stopped"
    [(state, answer, _code)] = served.turns()
    assert state == "stopped"
    assert answer.startswith("word0 word1")


async def test_the_socket_wants_a_cookie_and_its_own_origin(served: Served) -> None:
    async with served.socket(cookie="") as socket:
        await socket.wait_closed()
        assert socket.close_code == 4401
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket(origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403
