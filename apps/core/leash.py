"""A process that must not outlive its parent. Linux keeps the promise; elsewhere nothing happens.

Run by its path (``python -I -S leash.py SIGNAL NICE PARENT COMMAND…``) it ties the command to the
process PARENT: when that dies, even by SIGKILL, the kernel sends SIGNAL to the command. NICE more
than 0 lets other processes go first.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(signum: int, *, parent: int) -> None:
    """Ask the kernel for ``signum`` when ``parent`` ends; exit at once if it has ended already.

    Call it in the child's main thread: the promise is lost at the next fork, kept over exec.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGTERM)


def main() -> None:
    signum, nice, parent, *command = sys.argv[1:]
    die_with_parent(int(signum), parent=int(parent))
    os.nice(int(nice))
    os.execvp(command[0], command)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
