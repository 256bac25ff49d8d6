"""One run of a source: list it, take what is new or changed, remove what is gone.

Repeatable at any point: a document is found again by its ``external_id``, the same bytes make
nothing new, and an entry is written down after its document. Nothing is removed unless the listing
came to its end.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.core.blobs import Received
from apps.core.errors import AppError, ErrorCode
from apps.core.leases import LeaseLost
from apps.documents import services as documents
from apps.documents.arrival.members import is_document, may_be_of
from apps.documents.models import Document
from apps.engines.archives import kind_of
from apps.permissions.scope import entered
from apps.sources.acting import Actor
from apps.sources.archives import Inside, unpacked
from apps.sources.connectors.base import Connector, Entry, Gap, Known, digest_of
from apps.sources.leases import Work
from apps.sources.models import Source, SourceEntry
from apps.sources.naming import external_id, metadata_of, name_of, takes_suffix
from apps.sources.reasons import OF_THE_ENTRY, PASSED_OVER
from apps.sources.removal import remove, remove_missing
from apps.sources.rows import Row, by_archive, rows_of
from apps.sources.services import connector_of

log = logging.getLogger(__name__)

# So many failures one after another are the server's, not the entries'.
MOST_FAILURES_IN_A_ROW = 10


class Limit(Exception):
    """The run has used up its time, bytes or entries."""


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


class Following:
    """The state of one run."""

    def __init__(self, work: Work, actor: Actor, connector: Connector | None) -> None:
        self.work = work
        self.run = work.run
        self.source = work.run.source
        self.counts = work.counts
        self.actor = actor
        self.rows = rows_of(self.source)
        self._members = by_archive(self.rows)
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
            missing = [row for key, row in self.rows.items() if key not in self._seen]
            remove_missing(self.work, self.actor, missing, of=self.rows.values())
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
            self._members_stay(row)
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
        self._members_stay(row)
        if row.is_removed_by_hand:
            self._passed_over(row.name, ErrorCode.REMOVED_BY_HAND)
        elif row.code:
            self._passed_over(row.name, row.code)
        elif row.is_archive:
            self.counts.seen -= 1  # it counts as what is in it
        else:
            self.counts.unchanged += 1

    def _passed_over(self, name: str, code: str) -> None:
        if code in PASSED_OVER:
            self.counts.skipped += 1
        else:
            self.counts.failed += 1
        self.counts.problem(name, code)

    def _take(self, entry: Entry, row: Row | None) -> None:
        try:
            _check(entry)
            added = self._opened(entry, row)
        except AppError as error:
            self._refused(entry, row, error)
            self._members_stay(row)
        else:
            self._failures = 0
            if added is not None:
                self._count(entry, row, added)

    def _opened(self, entry: Entry, row: Row | None) -> documents.Added | None:
        """What becomes of an entry; of an archive none, its members are entries of their own."""
        if kind_of(entry.name) is None:
            with self.connector.open(entry) as opened:
                return self._added(entry, self._counted(opened.pieces))
        with ExitStack() as held:
            with self.connector.open(entry) as opened:
                pieces = self._counted(opened.pieces)
                arrived = held.enter_context(documents.arriving(pieces))
            if is_document(arrived.path, entry.name):
                return self._added(entry, arrived.path)
            self._unpack(entry, row, arrived)
            return None

    def _added(self, entry: Entry, file: Iterable[bytes] | Path) -> documents.Added:
        with entered(self.actor.scope()):
            return documents.add_version(
                collection=self.source.collection,
                file=file,
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

    # --- archives ---------------------------------------------------------------------------------
    def _unpack(self, entry: Entry, row: Row | None, archive: Received) -> None:
        """Take what is in an archive, unless these bytes were taken before. It is written down as
        taken last of all; what it does not hold any more goes with what else is gone."""
        is_same = row is not None and row.is_archive and row.sha256 == archive.sha256
        if row is not None and is_same and not self.run.is_full:
            self._kept(entry, row)
            self._unchanged(replace(row, code=""))
            return
        with unpacked(entry, archive, beat=self._beat) as found:
            begun = self._begun(entry, row)
            done = [self._met_inside(each, begun.pk, entry.key) for each in found]
        self.counts.seen -= 1
        if all(done):
            self._kept(entry, begun, sha256=archive.sha256)

    def _begun(self, entry: Entry, row: Row | None) -> Row:
        """The row of an archive, which says that it is not taken yet."""
        document = None if row is None else row.document
        if document is not None:  # it was a document with the name of an archive
            with entered(self.actor.scope()):
                documents.delete_document(document=document)
        # Nothing by which a server could say that it did not change since.
        nothing: dict[str, Any] = {"fingerprint": "", "memory": {}, "sha256": ""}
        pk = self._kept(entry, row, is_archive=True, document_id=None, **nothing)
        return Row(pk, name_of(entry), Known("", {}), None, "", "", is_archive=True)

    def _met_inside(self, each: Inside, archive: UUID, above: str) -> bool:
        """Take a file of an archive; whether that is done with until the archive changes."""
        entry = each.entry
        if len(self._seen) >= settings.SOURCE_ENTRIES:
            raise Limit
        self._tick()
        self._seen.add(entry.key)
        self.counts.seen += 1
        row = self.rows.get(entry.key)
        if row is not None and row.is_removed_by_hand and not self.run.is_full:
            self._passed_over(name_of(entry), ErrorCode.REMOVED_BY_HAND)
            return True
        try:
            added = self._added(entry, each.opened())
            each.opened().unlink(missing_ok=True)  # nobody needs it twice, and the disk is shared
        except AppError as error:
            self._refused(entry, row, error, archive_id=archive)
            if kind_of(entry.name):  # what came out of it before is not gone
                self._stay(archive, lambda key: may_be_of(key, entry.key, archive=above))
            return error.code in OF_THE_ENTRY
        self._failures = 0
        self._count(entry, row, added, archive_id=archive)
        return True

    def _members_stay(self, row: Row | None) -> None:
        """What is in an archive that is not opened now is there as it was."""
        if row is not None:
            self._stay(row.pk, lambda _key: True)

    def _stay(self, archive: UUID, which: Callable[[str], bool]) -> None:
        for key, member in self._members.get(archive, ()):
            if key not in self._seen and which(key):
                self._seen.add(key)
                self.counts.seen += 1
                self._unchanged(member)

    def _beat(self, _done: int | None = None, _total: int | None = None, /) -> None:
        self._tick()

    # --- what became of it ------------------------------------------------------------------------
    def _count(self, entry: Entry, row: Row | None, added: documents.Added, **values: Any) -> None:
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
        values |= {"document": document, "is_archive": False}
        self._kept(entry, row, sha256=added.version.sha256, **values)

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

    def _refused(self, entry: Entry, row: Row | None, error: AppError, **values: Any) -> None:
        if error.code in {ErrorCode.SOURCE_OWNER, ErrorCode.DISK_FULL}:
            raise error
        self._passed_over(name_of(entry), error.code)
        if error.code in OF_THE_ENTRY:
            self._failures = 0
            document = None if row is None else row.document_id
            self._kept(entry, row, code=error.code, document_id=document, **values)
            return
        self._failures += error.code not in PASSED_OVER
        if self._failures >= MOST_FAILURES_IN_A_ROW:
            raise error

    def _kept(self, entry: Entry, row: Row | None, **values: Any) -> UUID:
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
            return row.pk
        made = SourceEntry.objects.create(
            source=self.source,
            collection_id=self.source.collection_id,
            key=entry.key,
            digest=digest_of(entry.key),
            **written,
        )
        return made.pk

    # --- what is gone -----------------------------------------------------------------------------
    def _note_seen(self) -> None:
        now = timezone.now()
        seen = [row.pk for key, row in self.rows.items() if key in self._seen]
        for at in range(0, len(seen), 500):
            SourceEntry.objects.filter(pk__in=seen[at : at + 500]).update(seen_at=now)
            self.work.extend()

    def end(self) -> None:
        """Remove every document of the source, then the source."""
        remove(self.work, self.actor, self.rows.values())
        self.work.finish()
        Source.objects.filter(pk=self.source.pk).delete()


def _check(entry: Entry) -> None:
    """Refuse what would be refused anyway, before it is fetched."""
    if entry.size is not None and entry.size > settings.UPLOAD_MAX_BYTES:
        raise AppError(ErrorCode.TOO_LARGE, status=413)
    if not takes_suffix(entry.name):
        raise AppError(ErrorCode.UNSUPPORTED, status=415)
