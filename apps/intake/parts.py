"""The bytes of what has not arrived whole, in files that are named by ids and by nothing else.

They lie beside the store, so that what is whole moves there without being copied.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings

from apps.core.blobs import full_disk
from apps.core.errors import AppError, ErrorCode

# A file younger than this may belong to a row that has not committed yet.
YOUNG_S = 3600


def folder() -> Path:
    return Path(settings.BLOB_DIR) / "intake"


def path_of(pk: UUID) -> Path:
    """Where the bytes are, whether or not they are there."""
    return folder() / f"{pk}.part"


def folder_of(pk: UUID) -> Path:
    """Where the members of an archive come out."""
    return folder() / f"{pk}.out"


def adopt(pk: UUID, path: Path) -> None:
    """Take over a file that has arrived. Raises AppError DISK_FULL (507)."""
    with full_disk():
        folder().mkdir(parents=True, exist_ok=True)
        path.replace(path_of(pk))


def create(pk: UUID) -> None:
    """An empty file. Raises AppError DISK_FULL (507)."""
    with full_disk():
        folder().mkdir(parents=True, exist_ok=True)
        path_of(pk).touch(exist_ok=False)


def size(pk: UUID) -> int | None:
    """How many bytes have come; None when the file is gone."""
    try:
        return path_of(pk).stat().st_size
    except FileNotFoundError:
        return None


def remove(pk: UUID) -> None:
    path_of(pk).unlink(missing_ok=True)


@contextmanager
def held(pk: UUID) -> Iterator[IO[bytes]]:
    """The file, for whoever is first. Raises AppError CONFLICT (423) while somebody else writes to
    it, NOT_FOUND (404) when it is gone."""
    try:
        file = path_of(pk).open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise AppError(ErrorCode.NOT_FOUND, status=404) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AppError(ErrorCode.CONFLICT, status=423) from error
        yield file


def append(file: IO[bytes], pieces: Iterable[bytes], *, offset: int, size: int) -> int:
    """Add pieces after ``offset``, never beyond ``size``; the new offset, which survives a power
    cut. Raises AppError CONFLICT (409) when the file ends elsewhere, TOO_LARGE (413) and DISK_FULL
    (507): then nothing of these pieces is kept."""
    if file.seek(0, os.SEEK_END) != offset:
        raise AppError(ErrorCode.CONFLICT, status=409, offset=file.tell())
    try:
        with full_disk():
            for piece in pieces:
                _write(file, piece, size)
            os.fsync(file.fileno())
    except AppError:
        file.truncate(offset)
        raise
    return file.tell()


def _write(file: IO[bytes], piece: bytes, size: int) -> None:
    """All of it: a file without a buffer may take less than it is given."""
    if file.tell() + len(piece) > size:
        raise AppError(ErrorCode.TOO_LARGE, status=413, size=size)
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def strays(kept: set[UUID]) -> list[Path]:
    """Files and folders that no row names, and that are too old to belong to one that is about to
    be written."""
    found = [*folder().glob("*.part"), *folder().glob("*.out")]
    return [path for path in found if _id(path) not in kept and _is_old(path)]


def _id(path: Path) -> UUID | None:
    try:
        return UUID(path.stem)
    except ValueError:
        return None


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > YOUNG_S
    except FileNotFoundError:
        return False
