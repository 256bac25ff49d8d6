"""Files stored once, under the hash of their bytes."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO
from uuid import uuid4

from django.conf import settings

from apps.core.errors import AppError, ErrorCode
from apps.core.room import is_full

# Disks and shares on which a file has one name only, or the second name would be elsewhere.
_NO_LINKS = frozenset({errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the store: sha256 in hex, size in bytes, where they are."""

    sha256: str
    size: int
    path: Path


def _root() -> Path:
    return Path(settings.BLOB_DIR)


def path_of(sha256: str) -> Path:
    """Where the bytes of this hash are kept, whether or not they are there."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        msg = "not a sha256"
        raise ValueError(msg)
    return _root() / sha256[:2] / sha256


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that have arrived and are not in the store yet; ``path`` is a temporary file."""

    sha256: str
    size: int
    path: Path


@contextmanager
def received(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Received]:
    """Bytes in a temporary file, fsynced, until the end of the block. Raises AppError TOO_LARGE
    (413), EMPTY (422) or DISK_FULL (507); nothing is left behind in any case."""
    folder = _root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    temporary: Path | None = None
    try:
        with full_disk(), tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
            temporary = Path(out.name)
            sha256, size = _written(chunks, out, max_bytes)
        if size == 0:
            raise AppError(ErrorCode.EMPTY, status=422)
        yield Received(sha256, size, temporary)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def linked(path: Path) -> Iterator[Received]:
    """A file that is here already, as if it had just arrived: hashed, not copied where the disk can
    give it a second name. ``path`` itself stays; the caller must not write to it any more. Raises
    AppError EMPTY (422) or DISK_FULL (507)."""
    folder = _root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"link-{uuid4().hex}"
    try:
        with full_disk():
            try:
                os.link(path, temporary)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                shutil.copyfile(path, temporary)
        size = temporary.stat().st_size
        if size == 0:
            raise AppError(ErrorCode.EMPTY, status=422)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        yield Received(digest.hexdigest(), size, temporary)
    finally:
        temporary.unlink(missing_ok=True)


def _written(chunks: Iterable[bytes], out: IO[bytes], max_bytes: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=max_bytes // (1024 * 1024))
        digest.update(chunk)
        out.write(chunk)
    out.flush()
    os.fsync(out.fileno())
    return digest.hexdigest(), size


@contextmanager
def full_disk() -> Iterator[None]:
    """Words for a disk that is full: AppError DISK_FULL (507)."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise AppError(ErrorCode.DISK_FULL, status=507) from error
        raise


def keep(arrived: Received) -> Blob:
    """Put what has arrived under its hash, by an atomic rename; bytes that are there stay. Raises
    AppError DISK_FULL (507)."""
    path = path_of(arrived.sha256)
    with full_disk():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.exists() and path.stat().st_size == arrived.size):
            arrived.path.replace(path)
    return Blob(arrived.sha256, arrived.size, path)


def store(chunks: Iterable[bytes], *, max_bytes: int) -> Blob:
    """Write bytes under their hash; see ``received``."""
    with received(chunks, max_bytes=max_bytes) as arrived:
        return keep(arrived)


def open_blob(sha256: str) -> BinaryIO:
    """The bytes; raises AppError FILE_MISSING (410) when they are not there."""
    try:
        return path_of(sha256).open("rb")
    except FileNotFoundError as error:
        raise AppError(ErrorCode.FILE_MISSING, status=410) from error


def remove(sha256: str) -> None:
    """Delete the bytes. The caller has made sure that no version refers to them."""
    path_of(sha256).unlink(missing_ok=True)


def stored() -> Iterator[str]:
    """Every hash in the store, for reconciliation."""
    for path in _root().glob("??/*"):
        if len(path.name) == 64:
            yield path.name
