"""The original file of a version, for pages and programs: whole or in ranges, never run."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from apps.core import blobs
from apps.core.aio import in_thread
from apps.core.errors import AppError, ErrorCode
from apps.documents.models import DocumentVersion
from apps.engines.media_types import MediaType

PIECE = 256 * 1024
# Pictures that browsers draw: in a page of ours they are pixels, whatever they hold. By themselves
# they are saved.
PICTURES = frozenset({MediaType.PNG, MediaType.JPEG, MediaType.WEBP, MediaType.BMP})
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
# What somebody uploaded never becomes a page of this site: it is saved, or read by our own reader.
_POLICY = "default-src 'none'; sandbox"


def original(request: HttpRequest, version: DocumentVersion) -> HttpResponseBase:
    """The bytes as they were uploaded. Honours Range and If-None-Match. Raises AppError
    FILE_MISSING (410) or INFECTED (403)."""
    if version.infection:
        raise AppError(ErrorCode.INFECTED, status=403)
    tag = f'"{version.sha256}"'
    if request.headers.get("If-None-Match") == tag:
        return _with_headers(HttpResponseNotModified(), version)
    file = blobs.open_blob(version.sha256)
    size = file.seek(0, 2)
    wanted = _range(request.headers.get("Range", ""), size)
    if wanted is None:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, stop = wanted
    file.seek(start)
    response = _streamed(request, file, stop - start)
    response["Content-Length"] = str(stop - start)
    if "Range" in request.headers and (start, stop) != (0, size):
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return _with_headers(response, version)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """(start, stop) of the one range asked for; everything without one; None: cannot be met."""
    asked = _RANGE.fullmatch(header.strip())
    if asked is None or asked.group(0) == "bytes=-":
        return 0, size  # no range, several, or another unit: the whole file is a right answer
    first, last = asked.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    return (start, stop) if start < stop else None


def _streamed(request: HttpRequest, file: BinaryIO, length: int) -> StreamingHttpResponse:
    # A plain iterator would be read into memory as a whole by the asynchronous server.
    is_asynchronous = isinstance(request, ASGIRequest)
    body = _read_beside(file, length) if is_asynchronous else _read(file, length)
    response = StreamingHttpResponse(body)
    # A reader that leaves before the first piece starts no generator that could close it.
    response._resource_closers.append(file.close)  # type: ignore[attr-defined] # noqa: SLF001 - as FileResponse does
    return response


def _read(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length > 0 and (piece := file.read(min(PIECE, length))):
            length -= len(piece)
            yield piece


async def _read_beside(file: BinaryIO, length: int) -> AsyncIterator[bytes]:
    """The same, with the disk read in a thread."""
    with file:
        while length > 0:
            size = min(PIECE, length)
            piece = await in_thread(lambda size=size: file.read(size))  # type: ignore[misc]
            if not piece:
                return
            length -= len(piece)
            yield piece


def _with_headers(response: HttpResponseBase, version: DocumentVersion) -> HttpResponseBase:
    is_shown = version.media_type == MediaType.PDF or version.media_type in PICTURES
    response["Content-Type"] = version.media_type if is_shown else "application/octet-stream"
    response["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=version.filename.rpartition("/")[2]
    )
    response["Content-Security-Policy"] = _POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{version.sha256}"'
    # Rights may end: nobody between us and the reader keeps a copy.
    response["Cache-Control"] = "private, no-cache"
    return response
