"""How the parts are, kept in a file: for ``--status``, and for a container's health check."""

import json
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from workers.supervision.life import Life, State

_FRESH_S = 15.0
_GOOD = {State.READY, State.DONE}


def status_file(run_dir: str) -> Path:
    """One per machine: several containers may share a data folder."""
    return Path(run_dir) / f"status-{socket.gethostname()}.json"


def write(run_dir: str, lives: Iterable[Life]) -> None:
    """Replace the file by the states of now."""
    parts = {
        life.part.name: {"state": life.state, "pid": life.pid, "restarts": life.restarts}
        for life in lives
    }
    path = status_file(run_dir)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"at": time.time(), "parts": parts}))
    fresh.replace(path)


def show(run_dir: str, out: TextIO) -> int:
    """Print the states. Exit status: 0 all is well, 1 a part is not, 3 no supervisor runs here."""
    try:
        status = json.loads(status_file(run_dir).read_text())
    except (FileNotFoundError, ValueError):
        status = {"at": 0.0, "parts": {}}
    if time.time() - status["at"] > _FRESH_S:
        out.write("Footnote does not run here.\n")
        return 3
    for name, part in status["parts"].items():
        pid = part["pid"] or ""
        out.write(f"{name:<14}{part['state']:<10}{pid:>8}  restarts {part['restarts']}\n")
    return 0 if all(part["state"] in _GOOD for part in status["parts"].values()) else 1
