"""Verbs on uploads that come in pieces: begin, append, finish, cancel."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.core.room import has_room
from apps.documents import services as documents
from apps.documents.arrival.names import clean_path
from apps.intake import parts
from apps.intake.archives import take
from apps.intake.models import Unpacking, Upload
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

log = logging.getLogger(__name__)

# Counted from the last piece. What became of an upload is kept as long, and its bytes while it asks.
KEPT = timedelta(days=2)
# One person's unfinished uploads: a browser sends two at a time, a script a few more.
MOST_OPEN = 100
_UNFINISHED = (Upload.State.RECEIVING, Upload.State.ASKS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client says of the file that it is about to send. ``said`` is its own header."""

    name: str
    size: int
    external_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    on_existing: documents.OnExisting = "ask"
    said: str = ""


def begin(*, collection: Collection, wanted: Wanted) -> Upload:
    """Room for a file that will come in pieces. Raises AppError TOO_LARGE (413), EMPTY (422),
    DISK_FULL (507) or, with too many begun, TOO_MANY_REQUESTS (429)."""
    scope = current_scope()
    scope.require_write(collection.pk)
    if scope.actor_id is None:
        raise AppError(ErrorCode.FORBIDDEN, status=403)
    if wanted.size > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        raise AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=limit)
    if not wanted.size:
        raise AppError(ErrorCode.EMPTY, status=422)
    if not has_room(wanted.size):
        raise AppError(ErrorCode.DISK_FULL, status=507)
    if Upload.objects.filter(state__in=_UNFINISHED).count() >= MOST_OPEN:
        raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429, most=MOST_OPEN)
    upload = Upload(
        owner_id=scope.actor_id,
        collection=collection,
        name=clean_path(wanted.name),
        size=wanted.size,
        said=wanted.said,
        external_id=wanted.external_id,
        metadata=dict(wanted.metadata),
        on_existing=wanted.on_existing,
        expires_at=timezone.now() + KEPT,
    )
    parts.create(upload.pk)
    upload.save(force_insert=True)
    return upload


def offset_of(upload: Upload) -> int:
    """How many bytes have come. Raises AppError NOT_FOUND (404) when they are gone."""
    if upload.state in {Upload.State.TAKEN, Upload.State.REFUSED}:
        return upload.size
    offset = parts.size(upload.pk)
    if offset is None:
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    return offset


def append(*, upload: Upload, offset: int, pieces: Iterable[bytes]) -> int:
    """Add what comes after ``offset``; the new offset. With the last byte the file is taken in, and
    the upload says what became of it. Raises AppError; see ``parts.append`` and ``parts.held``."""
    _require_write(upload)
    if upload.state != Upload.State.RECEIVING:
        raise AppError(ErrorCode.CONFLICT, status=409, offset=upload.size)
    with parts.held(upload.pk) as file:
        reached = parts.append(file, pieces, offset=offset, size=upload.size)
        upload.expires_at = timezone.now() + KEPT
        upload.save(update_fields=["expires_at"])
        if reached == upload.size:
            _take(upload)
    return reached


def finish(*, upload: Upload, on_existing: documents.OnExisting | None = None) -> Upload:
    """Take in a file that has come whole and was not taken: the process ended at that moment, the
    disk was full, or its name was taken and the answer is here now."""
    _require_write(upload)
    if upload.state not in _UNFINISHED:
        return upload
    with parts.held(upload.pk) as file:
        if file.seek(0, 2) != upload.size:
            raise AppError(ErrorCode.CONFLICT, status=409, offset=file.tell())
        upload.on_existing = on_existing or upload.on_existing
        _take(upload)
    return upload


def cancel(*, upload: Upload) -> None:
    """Forget an upload and what has come of it. What was taken in stays."""
    pk = upload.pk
    upload.delete()
    parts.remove(pk)


def _require_write(upload: Upload) -> None:
    """Rights as they are now, not as they were when it began. Raises ScopeDenied, or DoesNotExist
    when the collection is not even seen any more."""
    collection = Collection.objects.get(pk=upload.collection_id)
    current_scope().require_write(collection.pk)


def _take(upload: Upload) -> None:
    """Make it a document. A refusal is what became of it, not an error of this call; only a full
    disk is: then it can be finished later."""
    try:
        added = take(
            collection=upload.collection,
            file=parts.path_of(upload.pk),
            name=upload.name,
            external_id=upload.external_id,
            metadata=upload.metadata,
            on_existing=upload.on_existing,  # type: ignore[arg-type] # checked when it began
            keeps_folders=True,
        )
    except AppError as error:
        if error.status == 507:
            raise
        asks = error.code is ErrorCode.NAME_TAKEN
        upload.state = Upload.State.ASKS if asks else Upload.State.REFUSED
        upload.error_code, upload.error_detail = error.code, dict(error.details)
    else:
        upload.state = Upload.State.TAKEN
        if isinstance(added, Unpacking):
            upload.unpacking = added.pk
        else:
            upload.document, upload.is_duplicate = added.document.pk, added.is_duplicate
        upload.error_code, upload.error_detail = "", {}
    upload.save()
    if upload.state != Upload.State.ASKS:
        parts.remove(upload.pk)
    log.info("upload %s: %s %s", upload.pk, upload.state, upload.error_code)
