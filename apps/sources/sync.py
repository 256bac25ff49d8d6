"""One run of a source: list it, take what is new or changed, remove what is gone.

Repeatable at any point: a document is found again by its ``external_id``, the same bytes make
nothing new, and an entry is written down after its document. Nothing is removed unless the listing
came to its end.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.core.leases import LeaseLost
from apps.documents import services as documents
from apps.documents.models import Document
from apps.documents.runs.reasons import OF_THE_FILE
from apps.engines.archives import kind_of
from apps.permissions.scope import Scope, entered
from apps.sources.connectors.base import Connector, Entry, Gap, Known, digest_of
from apps.sources.leases import Work
from apps.sources.models import Source, SourceEntry
from apps.sources.naming import external_id, metadata_of, name_of, takes_suffix
from apps.sources.removal import is_too_many
from apps.sources.services import connector_of
from apps.workspaces.scopes import scope_of

log = logging.getLogger(__name__)

# Rights are looked up again this often while a run is at work.
RIGHTS_HOLD_S = 2.0
# So many failures one after another are the server's, not the entries'.
MOST_FAILURES_IN_A_ROW = 10
# Codes that do not change while the fingerprint does not.
_OF_THE_ENTRY = OF_THE_FILE | {ErrorCode.TOO_COSTLY, ErrorCode.ADDRESS_REFUSED}
_PASSED_OVER = frozenset(
    {
        ErrorCode.UNSUPPORTED,
        ErrorCode.NEW_IWORK,
        ErrorCode.ARCHIVE_NOT_FETCHED,
        ErrorCode.STILL_WRITTEN,
        ErrorCode.REMOVED_BY_HAND,
        ErrorCode.SOURCE_ROBOTS,
    }
)


class Limit(Exception):
    """The run has used up its time, bytes or entries."""


@dataclass(slots=True)
class Row:
    """What is kept of an entry, and whether its document still is there."""

    pk: UUID
    name: str
    known: Known
    document_id: UUID | None
    sha256: str
    code: str

    @property
    def is_removed_by_hand(self) -> bool:
        return self.document_id is None and bool(self.sha256)


def sync(run_id: UUID) -> None:
    """Do one run, if it is free. Every way that it can end is written down in its row."""
    work = Work.claimed(run_id)
    if work is None:
        return
    try:
        _done(work)
    except LeaseLost:
        log.info("run %s of a source went on elsewhere", run_id)
    except AppError as error:
        work.fail(error.code, **error.details)
    except Exception:
        log.exception("run %s of a source", run_id)
        work.fail(ErrorCode.INTERNAL)


def _done(work: Work) -> None:
    source = work.run.source
    actor = Actor(source)
    actor.scope()
    if source.is_ending:
        Following(work, actor, connector=None).end()
        return
    connector = connector_of(source)
    try:
        Following(work, actor, connector).follow()
    finally:
        connector.close()


class Actor:
    """Whose rights a source acts with, looked up again and again."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scope: Scope | None = None
        self._until = 0.0

    def scope(self) -> Scope:
        """Raises AppError SOURCE_OWNER when the owner may not write there any more."""
        now = time.monotonic()
        if self._scope is None or now >= self._until:
            self._scope, self._until = self._resolved(), now + RIGHTS_HOLD_S
        return self._scope

    def _resolved(self) -> Scope:
        source = Source.objects.select_related("owner").filter(pk=self._source.pk).first()
        if source is None:
            raise LeaseLost
        collection = source.collection_id
        if source.owner is not None:
            scope = scope_of(source.owner).narrowed([collection])
            if scope.may_write(collection):
                return replace(scope, is_unattended=True)
        raise AppError(ErrorCode.SOURCE_OWNER, status=403)


class Following:
    """The state of one run."""

    def __init__(self, work: Work, actor: Actor, connector: Connector | None) -> None:
        self.work = work
        self.run = work.run
        self.source = work.run.source
        self.counts = work.counts
        self.actor = actor
        self.rows = rows_of(self.source)
        self._connector = connector
        self._seen: set[str] = set()
        self._gaps = 0
        self._failures = 0
        self._deadline = time.monotonic() + settings.SOURCE_SECONDS

    @property
    def connector(self) -> Connector:
        if self._connector is None:
            msg = "a source that ends is not listed"
            raise TypeError(msg)
        return self._connector

    # --- the loop ---------------------------------------------------------------------------------
    def follow(self) -> None:
        """List, take, remove, end."""
        self.connector.recall = self._recalled
        try:
            for found in self.connector.list():
                self._tick()
                if isinstance(found, Gap):
                    self._gaps += 1
                    self.counts.problem(found.name, found.code)
                else:
                    self._met(found)
        except Limit:
            self.work.finish(code=ErrorCode.SOURCE_LIMIT)
            return
        if self._gaps:
            self.work.finish(code=ErrorCode.SOURCE_INCOMPLETE)
            return
        self._note_seen()
        if self.connector.removes:
            self._remove_missing()
        else:
            self.work.finish()

    def _recalled(self, key: str) -> Known | None:
        row = self.rows.get(key)
        return None if row is None or self.run.is_full else row.known

    def _tick(self) -> None:
        self.work.extend()
        if time.monotonic() > self._deadline or self.counts.bytes > settings.SOURCE_BYTES:
            raise Limit

    # --- one entry --------------------------------------------------------------------------------
    def _met(self, entry: Entry) -> None:
        if entry.key in self._seen:
            return
        if len(self._seen) >= settings.SOURCE_ENTRIES:
            raise Limit
        self._seen.add(entry.key)
        self.counts.seen += 1
        row = self.rows.get(entry.key)
        if entry.held:
            self._passed_over(entry.name, entry.held)
        elif row is not None and row.is_removed_by_hand and not self.run.is_full:
            self._passed_over(entry.name, ErrorCode.REMOVED_BY_HAND)
        elif row is not None and self._is_known(entry, row):
            self._unchanged(row)
        else:
            self._take(entry, row)

    def _is_known(self, entry: Entry, row: Row) -> bool:
        is_same = bool(entry.fingerprint) and row.known.fingerprint == entry.fingerprint
        return is_same and not self.run.is_full

    def _unchanged(self, row: Row) -> None:
        if row.code:
            self._passed_over(row.name, row.code)
        else:
            self.counts.unchanged += 1

    def _passed_over(self, name: str, code: str) -> None:
        if code in _PASSED_OVER:
            self.counts.skipped += 1
        else:
            self.counts.failed += 1
        self.counts.problem(name, code)

    def _take(self, entry: Entry, row: Row | None) -> None:
        try:
            _check(entry)
            added = self._added(entry)
        except AppError as error:
            self._refused(entry, row, error)
        else:
            self._failures = 0
            self._count(entry, row, added)

    def _added(self, entry: Entry) -> documents.Added:
        with self.connector.open(entry) as opened, entered(self.actor.scope()):
            return documents.add_version(
                collection=self.source.collection,
                file=self._counted(opened.pieces),
                name=name_of(entry),
                external_id=external_id(self.source, entry.key),
                source_url=entry.url,
                metadata=metadata_of(self.source, entry),
                on_existing="rename",
                keeps_folders=True,
            )

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes, while the run is ours and within its limits."""
        for piece in pieces:
            self.counts.bytes += len(piece)
            self._tick()
            yield piece

    def _count(self, entry: Entry, row: Row | None, added: documents.Added) -> None:
        document = added.document
        if row is None or row.is_removed_by_hand:
            self.counts.added += 1
        elif added.is_duplicate:
            self.counts.unchanged += 1
        else:
            self.counts.changed += 1
            if row.sha256 and self._was_changed_by_hand(document, row, added):
                self.counts.problem(document.name, ErrorCode.CHANGED_BY_HAND)
        if row is not None and row.name != name_of(entry):
            self._rename(document, entry, row)
        self._kept(entry, row, document=document, sha256=added.version.sha256)

    def _was_changed_by_hand(self, document: Document, row: Row, added: documents.Added) -> bool:
        """Whether the version before this one is not what the source gave last."""
        before = document.versions.exclude(pk=added.version.pk).order_by("-number").first()
        return before is not None and before.sha256 != row.sha256

    def _rename(self, document: Document, entry: Entry, row: Row) -> None:
        """Follow a new name, unless a person gave one here or it is taken."""
        if document.name != row.name:
            return
        try:
            with entered(self.actor.scope()):
                documents.rename_document(document=document, name=name_of(entry))
        except AppError as error:
            self.counts.problem(entry.name, error.code)

    def _refused(self, entry: Entry, row: Row | None, error: AppError) -> None:
        if error.code in {ErrorCode.SOURCE_OWNER, ErrorCode.DISK_FULL}:
            raise error
        self._passed_over(entry.name, error.code)
        if error.code in _OF_THE_ENTRY:
            self._failures = 0
            document = None if row is None else row.document_id
            self._kept(entry, row, code=error.code, document_id=document)
            return
        self._failures += error.code not in _PASSED_OVER
        if self._failures >= MOST_FAILURES_IN_A_ROW:
            raise error

    def _kept(self, entry: Entry, row: Row | None, **values: Any) -> None:
        """Write down what was seen. Last of all: until then the next run does it again."""
        self.work.held()
        if row is not None and "document" not in values:
            values.setdefault("document_id", row.document_id)
            values.setdefault("sha256", row.sha256)
        written = {
            "name": name_of(entry),
            "fingerprint": entry.fingerprint[:200],
            "memory": dict(entry.memory),
            "code": "",
            "seen_at": timezone.now(),
            **values,
        }
        if row is not None:
            SourceEntry.objects.filter(pk=row.pk).update(**written)
            return
        SourceEntry.objects.create(
            source=self.source,
            collection_id=self.source.collection_id,
            key=entry.key,
            digest=digest_of(entry.key),
            **written,
        )

    # --- what is gone -----------------------------------------------------------------------------
    def _note_seen(self) -> None:
        now = timezone.now()
        seen = [row.pk for key, row in self.rows.items() if key in self._seen]
        for at in range(0, len(seen), 500):
            SourceEntry.objects.filter(pk__in=seen[at : at + 500]).update(seen_at=now)
            self.work.extend()

    def _remove_missing(self) -> None:
        missing = {key: row for key, row in self.rows.items() if key not in self._seen}
        doomed = [row for row in missing.values() if row.document_id is not None]
        tracked = sum(1 for row in self.rows.values() if row.document_id is not None)
        is_confirmed = len(doomed) <= self.run.may_remove
        if is_too_many(len(doomed), tracked) and not is_confirmed:
            self.work.finish(code=ErrorCode.TOO_MANY_REMOVALS, to_remove=len(doomed))
            return
        self._remove(missing.values())
        self.work.finish()

    def _remove(self, rows: Iterable[Row]) -> None:
        """Delete the documents of these entries, and forget them. What a person changed here is
        theirs now and stays."""
        for row in rows:
            self.work.extend()
            self.work.held()
            document = _document_of(row)
            if document is not None and self._is_of_a_person(document, row):
                self.counts.problem(document.name, ErrorCode.CHANGED_BY_HAND)
            elif document is not None:
                with entered(self.actor.scope()):
                    documents.delete_document(document=document)
                self.counts.removed += 1
            SourceEntry.objects.filter(pk=row.pk).delete()

    def _is_of_a_person(self, document: Document, row: Row) -> bool:
        newest = document.versions.order_by("-number").first()
        return newest is not None and bool(row.sha256) and newest.sha256 != row.sha256

    def end(self) -> None:
        """Remove every document of the source, then the source."""
        self._remove(list(self.rows.values()))
        self.work.finish()
        Source.objects.filter(pk=self.source.pk).delete()


def _document_of(row: Row) -> Document | None:
    if row.document_id is None:
        return None
    return Document.objects.filter(pk=row.document_id).first()


def _check(entry: Entry) -> None:
    """Refuse what would be refused anyway, before it is fetched."""
    if entry.size is not None and entry.size > settings.UPLOAD_MAX_BYTES:
        raise AppError(ErrorCode.TOO_LARGE, status=413)
    if kind_of(entry.name):
        raise AppError(ErrorCode.ARCHIVE_NOT_FETCHED, status=415)
    if not takes_suffix(entry.name):
        raise AppError(ErrorCode.UNSUPPORTED, status=415)


def rows_of(source: Source) -> dict[str, Row]:
    """What was kept of the source, by key; a document that was deleted is none."""
    found = SourceEntry.objects.filter(source=source).values_list(
        *("key", "pk", "name", "fingerprint", "memory", "document_id", "document__deleted_at"),
        *("sha256", "code"),
    )
    return {
        key: Row(
            pk=pk,
            name=name,
            known=Known(fingerprint, memory),
            document_id=None if deleted_at else document_id,
            sha256=sha256,
            code=code,
        )
        for key, pk, name, fingerprint, memory, document_id, deleted_at, sha256, code in found
    }
