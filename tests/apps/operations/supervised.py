"""A real supervisor in a process of its own, over parts that are a line of Python each."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from workers.supervision.plan import Check, Part, Plan, Probe

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 20.0
_RUN = "import sys; from workers.supervise import run, Plan; sys.exit(run(Plan.from_json(sys.stdin.read())))"


def sleeper(name: str, code: str = "", **fields: object) -> Part:
    """A part that runs ``code`` and then does nothing for a long time."""
    program = f"import os, signal, sys, time\n{code}\ntime.sleep(600)"
    return replace(Part(name=name, command=(sys.executable, "-S", "-c", program)), **fields)


def pulsing(name: str, path: Path, *, beats: int, **fields: object) -> Part:
    """A part that touches a file so many times and then falls silent."""
    code = f"for _ in range({beats}): open({str(path)!r}, 'w').close(); time.sleep(0.2)"
    return sleeper(name, code, ready=Probe(Check.PULSE, str(path)), **fields)


def plan_of(folder: Path, *parts: Part) -> Plan:
    return Plan(
        parts=parts,
        address="http://127.0.0.1:1",
        data_dir=str(folder),
        run_dir=str(folder / "run"),
        socket_dir=str(folder / "run"),
        log_dir=str(folder / "logs"),
    )


class Supervised:
    """``with Supervised(plan) as it``: runs it, collects what it prints, leaves nothing behind."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.said: list[str] = []
        self.seen: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUN],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdin
        self.process.stdin.write(self._plan.to_json())
        self.process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.note_children()
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        for process in self.seen:
            if process.is_running():
                process.kill()
        if self.process.stdout:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.rstrip())

    def note_children(self) -> set[psutil.Process]:
        """Every process below the supervisor, remembered for the end."""
        try:
            found = set(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            found = set()
        self.seen |= found
        return found

    def wait_for(self, pattern: str, *, times: int = 1) -> list[str]:
        """The lines that match, once there are so many. Fails with everything that was said."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            lines = [line for line in self.said if re.search(pattern, line)]
            if len(lines) >= times:
                self.note_children()
                return lines
            time.sleep(0.02)
        raise AssertionError(f"never said {pattern!r}:\n" + "\n".join(self.said))

    def pid_of(self, name: str) -> int:
        """The process of a part, from the last line that says it is ready."""
        line = self.wait_for(rf" {name} ready \(process \d+\)")[-1]
        return int(re.findall(r"process (\d+)", line)[0])

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.note_children()
        self.process.send_signal(signum)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(5)
        return code

    def left_over(self) -> list[psutil.Process]:
        """Processes that outlived the supervisor, after giving them a moment to end."""
        return alive(self.seen)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after a while; one that waits to be buried does not."""
    deadline = time.monotonic() + PATIENCE_S
    left = list(processes)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
