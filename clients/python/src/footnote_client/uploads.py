"""An upload in pieces, step by step, without a connection: both clients take these steps.

A step is a call to send, whose answer or error comes back, or seconds to wait.
"""

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO

import httpx

from footnote_client import calls
from footnote_client.calls import Call, Row
from footnote_client.errors import FootnoteError
from footnote_client.retrying import wait_before

# After these the server says where it is, and the upload goes on from there.
RESUMED = frozenset({409, 423, 429, 502, 503, 504})
LOCKED = 423
# While the server still works on an earlier piece, or takes the file in.
LOCKED_TRIES = 10

Answer = httpx.Response | None
Steps = Generator[Call | float, Answer, Row]
Part = Generator[Call | float, Answer, int]


def steps(
    collection: str, file: Path, *, piece: int, said: Mapping[str, str], retries: int
) -> Steps:
    # Without a buffer, which would still have what the file lost meanwhile.
    with file.open("rb", buffering=0) as source:
        size = os.fstat(source.fileno()).st_size
        begun = yield calls.upload(collection, size, {"filename": file.name, **said})
        address = _answered(begun).headers["Location"]
        yield from _filled(address, source, size, piece, retries)
    return (yield from _settled(address, retries))


def _filled(address: str, source: IO[bytes], size: int, piece: int, retries: int) -> Part:
    offset = furthest = failed = 0
    while offset < size:
        content = _read(source, offset, min(piece, size - offset), size)
        try:
            answer = yield calls.piece(address, offset, content)
        except (httpx.TransportError, FootnoteError) as error:
            yield _wait_after(error, failed, retries)
            answer = yield calls.progress(address)
        offset = _offset_in(_answered(answer), size)
        failed = 0 if offset > furthest else failed + 1
        furthest = max(furthest, offset)
        if failed > max(retries, LOCKED_TRIES):
            raise _stuck()
    return offset


def _settled(address: str, retries: int) -> Steps:
    """What became of it. All bytes have come; where the server was lost before it took the file in,
    it is asked to."""
    failed = 0
    while True:
        row: Row = _answered((yield calls.read(address))).json()
        if row["state"] != "receiving":
            return row
        try:
            finished: Row = _answered((yield calls.finish(address))).json()
        except FootnoteError as error:
            if error.status != LOCKED:
                raise
            yield _wait_after(error, failed, retries)
            failed += 1
        else:
            return finished


def _wait_after(error: httpx.TransportError | FootnoteError, failed: int, retries: int) -> float:
    """Seconds; raises the error when it is for good, or came too often."""
    most, asked = retries, None
    if isinstance(error, FootnoteError):
        if error.status not in RESUMED:
            raise error
        asked = error.retry_after
        most = max(retries, LOCKED_TRIES) if error.status == LOCKED and retries else retries
    wait = wait_before(failed, asked) if failed < most else None
    if wait is None:
        raise error
    return wait


def _read(source: IO[bytes], offset: int, count: int, size: int) -> bytes:
    source.seek(offset)
    content = source.read(count)
    if len(content) < count:
        message = (
            f"The file has become shorter than the {size} bytes that were announced. "
            "Upload it again when nobody writes to it."
        )
        raise FootnoteError(0, "FILE_CHANGED", message, {"size": size})
    return content


def _offset_in(answer: httpx.Response, size: int) -> int:
    said = answer.headers.get("Upload-Offset", "")
    if not (said.isascii() and said.isdecimal() and len(said) <= 15 and int(said) <= size):
        message = "The answer does not say how far the upload is (Upload-Offset)."
        raise FootnoteError(answer.status_code, "UPLOAD_OFFSET", message, {})
    return int(said)


def _stuck() -> FootnoteError:
    message = "The upload does not get any further: the server takes no bytes."
    return FootnoteError(0, "UPLOAD_STUCK", message, {})


def _answered(answer: Answer) -> httpx.Response:
    assert answer is not None  # noqa: S101 - only a wait is answered with nothing
    return answer
