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
from pathlib import Path
from typing import Any

from apps.engines.parsers.blocks_json import write_blocks
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
        print(json.dumps(_watched(request)), file=answers, flush=True)


def _line() -> bytes:
    """One request, read without buffering: whatever else arrives must be seen by ``select``."""
    said = b""
    while not said.endswith(b"\n"):
        piece = os.read(0, 65536)
        if not piece:
            return b""
        said += piece
    return said


def _watched(request: dict[str, Any]) -> dict[str, str]:
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
    with os.fdopen(told, "rb") as verdicts:
        too_much = _watch(pid, request)
        _, status = os.waitpid(pid, 0)
        said = verdicts.read()
    if too_much:
        return {"code": "TOO_COSTLY", "message": too_much}
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        is_limit = number in {signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ}
        code = "TOO_COSTLY" if is_limit else "UNREADABLE"
        return {"code": code, "message": f"ended by signal {number}"}
    try:
        verdict: dict[str, str] = json.loads(said)
    except ValueError:
        return {"code": "UNREADABLE", "message": f"ended without a word, status {status}"}
    return verdict


def _watch(pid: int, request: dict[str, Any]) -> str:
    """Wait for the fork; kill it when it takes too much, and say what."""
    deadline = time.monotonic() + request["seconds"]
    handle = os.pidfd_open(pid)
    try:
        while True:
            ready, _, _ = select.select([handle, 0], [], [], _LOOK_S)
            if handle in ready:
                return ""
            reason = ""
            if time.monotonic() > deadline:
                reason = f"more than {request['seconds']} s"
            elif _resident(pid) > request["memory_bytes"]:
                reason = f"more than {request['memory_bytes'] // MIB} MiB"
            elif 0 in ready:
                reason = "the worker is gone"
            if reason:
                os.kill(pid, signal.SIGKILL)
                return reason
    finally:
        os.close(handle)


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
        write_blocks(Path(request["out"]), read(Path(request["path"]), request["media_type"]))
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
            os.write(tell, json.dumps(verdict).encode())
        os._exit(0)


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
