"""How much the disk still takes. Asked before something large is accepted: the database, which
shares the disk, must be able to write after it."""

import errno
import shutil
from pathlib import Path

from django.conf import settings
from django.db import OperationalError

# What is smaller than this is not worth asking: the disk says so itself.
SMALL = 1024 * 1024


def has_room(size: int, folder: Path | None = None) -> bool:
    """Whether so many bytes fit beside what is kept free. Small things are let through."""
    if size <= SMALL:
        return True
    return shutil.disk_usage(folder or settings.DATA_DIR).free >= size + settings.DISK_RESERVE_BYTES


def free(folder: Path) -> int:
    """Bytes that may still be written there."""
    return max(0, shutil.disk_usage(folder).free - settings.DISK_RESERVE_BYTES)


def is_full(error: object) -> bool:
    """Whether an error says that the disk is full, in the words of the system or of SQLite."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    if not isinstance(error, OperationalError):
        return False
    # Without room for its shared memory SQLite says no more than that the disk failed.
    is_out = "disk I/O error" in str(error) and shutil.disk_usage(settings.DATA_DIR).free < SMALL
    return is_out or "disk is full" in str(error)
