"""Hosts as real processes on free ports."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-a-test"


@dataclass
class Host:
    """A running host."""

    address: str
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """Ask it to end, as a supervisor does; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start(module: str, *arguments: str, token: str = TOKEN) -> subprocess.Popen[str]:
    """The host as a process; its first line of output says where it listens."""
    environment = {**os.environ, "FOOTNOTE_TOKEN": token}
    command = [sys.executable, "-m", module, "--port", "0", "--log-level", "WARNING", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextlib.contextmanager
def running(module: str, *arguments: str, token: str = TOKEN) -> Iterator[Host]:
    """A host that answers; killed afterwards if it is still there."""
    process = start(module, *arguments, token=token)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), _said(process)
        yield Host(line.split()[-1], process)
    finally:
        process.kill()
        process.communicate()


def refused(module: str, *arguments: str, token: str = TOKEN) -> tuple[int, str]:
    """Exit status and error output of a host that must not start."""
    process = start(module, *arguments, token=token)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, said


def _said(process: subprocess.Popen[str]) -> str:
    process.kill()
    return process.communicate()[1]
