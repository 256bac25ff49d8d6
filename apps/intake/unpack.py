"""An archive from file to documents: leased work that may be killed anywhere and run twice.

Members come out in the parser's child, under numbers, and are added one by one as whoever uploaded
the archive, with the rights of that moment. A member that was added before is found to be there.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.core.leases import Lease, LeaseLost
from apps.core.room import is_full
from apps.documents import services as documents
from apps.documents.arrival.members import below, inside, limits_in, named
from apps.documents.arrival.names import numbered
from apps.engines import factory
from apps.engines.archives import ArchiveKind, Member
from apps.events import services as events
from apps.intake import parts
from apps.intake.models import Unpacking
from apps.intake.named import replaced
from apps.permissions.scope import Scope, entered
from apps.rag.ports import ParseError
from apps.workspaces.scopes import scope_of

log = logging.getLogger(__name__)

EXTEND_EVERY_S = 10.0
MOST_ATTEMPTS = 3
FULL_WAIT = timedelta(seconds=30)
MOST_REASONS = 1000
# Uploads of one name that meet; see documents.services.
TRIES = 100


@dataclass(slots=True)
class Count:
    """What became of the members."""

    taken: int = 0
    same: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def came(self) -> int:
        return self.taken + self.same


class Held:
    """An unpacking that this process holds, until it was slower than its lease (LeaseLost)."""

    def __init__(self, unpacking: Unpacking, until: datetime) -> None:
        self.row = unpacking
        self._lease = Lease(unpacking, until)

    def extend(self, _done: int | None = None, _total: int | None = None, /) -> None:
        """Keep the lease alive; cheap to call often."""
        if not self._lease.is_fresh(EXTEND_EVERY_S):
            self._lease.extend()

    def held(self) -> None:
        """Raise LeaseLost when it is not ours, as after a newer archive of the same id came."""
        self._lease.held()

    def beat(self) -> None:
        """Both, before something that cannot be taken back."""
        self.extend()
        self.held()

    def end(self, state: str, **values: Any) -> None:
        """Give it back, done, failed or to wait."""
        self._lease.end(state, **values)
        events.announce(self.row.collection_id, {"unpacking": str(self.row.pk)})


def unpack(unpacking_id: UUID) -> None:
    """Take out the members and add them. See above."""
    until = Unpacking.claim(unpacking_id)
    if until is None:
        return
    held = Held(Unpacking.objects.select_related("owner").get(pk=unpacking_id), until)
    try:
        with _ending(held), _folder(held.row.pk) as folder:
            _unpack(held, folder)
    except LeaseLost:
        log.info("unpacking %s is no longer ours", unpacking_id)


def _unpack(held: Held, folder: Path) -> None:
    row = held.row
    if row.attempt > MOST_ATTEMPTS:
        raise ParseError(ErrorCode.GAVE_UP)
    if not parts.path_of(row.pk).exists():
        raise ParseError(ErrorCode.FILE_MISSING)
    _scope(row)  # before the work
    found = factory.parser().unpack(
        parts.path_of(row.pk),
        kind=ArchiveKind(row.kind),
        folder=folder,
        limits=limits_in(folder),
        beat=held.extend,
    )
    count = Count(left=list(found.left))
    for name, member in named(found.members):
        held.extend()
        if row.external_id:
            held.held()
        _add(row, name, member, count)
    if row.external_id and count.came:
        held.held()
        with entered(_scope(row)):
            left = [name for name, _code in count.left]
            replaced(row, left=left, came=count.names, beat=held.beat)
    _finish(held, count)


def _scope(row: Unpacking) -> Scope:
    """What whoever uploaded it may do now, in this collection. Raises ParseError FORBIDDEN."""
    scope = None if row.owner is None else scope_of(row.owner).narrowed([row.collection_id])
    if scope is None or not scope.may_write(row.collection_id):
        raise ParseError(ErrorCode.FORBIDDEN)
    return scope


def _add(row: Unpacking, name: str, member: Member, count: Count) -> None:
    try:
        with entered(_scope(row)):
            added = _added(row, name, member.path)
    except AppError as error:
        if error.status == 507:
            raise OSError(28, "no room for a member") from error
        count.left.append((name, error.code))
        return
    # What an earlier attempt added is there now, and is no less taken.
    if added.is_duplicate and added.version.created_at < row.created_at:
        count.same += 1
    else:
        count.taken += 1
    count.names.append(name)
    member.path.unlink(missing_ok=True)


def _added(row: Unpacking, name: str, path: Path) -> documents.Added:
    """As the archive was told to when a name is taken. Under a new name the next free one is
    tried by hand, so that a second attempt finds its own."""
    if row.external_id:
        return _added_by_id(row, name, path)
    mode: documents.OnExisting = "version" if row.on_existing == "version" else "ask"
    names = {name}
    for _ in range(TRIES):
        try:
            return documents.add_version(
                collection=row.collection,
                file=path,
                name=name,
                metadata=row.metadata,
                source_url=row.source_url,
                on_existing=mode,
                keeps_folders=True,
            )
        except AppError as error:
            if error.code is not ErrorCode.NAME_TAKEN or row.on_existing != "rename":
                raise
        name = numbered(name, names)
        names.add(name)
    raise AppError(ErrorCode.CONFLICT, status=409)


def _added_by_id(row: Unpacking, name: str, path: Path) -> documents.Added:
    """Below the archive's name and id: found again there, whatever it is called by now."""
    return documents.add_version(
        collection=row.collection,
        file=path,
        name=below(row.name, name),
        external_id=inside(row.external_id, name),
        metadata=row.metadata,
        source_url=row.source_url,
        keeps_folders=True,
    )


def _finish(held: Held, count: Count) -> None:
    codes = {code for _name, code in count.left}
    failed = "" if count.came or len(codes) > 1 else (codes or {ErrorCode.EMPTY}).pop()
    held.end(
        Unpacking.State.FAILED if failed else Unpacking.State.DONE,
        error_code=failed,
        found=count.came + len(count.left),
        taken=count.taken,
        same=count.same,
        left=len(count.left),
        reasons=count.left[:MOST_REASONS],
        finished_at=timezone.now(),
    )
    parts.remove(held.row.pk)
    row = held.row
    events.record("archive.unpacked", row, name=row.name, taken=count.taken, left=len(count.left))


@contextmanager
def _ending(held: Held) -> Iterator[None]:
    """Write down how it ended when it ended badly. What is not known here is a bug: it is raised,
    the lease lapses, and the work is tried again until its attempts are used up."""
    try:
        yield
    except ParseError as error:
        code = error.code if error.code in set(ErrorCode) else ErrorCode.UNREADABLE
        held.end(Unpacking.State.FAILED, error_code=code, finished_at=timezone.now())
        parts.remove(held.row.pk)
        events.record("archive.failed", held.row, name=held.row.name, code=code)
    except OSError as error:
        if not is_full(error):
            raise
        held.end(
            Unpacking.State.QUEUED,
            attempt=held.row.attempt - 1,
            error_code=ErrorCode.DISK_FULL,
            not_before=timezone.now() + FULL_WAIT,
        )


@contextmanager
def _folder(pk: UUID) -> Iterator[Path]:
    """Where members come out: empty before, gone after."""
    folder = parts.folder_of(pk)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
