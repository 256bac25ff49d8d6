"""One log file per part, rotated by size."""

import shutil
from pathlib import Path

_LIMIT_BYTES = 10 * 1024 * 1024
_KEEP = 3


def rotate(path: Path, *, limit: int = _LIMIT_BYTES, keep: int = _KEEP) -> None:
    """Copy and truncate when larger than ``limit``; parts append, so they go on in the same file."""
    try:
        if path.stat().st_size < limit:
            return
    except FileNotFoundError:
        return
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    with path.open("r+b") as log:
        log.truncate(0)


def last_line(path: Path) -> str:
    """The last line that says something: usually why a part ended."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:200]
