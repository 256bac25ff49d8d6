"""Memory of a long-lived process with many threads, as the C library keeps it.

glibc gives each thread an arena of its own and seldom gives any back: the index host grew by 90 MB
with every 1,000 documents, most of it free. See mallopt(3) and malloc_trim(3).
"""

import contextlib
import ctypes

_ARENA_MAX = -8
_ARENAS = 2


def use_few_arenas() -> None:
    """Before the first thread. Does nothing where the C library is another one."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Hand what is free back to the system: milliseconds, for the pause after upkeep."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
