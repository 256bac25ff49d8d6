"""Files stored once, under the hash of their bytes."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.core.errors import AppError, ErrorCode


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


def store(chunks: Iterable[bytes], *, max_bytes: int) -> Blob:
    """Write bytes under their hash: temporary file, fsync, atomic rename. Raises AppError
    TOO_LARGE (413), EMPTY (422) or DISK_FULL (507) and then leaves nothing behind."""
    folder = _root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    digest, size, temporary = hashlib.sha256(), 0, None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
            temporary = Path(out.name)
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise AppError(
                        ErrorCode.TOO_LARGE, status=413, limit_mb=max_bytes // (1024 * 1024)
                    )
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if size == 0:
            raise AppError(ErrorCode.EMPTY, status=422)
        return _keep(temporary, digest.hexdigest(), size)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise AppError(ErrorCode.DISK_FULL, status=507) from error
        raise
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


def _keep(temporary: Path, sha256: str, size: int) -> Blob:
    path = path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size == size:
        temporary.unlink()
    else:
        temporary.replace(path)
    return Blob(sha256, size, path)


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
