"""Verbs on documents: add, add a version, rename, try again, delete."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.core import blobs
from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.files import dropping, keeping
from apps.documents.arrival.names import clean_name, clean_path, numbered, stem_of
from apps.documents.arrival.removed import note_removed
from apps.documents.arrival.sniff import media_type_of
from apps.documents.deletion.endings import document_ends
from apps.documents.models import DeletionReceipt, Document, DocumentVersion, IngestRun
from apps.documents.queries import worth_another_try
from apps.documents.runs import ledger
from apps.documents.runs.ledger import Clock, Passed, Stage
from apps.documents.runs.queue import queue
from apps.engines.media_types import MediaType
from apps.events import services as events
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import Collection

OnExisting = Literal["ask", "version", "rename"]
READ_AT_ONCE = 1024 * 1024
LONGEST_TEXT = 5 * 1024 * 1024
# More than the uploads of one name that may meet: on PostgreSQL every round has one winner.
TRIES = 40


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an upload. ``is_duplicate``: these bytes were there, nothing new was made."""

    document: Document
    version: DocumentVersion
    run: IngestRun
    is_new_version: bool = False
    is_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class _Upload:
    """A checked file on its way to a document."""

    collection: Collection
    arrived: blobs.Received
    media_type: MediaType
    filename: str
    external_id: str = ""
    source_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    on_existing: OnExisting = "ask"
    passed: Sequence[Passed] = ()
    parent: Document | None = None

    @property
    def name(self) -> str:
        """Of the document: what is attached is named below its mail."""
        if self.parent is None:
            return self.filename
        return clean_path(f"{stem_of(self.parent.name)}/{self.filename}")


def add_version(  # noqa: PLR0913 - all that an upload may say of itself
    *,
    collection: Collection,
    file: BinaryIO | Iterable[bytes] | Path,
    name: str,
    external_id: str = "",
    metadata: Mapping[str, Any] | None = None,
    source_url: str = "",
    on_existing: OnExisting = "ask",
    keeps_folders: bool = False,
    parent: Document | None = None,
) -> Added:
    """Store a file and queue it to be read. A ``Path`` is a file of ours: it stays, unwritten.

    The same bytes in the same document make nothing new. The same ``external_id`` makes a new
    version. The same name without one raises AppError NAME_TAKEN (409, with ``document``) unless
    ``on_existing`` says "version" or "rename". Refusals of the file itself (UNSUPPORTED 415,
    TOO_LARGE 413, EMPTY, ENCRYPTED, UNREADABLE, TOO_COSTLY 422) leave nothing behind.
    ``keeps_folders``: the folders in ``name`` are part of the document's name. ``parent``: the mail
    that the file is attached to; the same name there makes a new version.
    """
    current_scope().require_write(collection.pk)
    filename = clean_path(name) if keeps_folders else clean_name(name)
    clock = Clock()
    with arriving(file) as arrived:
        passed = [Passed(Stage.RECEIVED, arrived.size, clock.read())]
        media_type = media_type_of(arrived.path, filename)
        upload = _Upload(
            collection=collection,
            arrived=arrived,
            media_type=media_type,
            filename=filename,
            external_id=_line(external_id),
            source_url=source_url[:2000],
            metadata=metadata or {},
            on_existing=on_existing,
            passed=[*passed, Passed(Stage.CHECKED, arrived.size, clock.read())],
            parent=parent,
        )
        try:
            return _stored(upload)
        except AppError:
            _drop_unused(arrived.sha256)
            raise


def arriving(
    file: BinaryIO | Iterable[bytes] | Path,
) -> AbstractContextManager[blobs.Received]:
    """A file on a disk of ours, hashed, until the end of the block; see ``blobs``."""
    if isinstance(file, Path):
        return blobs.linked(file)
    return blobs.received(_pieces(file), max_bytes=settings.UPLOAD_MAX_BYTES)


def add_text(
    *,
    collection: Collection,
    text: str,
    name: str,
    external_id: str = "",
    metadata: Mapping[str, Any] | None = None,
    on_existing: OnExisting = "ask",
) -> Added:
    """A pasted text as a document of its own."""
    current_scope().require_write(collection.pk)
    if not text.strip():
        raise AppError(ErrorCode.EMPTY, status=422)
    # A lone surrogate is no character and has no bytes.
    content = text.encode(errors="replace")
    if len(content) > LONGEST_TEXT:
        limit = LONGEST_TEXT // 1024 // 1024
        raise AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=limit)
    filename = clean_name(name or text.strip().splitlines()[0][:80])
    if not filename.lower().endswith((".txt", ".md", ".markdown")):
        filename = clean_name(f"{filename}.md")
    return add_version(
        collection=collection,
        file=BytesIO(content),
        name=filename,
        external_id=external_id,
        metadata=metadata,
        on_existing=on_existing,
    )


@transaction.atomic
def rename_document(*, document: Document, name: str) -> Document:
    """Give a document another name. Raises AppError NAME_TAKEN (409) when it is in use."""
    current_scope().require_write(document.collection_id)
    document.name = clean_path(name) if "/" in document.name else clean_name(name)
    try:
        with transaction.atomic():
            document.save(update_fields=["name", "updated_at"])
    except IntegrityError as error:
        raise AppError(ErrorCode.NAME_TAKEN, status=409) from error
    events.record("document.renamed", document, name=document.name)
    events.announce(document.collection_id, {"document": str(document.pk)})
    return document


@transaction.atomic
def retry(*, document: Document) -> IngestRun:
    """Queue the newest version again, from the start; a run under way is returned as it is."""
    current_scope().require_write(document.collection_id)
    version = document.versions.order_by("-number")[0]
    active = _active_run(version)
    if active is not None:
        return active
    events.record("document.retried", document, name=document.name)
    return queue(version)


def retry_failed(*, collection: Collection) -> int:
    """``retry`` for everything that failed for a reason that trying again can change; how many."""
    current_scope().require_write(collection.pk)
    failed = list(worth_another_try(collection))
    for document in failed:
        retry(document=document)
    return len(failed)


@transaction.atomic
def return_to(*, version: DocumentVersion) -> IngestRun:
    """Make an older version the newest again; it answers once it is indexed, and the one that
    answers now stays as it is. Raises AppError CONFLICT (409) for the newest one."""
    document = Document.objects.get(pk=version.document_id)
    current_scope().require_write(document.collection_id)
    newest = document.versions.order_by("-number")[0]
    if newest.pk == version.pk:
        raise AppError(ErrorCode.CONFLICT, status=409)
    events.record("document.version_returned", document, name=document.name, version=version.number)
    return _newest_again(version, newest)


def _newest_again(version: DocumentVersion, newest: DocumentVersion) -> IngestRun:
    version.number = newest.number + 1
    version.save(update_fields=["number"])
    return queue(version)


@transaction.atomic
def delete_document(*, document: Document, is_by_hand: bool = True) -> DeletionReceipt:
    """Take a document out of every list and search at once, with what was attached to it; a job
    removes what is stored, and the receipt says how far it is. What is deleted ``is_by_hand`` from
    a mail does not come back when the mail is read again."""
    current_scope().require_write(document.collection_id)
    if is_by_hand:
        note_removed(document)
    now = timezone.now()
    Document.objects.filter(pk=document.pk).update(deleted_at=now)
    IngestRun.objects.filter(IngestRun.ACTIVE, document_id=document.pk).update(
        state=IngestRun.State.CANCELLED, lease_until=None, finished_at=now
    )
    receipt = document_ends(document)
    events.record("document.deleted", document, name=document.name)
    events.announce(document.collection_id, {"document": str(document.pk)})
    for attached in Document.objects.filter(parent=document):
        delete_document(document=attached, is_by_hand=False)
    return receipt


def _pieces(file: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    read = getattr(file, "read", None)
    if read is None:
        yield from file
        return
    with contextlib.suppress(AttributeError, OSError):
        file.seek(0)  # type: ignore[union-attr] # an upload may have been looked at before
    while piece := read(READ_AT_ONCE):
        yield piece


def _line(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:255]


def _stored(upload: _Upload) -> Added:
    """Write the rows. When another upload of the same name or bytes wins the race, its rows are
    there on the next look, and this one becomes a duplicate, a version or a question."""
    with keeping(upload.arrived):
        for _ in range(TRIES):
            with contextlib.suppress(IntegrityError), transaction.atomic():
                return _add(upload)
    raise AppError(ErrorCode.CONFLICT, status=409)


def _add(upload: _Upload) -> Added:
    if upload.parent is not None:  # locked: a mail that is being deleted gets no more attachments
        Document.objects.select_for_update().get(pk=upload.parent.pk)
    document = _place(upload)
    if isinstance(document, str):
        document = Document.objects.create(
            collection=upload.collection,
            name=document,
            external_id=upload.external_id,
            source_url=upload.source_url,
            metadata=dict(upload.metadata),
            **_inherited(upload.parent),
        )
        added = _new_version(document, upload, number=1)
        events.record("document.added", document, name=document.name)
    else:
        added = _again(document, upload)
    events.announce(upload.collection.pk, {"document": str(document.pk)})
    return added


def _inherited(parent: Document | None) -> dict[str, Any]:
    """Who looks after a new document, and when it counts: as its mail."""
    if parent is None:
        return {"owner_id": current_scope().actor_id}
    return {
        "parent": parent,
        "owner_id": parent.owner_id,
        "valid_from": parent.valid_from,
        "valid_until": parent.valid_until,
    }


def _place(upload: _Upload) -> Document | str:
    """The document that this upload is another version of, locked until the end; or the name of a
    new one, from the same look: what took that name since may be this very file, and is refused."""
    documents = Document.objects.filter(collection=upload.collection)
    documents = documents.select_for_update(no_key=True, of=("self",))
    if upload.parent is not None:
        attached = documents.filter(parent=upload.parent, versions__filename=upload.filename)
        return attached.first() or _free_name(upload)
    if upload.external_id:
        return documents.filter(external_id=upload.external_id).first() or _free_name(upload)
    document = documents.filter(name=upload.filename).first()
    if document is None:
        return upload.filename
    if upload.on_existing == "version":
        return document
    if document.versions.order_by("-number")[0].sha256 == upload.arrived.sha256:
        return document  # nothing to ask about
    if upload.on_existing == "rename":
        return _free_name(upload)
    raise AppError(ErrorCode.NAME_TAKEN, status=409, document=str(document.pk), name=document.name)


def _free_name(upload: _Upload) -> str:
    documents = Document.objects.filter(collection=upload.collection)
    if not documents.filter(name=upload.name).exists():
        return upload.name  # the usual case, and cheap in a collection of many
    return numbered(upload.name, set(documents.values_list("name", flat=True)))


def _again(document: Document, upload: _Upload) -> Added:
    """A file for a document that is there: a duplicate, a return to an old file, or a version."""
    newest = document.versions.order_by("-number")[0]
    same = document.versions.filter(sha256=upload.arrived.sha256).first()
    if same is None:
        added = _new_version(document, upload, number=newest.number + 1)
    elif same.pk == newest.pk:
        return _duplicate(document, same)
    else:  # bytes of an older version: it becomes the newest again
        added = Added(document, same, _newest_again(same, newest), is_new_version=True)
    if upload.metadata:
        document.metadata = dict(upload.metadata)
    document.save(update_fields=["metadata", "updated_at"])
    events.record(
        "document.version_added", document, name=document.name, version=added.version.number
    )
    return added


def _duplicate(document: Document, version: DocumentVersion) -> Added:
    """Nothing new, but a file that failed is tried again: that is why people upload it again."""
    last = version.runs.filter(IngestRun.LIVE).order_by("-created_at", "-pk")[0]
    if last.state in {IngestRun.State.FAILED, IngestRun.State.CANCELLED}:
        last = queue(version)
    return Added(document, version, last, is_duplicate=True)


def _new_version(document: Document, upload: _Upload, *, number: int) -> Added:
    version = DocumentVersion.objects.create(
        collection=upload.collection,
        document=document,
        number=number,
        filename=upload.filename,
        sha256=upload.arrived.sha256,
        size=upload.arrived.size,
        media_type=upload.media_type,
        created_by_id=current_scope().actor_id,
    )
    run = queue(version)
    ledger.begin(run, upload.passed)
    return Added(document, version, run, is_new_version=number > 1)


def _active_run(version: DocumentVersion) -> IngestRun | None:
    return version.runs.filter(IngestRun.LIVE, IngestRun.ACTIVE).order_by("-created_at").first()


def _drop_unused(sha256: str) -> None:
    """Remove bytes that were refused, unless a document has them."""
    with system_scope("upload refused: does another document have these bytes?"), dropping():
        if not DocumentVersion.objects.filter(sha256=sha256).exists():
            blobs.remove(sha256)
