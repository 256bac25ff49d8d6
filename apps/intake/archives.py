"""The door for every file: an archive is put aside to be unpacked, any other becomes a document."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from apps.core import blobs
from apps.core.errors import AppError, ErrorCode
from apps.documents import services as documents
from apps.documents.arrival.names import clean_path
from apps.documents.arrival.sniff import media_type_of
from apps.engines.archives import ArchiveKind, is_one, kind_of
from apps.events import services as events
from apps.intake import parts
from apps.intake.jobs import UNPACK
from apps.intake.models import Unpacking
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

# A message may be lost: what was not begun after this is sent again.
RESEND = timedelta(seconds=120)
_WAITING = (Unpacking.State.QUEUED, Unpacking.State.RUNNING)


class Said(TypedDict, total=False):
    """What an upload may say of itself beside its name; see ``documents.add_version``."""

    external_id: str
    metadata: Mapping[str, Any]
    on_existing: documents.OnExisting
    keeps_folders: bool


def take(
    *,
    collection: Collection,
    file: BinaryIO | Iterable[bytes] | Path,
    name: str,
    **said: Unpack[Said],
) -> documents.Added | Unpacking:
    """Store a file: as ``documents.add_version`` does, or, when it is an archive, to be unpacked by
    a worker into a document for each member that is read.

    An archive whose bytes are not one raises AppError UNREADABLE (422), one with an
    ``external_id``, which would name many documents, BAD_REQUEST (400).
    """
    current_scope().require_write(collection.pk)
    kind = kind_of(name)
    add = partial(documents.add_version, collection=collection, name=name, **said)
    if kind is None:
        return add(file=file)
    with documents.arriving(file) as arrived:
        if kind is ArchiveKind.ZIP and _is_document(arrived.path, name):
            return add(file=arrived.path)
        if not is_one(arrived.path, kind):
            raise AppError(ErrorCode.UNREADABLE, status=422)
        if said.get("external_id"):
            raise AppError(ErrorCode.BAD_REQUEST, fields=["external_id"])
        unpacking = Unpacking(
            collection=collection,
            owner_id=current_scope().actor_id,
            name=clean_path(name),
            sha256=arrived.sha256,
            size=arrived.size,
            kind=kind,
            metadata=dict(said.get("metadata", {})),
            on_existing=said.get("on_existing", "ask"),
            not_before=timezone.now() + RESEND,
        )
        return _put_aside(unpacking, arrived)


def _is_document(path: Path, name: str) -> bool:
    """Office files are archives too, and some are named like one."""
    try:
        media_type_of(path, name)
    except AppError:
        return False
    return True


def _put_aside(unpacking: Unpacking, arrived: blobs.Received) -> Unpacking:
    """Queue it; the same archive that still waits in this collection is not queued twice."""
    waiting = Unpacking.objects.filter(
        collection_id=unpacking.collection_id, sha256=arrived.sha256, state__in=_WAITING
    ).first()
    if waiting is not None:
        return waiting
    parts.adopt(unpacking.pk, arrived.path)
    try:
        with transaction.atomic():
            unpacking.save(force_insert=True)
            events.record("archive.received", unpacking, name=unpacking.name)
            events.announce(unpacking.collection_id, {"unpacking": str(unpacking.pk)})
            UNPACK.enqueue(unpacking_id=str(unpacking.pk))
    except BaseException:
        parts.remove(unpacking.pk)
        raise
    return unpacking


def forget(*, unpacking: Unpacking) -> None:
    """Take what came of an archive off the page. One that is being unpacked stops; the documents
    that it became stay."""
    pk = unpacking.pk
    collection_id = unpacking.collection_id
    unpacking.delete()
    parts.remove(pk)
    shutil.rmtree(parts.folder_of(pk), ignore_errors=True)
    events.announce(collection_id, {"unpacking": str(pk)})
