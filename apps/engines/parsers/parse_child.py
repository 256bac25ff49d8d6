"""The process in which files are read: it waits, forks for each file, and watches the fork.

Started by ``sandbox.py`` as ``python -m apps.engines.parsers.parse_child``. Ends when its input
does, that is, with the worker that started it, and takes the fork along.
"""

import contextlib
import ctypes
import errno
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path
from typing import IO, Any

from apps.engines.archives import UnpackLimits
from apps.engines.parsers.blocks_json import write_blocks
from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.readers import read, warm
from apps.rag.ports import ParseError

MIB = 1024 * 1024
MOST_OUTPUT = 512 * MIB
_LOOK_S = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_LIBC = ctypes.CDLL(None)
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # No network, where the system allows to give it up: readers need none.
    _LIBC.unshare(_CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET)
    while line := _line():
        request = json.loads(line)
        terms.may_recognise = request["pages"] > 0
        terms.threads, terms.most_pages = request["threads"], request["pages"]
        print(json.dumps(_watched(request, answers)), file=answers, flush=True)


def _line() -> bytes:
    """One request, read without buffering: whatever else arrives must be seen by ``select``."""
    said = b""
    while not said.endswith(b"\n"):
        piece = os.read(0, 65536)
        if not piece:
            return b""
        said += piece
    return said


def _watched(request: dict[str, Any], answers: IO[str]) -> dict[str, Any]:
    """Fork, read the file in the fork, and say how it ended."""
    try:
        warm(request["media_type"])
    except Exception:  # noqa: BLE001 - outermost: a reader that cannot be imported is a bug to show
        return {"code": "INTERNAL", "message": traceback.format_exc()[-2000:]}
    gc.freeze()
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _be_the_fork(request, tell)
    os.close(tell)
    try:
        watch = _Watch(request, told, answers)
        too_much = watch.until_end(pid)
        _, status = os.waitpid(pid, 0)
        watch.hear()
    finally:
        os.close(told)
    if too_much:
        return {"code": "TOO_COSTLY", "message": too_much}
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        is_limit = number in {signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ}
        code = "TOO_COSTLY" if is_limit else "UNREADABLE"
        return {"code": code, "message": f"ended by signal {number}"}
    if watch.verdict is None:
        return {"code": "UNREADABLE", "message": f"ended without a word, status {status}"}
    return watch.verdict


class _Watch:
    """Waits for a fork, passes on what it says, and kills it when it takes too much. While a page
    is recognised the clock of the page runs, and the clock of the file stands still."""

    def __init__(self, request: dict[str, Any], told: int, answers: IO[str]) -> None:
        self.verdict: dict[str, Any] | None = None
        self._request, self._told, self._answers = request, told, answers
        self._said = b""
        self._left = self._allowed = float(request["seconds"])
        self._since = time.monotonic()
        self._is_page = False
        self._pages = 0

    def until_end(self, pid: int) -> str:
        """Empty, or what it took too much of."""
        handle = os.pidfd_open(pid)
        try:
            while True:
                ready, _, _ = select.select([handle, self._told, 0], [], [], _LOOK_S)
                if handle in ready:
                    return ""
                if self._told in ready:
                    self.hear()
                if reason := self._too_much(pid, is_alone=0 in ready):
                    os.kill(pid, signal.SIGKILL)
                    return reason
        finally:
            os.close(handle)

    def hear(self) -> None:
        """Read what the fork said: how far its pages are, a line each, and in the end its verdict."""
        self._said += os.read(self._told, 65536)
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            told: dict[str, Any] = json.loads(line)
            if "done" not in told:
                self.verdict = told
                continue
            now = time.monotonic()
            if not self._is_page:
                self._left -= now - self._since
            self._since, self._is_page = now, told["done"] < told["total"]
            self._allowed = self._request["page_seconds"] if self._is_page else self._left
            self._pages += self._is_page
            print(line.decode(), file=self._answers, flush=True)

    def _too_much(self, pid: int, *, is_alone: bool) -> str:
        if time.monotonic() - self._since > self._allowed:
            what = " for a page" if self._is_page else ""
            return (
                f"more than {self._request['page_seconds' if self._is_page else 'seconds']} s{what}"
            )
        if self._pages > self._request["pages"]:
            return f"more than {self._request['pages']} pages to recognise"
        if _resident(pid) > self._request["memory_bytes"]:
            return f"more than {self._request['memory_bytes'] // MIB} MiB"
        return "the worker is gone" if is_alone else ""


def _resident(pid: int) -> int:
    """Bytes of memory in use. Address space says nothing: libraries reserve gigabytes of it."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _be_the_fork(request: dict[str, Any], tell: int) -> None:
    """Read one file within limits, tell the verdict, and end."""
    verdict: dict[str, str] = {"code": "UNREADABLE"}
    try:
        _limit(request)
        # Removed by who asked, even when this process is killed.
        tempfile.tempdir = str(Path(request["out"]).parent)
        terms.tell = partial(_tell, tell)
        terms.remembered = Path(request["remembered"]) if request.get("remembered") else None
        _work(request)
        verdict = {}
    except ParseError as error:
        verdict = {"code": error.code, "message": str(error)[:500]}
    except MemoryError:
        verdict = {"code": "TOO_COSTLY", "message": "out of memory"}
    except OSError as error:
        verdict = {"code": _code_of(error), "message": str(error)[:500]}
    except Exception:  # noqa: BLE001 - outermost: readers raise whatever a broken file makes them
        verdict = {"code": "UNREADABLE", "message": traceback.format_exc()[-2000:]}
    finally:
        with contextlib.suppress(OSError):
            os.write(tell, json.dumps(verdict).encode() + b"\n")
        os._exit(0)


def _tell(to: int, done: int, total: int) -> None:
    os.write(to, json.dumps({"done": done, "total": total}).encode() + b"\n")


def _work(request: dict[str, Any]) -> None:
    """What is asked for: the blocks of a file, or the members of an archive."""
    path, out = Path(request["path"]), Path(request["out"])
    if limits := request.get("unpack"):
        # Imported here: most children never see an archive.
        from apps.engines.parsers.archive.formats import unpack  # noqa: PLC0415

        unpack(path, request["media_type"], out.parent, UnpackLimits(**limits))
    elif apart := request.get("apart"):
        from apps.engines.parsers.apart import Taken  # noqa: PLC0415 - as above

        within, packed = UnpackLimits(**apart["limits"]), path.stat().st_size
        terms.apart = taken = Taken(Path(apart["folder"]), within, packed=packed)
        write_blocks(out, read(path, request["media_type"]))
        taken.write_manifest()
    else:
        write_blocks(out, read(path, request["media_type"]))


def _code_of(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "DISK_FULL"
        case errno.EFBIG:
            return "TOO_COSTLY"
        case errno.ENOENT:
            return "FILE_MISSING"
        case _:
            return "UNREADABLE"


def _limit(request: dict[str, Any]) -> None:
    seconds, memory = int(request["seconds"]) + 1, int(request["memory_bytes"])
    # A second line behind the watcher's clocks.
    seconds += int(request["pages"] * request["page_seconds"]) * int(request["threads"])
    limits = {
        resource.RLIMIT_CPU: seconds,
        # A second line behind the watcher, which looks only twenty times a second.
        resource.RLIMIT_AS: 2 * memory + 4096 * MIB,
        resource.RLIMIT_FSIZE: MOST_OUTPUT,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (within, within))
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(quiet, stream)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
    sys.exit(0)
