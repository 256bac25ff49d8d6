"""Reads files in a child process with limits, so that no file can take a worker with it.

One child waits per process. It has the readers imported and forks for each file: a fresh process
for the price of a fork. What eats memory or time is killed (TOO_COSTLY), what crashes is UNREADABLE.
"""

import atexit
import contextlib
import errno
import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from apps.engines.archives import MANIFEST, ArchiveKind, Member, Unpacked, UnpackLimits
from apps.engines.parsers.blocks_json import read_blocks
from apps.rag.ports import Block, ParseError

log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[3]
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")
_SETTINGS = {
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",
    # Threads of numerical libraries do not survive the fork and are of no use here. Recognition
    # starts its own, in the fork.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # The document library reports its use to its makers unless told not to.
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
}
_TICK_S = 1.0
# The child keeps the time itself; this is for a child that hangs.
_GRACE_S = 20.0


class Beat(Protocol):
    """Called about every second while a file is read; with (done, total) while its pages are
    recognised. May raise to stop."""

    def __call__(self, done: int | None = None, total: int | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. Recognising text in pictures (OCR) is counted by itself: a page may
    take ``page_seconds``, and ``seconds`` is for all the rest. ``pages`` 0: it is switched off."""

    seconds: float
    memory_bytes: int
    pages: int = 1000
    page_seconds: float = 120.0
    threads: int = 1


class SandboxParser:
    """See ``apps.rag.ports.Parser``. Safe to share between threads: one file at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def parse(
        self,
        path: Path,
        *,
        media_type: str,
        beat: Beat | None = None,
        remembered: Path | None = None,
    ) -> list[Block]:
        """The blocks of a file. ``remembered``: a folder of the document's own, in which is kept
        what is recognised on its pages. Raises ParseError, or OSError when the disk is full."""
        return self._read(path, media_type, beat, remembered=_absolute(remembered))

    def parse_apart(
        self,
        path: Path,
        *,
        media_type: str,
        folder: Path,
        limits: UnpackLimits,
        beat: Beat | None = None,
        remembered: Path | None = None,
    ) -> tuple[list[Block], Unpacked]:
        """The blocks of a mail without what is attached, and that in ``folder``, which is empty
        and ours; of attached archives their members."""
        apart = {"folder": str(folder), "limits": asdict(limits)}
        kept = _absolute(remembered)
        blocks = self._read(path, media_type, beat, apart=apart, remembered=kept)
        return blocks, _unpacked(folder)

    def _read(self, path: Path, media_type: str, beat: Beat | None, **more: Any) -> list[Block]:
        with self._alone(beat), tempfile.TemporaryDirectory(prefix="footnote-parse-") as folder:
            out = Path(folder) / "blocks.json.gz"
            request = {"path": str(path.resolve()), "media_type": media_type, "out": str(out)}
            self._asked(request | more, beat)
            return read_blocks(out)

    def unpack(
        self,
        path: Path,
        *,
        kind: ArchiveKind,
        folder: Path,
        limits: UnpackLimits,
        beat: Beat | None = None,
    ) -> Unpacked:
        """Take the members of an archive out into ``folder``, which is empty and ours. ``beat`` and
        errors as in ``parse``."""
        with self._alone(beat):
            out = folder / MANIFEST
            request = {"path": str(path.resolve()), "media_type": str(kind), "out": str(out)}
            self._asked(request | {"unpack": asdict(limits)}, beat)
        return _unpacked(folder)

    @contextlib.contextmanager
    def _alone(self, beat: Beat | None) -> Iterator[None]:
        """Wait for the file that another thread has read, without losing what is held meanwhile."""
        while not self._lock.acquire(timeout=_TICK_S):
            (beat or _nothing)()
        try:
            yield
        finally:
            self._lock.release()

    def _asked(self, request: dict[str, Any], beat: Beat | None) -> None:
        """Have the child do it. Raises ParseError or OSError when it could not."""
        verdict = self._verdict(request | asdict(self._limits), beat or _nothing)
        code = str(verdict.get("code", ""))
        if code == "DISK_FULL":
            raise OSError(errno.ENOSPC, "the parser's disk is full")
        if code == "INTERNAL":
            raise RuntimeError(str(verdict.get("message")))
        if code:
            name = Path(request["path"]).name
            log.warning("reading %s: %s %s", name, code, verdict.get("message", ""))
            raise ParseError(code, str(verdict.get("message", "")))

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child is not None:
                self._child.end()
                self._child = None

    def _verdict(self, request: dict[str, Any], beat: Beat) -> dict[str, Any]:
        for _ in range(2):  # a child that died while it waited is replaced once
            child = self._ready()
            try:
                longest = max(request["seconds"], request["page_seconds"])
                verdict = child.ask(request, beat, within=longest + _GRACE_S)
            except BaseException:
                child.end()
                raise
            if verdict is not None:
                return verdict
            child.end()
        return {"code": "UNREADABLE", "message": "the reading process ended twice"}

    def _ready(self) -> "_Child":
        if self._child is None or not self._child.is_usable():
            self._child = _Child()
        return self._child


class _Child:
    """The waiting process: one request a line in, one verdict a line out."""

    def __init__(self) -> None:
        self._made_by = os.getpid()
        # A session of its own: Ctrl-C on the terminal is for the worker, which then ends its file.
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "apps.engines.parsers.parse_child"],
            cwd=_ROOT,
            env={k: os.environ[k] for k in _PASSED_ON if k in os.environ} | _SETTINGS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self.end)

    def is_usable(self) -> bool:
        """Alive, and not inherited by a fork: two processes must not talk through one pipe."""
        return self._made_by == os.getpid() and self._process.poll() is None

    def ask(self, request: dict[str, Any], beat: Beat, *, within: float) -> dict[str, Any] | None:
        """The verdict; None when the process ended without one. It is given up when it says
        nothing for so long."""
        if not self._send(json.dumps(request).encode() + b"\n"):
            return None
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        answers, said = self._process.stdout.fileno(), b""
        deadline = time.monotonic() + within
        beat()
        while True:
            line, found, rest = said.partition(b"\n")
            if found:
                told: dict[str, Any] = json.loads(line)
                if "done" not in told:
                    return told
                beat(told["done"], told["total"])
                said, deadline = rest, time.monotonic() + within
            elif time.monotonic() > deadline:
                self.end()
                return {"code": "TOO_COSTLY", "message": "the reading process hung"}
            elif select.select([answers], [], [], _TICK_S)[0]:
                piece = os.read(answers, 65536)
                if not piece:
                    return None
                said += piece
            else:
                beat()

    def end(self) -> None:
        """Kill the process and what it forked, and reap it."""
        atexit.unregister(self.end)
        if self._made_by == os.getpid():
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, line: bytes) -> bool:
        assert self._process.stdin is not None  # noqa: S101 - made with a pipe
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError:
            return False
        return True


def _unpacked(folder: Path) -> Unpacked:
    said = json.loads((folder / MANIFEST).read_text())
    members = [Member(name, folder / file) for file, name in said["members"]]
    return Unpacked(members, [(name, code) for name, code in said["left"]])


def _absolute(folder: Path | None) -> str:
    return "" if folder is None else str(folder.resolve())


def _nothing(_done: int | None = None, _total: int | None = None, /) -> None:
    """Nobody listens."""
