"""One running installation, driven through its API, its command line and signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.apps.operations.supervised import ROOT

PATIENCE_S = 300.0
SENTENCES = 40


class Machine:
    """One running installation: its supervisor, its address, a key."""

    def __init__(self, data: Path, llm_base_url: str, **variables: str) -> None:
        self.data = data
        self.port = free_port()
        self.env = {name: value for name, value in os.environ.items() if name[:3] != "KB_"}
        self.env |= {
            "KB_DATA_DIR": str(data),
            "KB_PORT": str(self.port),
            "KB_MODEL_HOST_PORT": str(free_port()),
            "KB_INDEX_HOST_PORT": str(free_port()),
            "KB_LLM_BASE_URL": llm_base_url,
            "KB_LLM_MODEL": "fake",
            "KB_LOCAL_MODELS": "fake",
            "KB_ADMIN_EMAIL": "admin@example.com",
            "KB_ADMIN_PASSWORD": "correct horse battery",
            **variables,
        }
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.seen: set[psutil.Process] = set()

    def start(self) -> None:
        command = [sys.executable, "-m", "workers.supervise"]
        with (self.data / "supervisor.log").open("ab") as log:
            self.supervisor = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log)
        self.wait_until(self.is_whole, "all parts are ready")
        self.seen |= set(psutil.Process(self.supervisor.pid).children(recursive=True))

    def stop(self) -> int:
        assert self.supervisor
        self.seen |= set(psutil.Process(self.supervisor.pid).children(recursive=True))
        self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.wait(60)

    def parts(self) -> dict[str, dict[str, Any]]:
        try:
            path = self.data / "run" / f"status-{socket.gethostname()}.json"
            parts: dict[str, dict[str, Any]] = json.loads(path.read_text())["parts"]
        except FileNotFoundError:
            parts = {}
        return parts

    def is_whole(self) -> bool:
        states = {part["state"] for part in self.parts().values()}
        return bool(states) and states <= {"ready", "done"}

    def kill(self, part: str) -> None:
        """SIGKILL, once the part runs: another victim may have taken it along."""
        runs = lambda: psutil.pid_exists(self.parts()[part]["pid"] or 0)  # noqa: E731
        self.wait_until(runs, f"{part} runs")
        os.kill(self.parts()[part]["pid"], signal.SIGKILL)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def client(self) -> httpx.Client:
        key = self.manage("create_api_key", "--email", "admin@example.com", "--scope", "all")
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )

    def wait_until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"never: {what}; {self.parts()}"
            time.sleep(0.25)


def make_collection(api: httpx.Client, name: str) -> str:
    workspace = api.post("workspaces", json={"name": name, "slug": name.lower()})
    assert workspace.status_code == 201, workspace.text
    made = api.post(f"workspaces/{name.lower()}/collections", json={"name": name})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def upload(api: httpx.Client, collection: str, number: int) -> None:
    lines = [
        f"Report {number} says in line {line}: {number * line} units." for line in range(SENTENCES)
    ]
    text = "\n\n".join([fact(number), *lines])
    files = {"file": (f"report {number}.txt", text.encode(), "text/plain")}
    data = {"external_id": f"report-{number}"}
    sent = api.post(f"collections/{collection}/documents", files=files, data=data)
    assert sent.status_code in {200, 202}, sent.text


def fact(number: int) -> str:
    return f"The codename of report {number} is heron{number}."


def question(number: int) -> str:
    return f"What is the codename of report {number}?"


def retried(send: Any) -> None:
    """A client that repeats what did not arrive: the web is one of the victims."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return send()
        except (httpx.TransportError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def states(api: httpx.Client, collection: str) -> list[str]:
    try:
        found = api.get(f"collections/{collection}/documents", params={"limit": 100})
    except httpx.TransportError:
        return []
    return [item["state"] for item in found.json()["items"]] if found.is_success else []


def each_document_is_there_once(api: httpx.Client, collection: str, *, documents: int) -> None:
    items = api.get(f"collections/{collection}/documents", params={"limit": 100}).json()["items"]
    assert sorted(item["name"] for item in items) == sorted(
        f"report {number}.txt" for number in range(documents)
    )
    for number in range(documents):
        body = {"query": question(number), "collections": [collection], "limit": 50}
        hits = api.post("search", json=body).json()["hits"]
        told = [hit for hit in hits if fact(number) in hit["text"]]
        assert len(told) == 1, (number, hits)
        assert len({hit["chunk"] for hit in hits}) == len(hits)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
