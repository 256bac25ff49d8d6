"""An archive that a source holds: what is in it are entries of their own, below the archive's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.core.blobs import Received, full_disk
from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.members import inside, limits_in, named
from apps.documents.arrival.names import clean_path, numbered
from apps.engines import factory
from apps.engines.archives import is_one, kind_of, stem_of
from apps.engines.parsers.sandbox import Beat
from apps.rag.ports import ParseError
from apps.sources.connectors.base import Entry


@dataclass(frozen=True, slots=True)
class Inside:
    """A file in an archive, where its bytes are, or the code of why it did not come out."""

    entry: Entry
    path: Path | None = None
    code: str = ""

    def opened(self) -> Path:
        """Where its bytes are. Raises AppError when it did not come out."""
        if self.path is None:
            raise AppError(ErrorCode(self.code), status=422)
        return self.path


@contextmanager
def unpacked(entry: Entry, arrived: Received, *, beat: Beat) -> Iterator[list[Inside]]:
    """What is in an archive that was fetched, until the end of the block; the limits are those of
    an upload. Raises AppError when nothing of it can be had, DISK_FULL (507) too."""
    kind = kind_of(entry.name)
    if kind is None or not is_one(arrived.path, kind):
        raise AppError(ErrorCode.UNREADABLE, status=422)
    # Beside what has arrived: that disk is known to take large files, /tmp is often memory.
    with full_disk(), TemporaryDirectory(prefix="unpack-", dir=arrived.path.parent) as name:
        folder = Path(name)
        try:
            found = factory.parser().unpack(
                arrived.path, kind=kind, folder=folder, limits=limits_in(folder), beat=beat
            )
        except ParseError as error:
            code = error.code if error.code in set(ErrorCode) else ErrorCode.UNREADABLE
            raise AppError(ErrorCode(code), status=422) from error
        members = dict(named(found.members))
        taken, left = set(members), list[Inside]()
        for said, code in found.left:
            inner = numbered(clean_path(said), taken)
            taken.add(inner)
            left.append(Inside(_below(entry, inner), code=code))
        come = [Inside(_below(entry, inner), each.path) for inner, each in members.items()]
        yield [*come, *left]


def _below(archive: Entry, name: str) -> Entry:
    """The entry of a file in an archive: the archive is a folder, as ZIPs are in file managers."""
    folders, _slash, last = f"{stem_of(archive.name)}/{name}".rpartition("/")
    return replace(
        archive,
        key=inside(archive.key, name),
        name=last,
        folder=f"{archive.folder}/{folders}" if archive.folder else folders,
        fingerprint="",
        size=None,
        memory={},
        metadata={**archive.metadata, "archive": archive.name},
    )
