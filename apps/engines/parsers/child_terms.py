"""What the worker granted for the file that this process reads, and what it is told meanwhile.

Plain state of a module: the process was forked for one file.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _nobody(_done: int, _total: int) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Terms:
    """``may_recognise``: text may be recognised in pictures (OCR), with so many ``threads``, on at
    most so many pages. ``tell``: called with (done, total) pages as they are recognised."""

    may_recognise: bool = True
    threads: int = 1
    most_pages: int = 1000
    tell: Callable[[int, int], None] = _nobody


terms = Terms()
