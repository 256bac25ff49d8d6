"""Bodies of answers that are held for a moment: in memory, or in a file when they are large."""

import gzip
import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO

from django.conf import settings

from apps.core.errors import ErrorCode
from apps.sources.web import MOST_TEXT, Answer, refused

_IN_MEMORY = 4 * 1024 * 1024


def spooled(answer: Answer) -> tuple[IO[bytes], str]:
    """The body, to be closed by the caller, and its digest. Raises AppError TOO_LARGE."""
    body: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    digest, size = hashlib.sha256(), 0
    for piece in answer.pieces:
        size += len(piece)
        if size > settings.UPLOAD_MAX_BYTES:
            body.close()
            raise refused(ErrorCode.TOO_LARGE)
        digest.update(piece)
        body.write(piece)
    body.seek(0)
    return body, digest.hexdigest()


def pieces_of(body: IO[bytes]) -> Iterator[bytes]:
    """What is held, from where it stands on."""
    while piece := body.read(1024 * 1024):
        yield piece


def unpacked(body: bytes) -> bytes:
    """What a .gz holds; anything else as it is. Raises AppError TOO_LARGE, OSError, EOFError."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    with gzip.open(io.BytesIO(body)) as packed:
        text = packed.read(MOST_TEXT + 1)
    if len(text) > MOST_TEXT:
        raise refused(ErrorCode.TOO_LARGE)
    return text
