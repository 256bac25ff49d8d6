"""What the worker granted for the file that this process reads, and what it is told meanwhile.

Plain state of a module: the process was forked for one file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


def _nobody(_done: int, _total: int) -> None:
    """Nobody listens."""


class Apart(Protocol):
    """Takes the files that came in a mail, where they become documents of their own."""

    def take(self, name: str, data: bytes) -> None:
        """Keep a file."""

    def leave(self, name: str, code: str) -> None:
        """Say why one is not kept."""


@dataclass(slots=True)
class Terms:
    """``may_recognise``: text may be recognised in pictures (OCR), with so many ``threads``, on at
    most so many pages. ``tell``: called with (done, total) pages as they are recognised. ``apart``:
    where attachments of a mail go; None: they are read inside of it. ``remembered``: a folder of
    what was recognised on pages of the same document before, and is now."""

    may_recognise: bool = True
    threads: int = 1
    most_pages: int = 1000
    tell: Callable[[int, int], None] = _nobody
    apart: Apart | None = None
    remembered: Path | None = None


terms = Terms()
