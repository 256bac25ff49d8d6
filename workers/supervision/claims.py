"""What a supervisor needs for itself before it starts anything: folders, locks, free ports."""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from workers.supervision.plan import Part, Plan


class CannotStart(Exception):
    """A reason that the person at the terminal can do something about."""


def make_folders(plan: Plan) -> None:
    """Private folders for the socket, the pulse files and the logs."""
    Path(plan.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (plan.run_dir, plan.log_dir, plan.socket_dir):
        folder = Path(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise CannotStart(f"The folder {folder} belongs to somebody else. Remove it.")
        folder.chmod(0o700)


def lock(plan: Plan) -> list[TextIO]:
    """Hold the lock of every part that may run only once per data folder, until the end."""
    return [
        _lock_file(Path(plan.run_dir) / f"{part.name}.lock", plan)
        for part in plan.parts
        if part.single
    ]


def _lock_file(path: Path, plan: Plan) -> TextIO:
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise CannotStart(
            f"Footnote already runs on {plan.data_dir} (process {owner}). "
            "Stop it first, or choose another folder with KB_DATA_DIR."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def check_ports(parts: Iterable[Part], *, patience_s: float = 3.0) -> None:
    """Refuse to start on a port that is taken. A killed predecessor may hold it for a moment."""
    deadline = time.monotonic() + patience_s
    for part in parts:
        while part.port and not _is_free(part.host, part.port):
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"Port {part.port} of {part.host} is in use, and {part.name} needs it. "
                    f"Stop what uses it, or choose another with {part.port_variable}=PORT."
                )
            time.sleep(0.2)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return True
