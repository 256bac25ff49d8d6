"""An instance of its own for a measurement: empty, on free ports, removed afterwards."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.client import note

ROOT = Path(__file__).resolve().parent.parent
EMAIL = "bench@example.com"
PARTS = (
    *("redis", "model-host", "index-host", "llm"),
    *("worker-light", "worker-parse", "worker-embed", "beat", "web"),
)
START_S = 600
STOP_S = 60


@dataclass(frozen=True)
class Instance:
    """Where it answers, with what key, where its embedder is, and in which environment it runs."""

    url: str
    key: str
    model_host: str
    model_host_token: str
    folder: Path
    pid: int
    env: dict[str, str]


@contextmanager
def instance(*, without: Collection[str] = ()) -> Iterator[Instance]:
    """Start every part of this checkout, but those that the measurement does ``without``, on an
    empty data folder, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        env, ports = _environment(Path(folder), without)
        with supervised(env) as process:
            url = f"http://127.0.0.1:{ports['KB_PORT']}"
            _until_ready(url, process, Path(folder), without)
            key = _key(env)
            model_host = f"http://127.0.0.1:{ports['KB_MODEL_HOST_PORT']}"
            token = _model_host_token(env)
            yield Instance(url, key, model_host, token, Path(folder), process.pid, env)


@contextmanager
def supervised(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in this environment, stopped at the end."""
    command = [sys.executable, "-m", "workers.supervise"]
    with (
        (Path(env["KB_DATA_DIR"]) / "supervise.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S)


def _environment(folder: Path, without: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    names = ("KB_PORT", "KB_MODEL_HOST_PORT", "KB_INDEX_HOST_PORT", "KB_LLM_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    first = {
        "KB_ADMIN_EMAIL": EMAIL,
        "KB_ADMIN_PASSWORD": os.urandom(16).hex(),
        "KB_SECRET_KEY": secrets.token_urlsafe(48),
        "KB_PARTS": ",".join(part for part in PARTS if part not in without),
    }
    return {**os.environ, "KB_DATA_DIR": str(folder), **ports, **first}, ports


def _model_host_token(env: dict[str, str]) -> str:
    """The one that this installation made for itself."""
    code = "from django.conf import settings; print(settings.EMBEDDINGS_API_KEY)"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _until_ready(
    url: str, process: subprocess.Popen[bytes], folder: Path, without: Collection[str]
) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            parts = httpx.get(f"{url}/api/v1/health", trust_env=False, verify=False).json()["parts"]
            if all(parts[name] == "ok" or name in without for name in parts):
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(1)
    note((folder / "supervise.log").read_text(encoding="utf-8")[-3000:])
    msg = "the instance did not become ready"
    raise SystemExit(msg)


def _key(env: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", "create_api_key", "--email", EMAIL, "--scope", "all"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]
