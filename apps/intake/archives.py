"""The door for every file: an archive is put aside to be unpacked, any other becomes a document."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.core import blobs
from apps.core.errors import AppError, ErrorCode
from apps.documents import services as documents
from apps.documents.arrival.fetch import fetch
from apps.documents.arrival.members import LONGEST_ID_OF_ARCHIVE, is_document
from apps.documents.arrival.names import clean_path
from apps.engines.archives import ArchiveKind, is_one, kind_of
from apps.events import services as events
from apps.intake import parts
from apps.intake.jobs import UNPACK
from apps.intake.models import Unpacking
from apps.intake.named import no_archive_any_more, overtake
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

# A message may be lost: what was not begun after this is sent again.
RESEND = timedelta(seconds=120)
_WAITING = (Unpacking.State.QUEUED, Unpacking.State.RUNNING)


class Said(TypedDict, total=False):
    """What an upload may say of itself beside its name; see ``documents.add_version``."""

    external_id: str
    source_url: str
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

    An archive whose bytes are not one raises AppError UNREADABLE (422). With an ``external_id`` its
    documents get ids below that, and what an earlier archive of that id had goes.
    """
    current_scope().require_write(collection.pk)
    kind = kind_of(name)
    add = partial(documents.add_version, collection=collection, name=name, **said)
    if kind is None:
        return _alone(collection, add(file=file), said)
    with documents.arriving(file) as arrived:
        if kind is ArchiveKind.ZIP and is_document(arrived.path, name):
            return _alone(collection, add(file=arrived.path), said)
        if not is_one(arrived.path, kind):
            raise AppError(ErrorCode.UNREADABLE, status=422)
        external_id = said.get("external_id", "")
        if len(external_id) > LONGEST_ID_OF_ARCHIVE:
            raise AppError(ErrorCode.BAD_REQUEST, fields=["external_id"])
        unpacking = Unpacking(
            collection=collection,
            owner_id=current_scope().actor_id,
            name=clean_path(name),
            sha256=arrived.sha256,
            size=arrived.size,
            kind=kind,
            metadata=dict(said.get("metadata", {})),
            external_id=external_id,
            source_url=said.get("source_url", "")[:2000],
            on_existing=said.get("on_existing", "ask"),
            not_before=timezone.now() + RESEND,
        )
        return _put_aside(unpacking, arrived)


def take_url(
    *, collection: Collection, url: str, name: str = "", **said: Unpack[Said]
) -> documents.Added | Unpacking:
    """Fetch a public page, file or archive and take it in. Raises AppError ADDRESS_REFUSED or
    FETCH_FAILED."""
    current_scope().require_write(collection.pk)
    with fetch(url, max_bytes=settings.UPLOAD_MAX_BYTES) as fetched:
        said["source_url"] = fetched.url
        return take(collection=collection, file=fetched.pieces, name=fetched.named(name), **said)


def _alone(collection: Collection, added: documents.Added, said: Said) -> documents.Added:
    """A file that takes the place of an archive of the same id."""
    if said.get("external_id"):
        no_archive_any_more(collection.pk, [said["external_id"]])
    return added


def _put_aside(unpacking: Unpacking, arrived: blobs.Received) -> Unpacking:
    """Queue it; the same archive that still waits in this collection is not queued twice."""
    waiting = Unpacking.objects.filter(
        collection_id=unpacking.collection_id,
        sha256=arrived.sha256,
        external_id=unpacking.external_id,
        state__in=_WAITING,
    ).first()
    if waiting is not None:
        return waiting
    parts.adopt(unpacking.pk, arrived.path)
    try:
        with transaction.atomic():
            # One after the other: two that arrive at once would not see each other, and both wait.
            rows = Collection.objects.select_for_update(no_key=True, of=("self",))
            rows.get(pk=unpacking.collection_id)
            overtake(unpacking)
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
