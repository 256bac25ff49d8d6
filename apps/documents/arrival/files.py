"""Who may add a reference to stored bytes, and who may remove bytes that nothing refers to.

Both at once would leave a document without its file: an upload finds the bytes there already,
while a clean-up, which saw no document yet, deletes them. A lock on a file keeps them apart.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from apps.core.blobs import Blob, Received, keep


@contextmanager
def keeping(arrived: Received) -> Iterator[Blob]:
    """Put bytes into the store, and hold them there while the row that refers to them is written."""
    with _locked(fcntl.LOCK_SH):
        yield keep(arrived)


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
