"""``manage.py engine serve`` in a process of its own, over the stand-in for vllm."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.apps.engines.vllm.folders import model_folder, put_weights

ROOT = Path(__file__).resolve().parents[4]
KEY = "key-of-the-engine"
SECRET = "secret-of-the-installation-of-32-characters"
PATIENCE_S = 60.0


class Serving:
    """What it prints, where it answers, and what its engines were started with."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", ports: list[int]) -> None:
        self.process, self.ports = process, ports
        self.seen_in = folder
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.said += iter(self.process.stdout.readline, "")

    def door(self, replica: int = 0) -> str:
        return f"http://127.0.0.1:{self.ports[2 + replica]}"

    def seen(self, replica: int = 0) -> dict[str, Any]:
        path = self.seen_in / f"{self.ports[replica]}.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def until(
        self, is_so: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        deadline = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.said}"
            time.sleep(0.1)

    def until_said(self, words: str, *, times: int = 1, patience_s: float = PATIENCE_S) -> None:
        self.until(
            lambda: sum(words in line for line in self.said) >= times, words, patience_s=patience_s
        )

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(
    place: Path, *words: str, model: Path | None = None, **variables: str
) -> Iterator[Serving]:
    """Serve a small model from ``place``, or that of ``model``; ends with what it started."""
    if model is None:
        model = model_folder(place, "qwen-0.5b")
        put_weights(model, 1_000_000)
    seen = place / "seen"
    seen.mkdir()
    program = place / "vllm"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tests.fake_vllm "$@"\n')
    program.chmod(0o755)
    ports = _free_ports()
    env = {
        **{name: value for name, value in os.environ.items() if _is_passed_on(name)},
        "KB_DATA_DIR": str(place / "data"),
        "KB_SECRET_KEY": SECRET,
        "KB_VLLM": str(program),
        "VLLM_API_KEY": KEY,
        "FAKE_VLLM_SEEN": str(seen),
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    command = [sys.executable, "manage.py", "engine", "serve", str(model), "--no-register"]
    command += ["--port", str(ports[0]), "--door-port", str(ports[2]), "--lang", "en", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    it = Serving(seen, process, ports)
    try:
        yield it
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        it.reader.join(5)
        assert process.stdout
        process.stdout.close()


def _is_passed_on(name: str) -> bool:
    return not name.startswith("KB_") and name != "CUDA_VISIBLE_DEVICES"


def _free_ports() -> list[int]:
    """Two for engines and two for doors, each pair one after the other."""
    while True:
        with ExitStack() as held:
            first, second = (held.enter_context(socket.socket()) for _ in range(2))
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", 0))
            a, b = first.getsockname()[1], second.getsockname()[1]
        if abs(a - b) > 1 and max(a, b) < 65_000:
            return [a, a + 1, b, b + 1]


def ask(
    door: str,
    *,
    key: str = KEY,
    stream: bool = False,
    tokens: int = 50,
    timeout: float = PATIENCE_S,
) -> httpx.Response:
    """A question at a door."""
    body = {
        "model": "answers",
        "messages": [{"role": "user", "content": "?"}],
        "stream": stream,
        "max_tokens": tokens,
    }
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{door}/v1/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=timeout, trust_env=False)
