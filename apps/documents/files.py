"""Who may add a reference to stored bytes, and who may remove bytes that nothing refers to.

Both at once would leave a document without its file: an upload finds the bytes there and keeps
them, while a clean-up, which saw no document yet, deletes them. A lock on a file keeps them apart.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from apps.core.blobs import Blob
from apps.core.errors import AppError, ErrorCode


@contextmanager
def keeping(blob: Blob) -> Iterator[None]:
    """While the row that refers to these bytes is written. Raises AppError CONFLICT (409) when
    they were removed a moment ago: the upload has to be repeated."""
    with _locked(fcntl.LOCK_SH):
        if not blob.path.exists():
            raise AppError(ErrorCode.CONFLICT, status=409)
        yield


@contextmanager
def dropping() -> Iterator[None]:
    """While bytes are looked up and removed; no upload commits in between."""
    with _locked(fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(how: int) -> Iterator[None]:
    folder = Path(settings.BLOB_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, how)
        yield
