"""What each part of a running installation uses: memory it has to itself, and time of processors."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil


def memory(supervisor: int) -> dict[str, float]:
    """MB that each part has to itself (USS), processes of one part together."""
    held: Counter[str] = Counter()
    for part, process in _processes(supervisor):
        try:
            held[part] += process.memory_full_info().uss
        except psutil.Error:
            continue
    return {part: size / 1024**2 for part, size in sorted(held.items())}


def processor_seconds(supervisors: Sequence[int]) -> dict[str, float]:
    """User and system seconds of each part until now, with those of children that have ended. They
    say what work costs also where other programs are at work on the same machine. Parts of a second
    host and more have its number in their names."""
    used: dict[str, float] = defaultdict(float)
    for number, supervisor in enumerate(supervisors, 1):
        for part, process in _processes(supervisor):
            name = part if number == 1 else f"{part} (host {number})"
            try:
                used[name] += sum(process.cpu_times()[:4])
            except psutil.Error:
                continue
    return dict(sorted(used.items()))


def _processes(supervisor: int) -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.Process(supervisor).children(recursive=True):
        try:
            yield _part(process), process
        except psutil.Error:
            continue


def _part(process: psutil.Process) -> str:
    words = process.cmdline()
    if "celery" in words:
        return f"worker {words[words.index('-Q') + 1]}" if "-Q" in words else "beat"
    named = [word for word in words if word.startswith(("workers.", "apps.", "uvicorn"))]
    return named[0] if named else Path(words[0]).name if words else "gone"
