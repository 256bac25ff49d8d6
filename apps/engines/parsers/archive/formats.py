"""ZIP, TAR and 7Z, each as what a walk takes out of it."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, Any

from apps.engines.archives import ArchiveKind, UnpackLimits, is_one
from apps.engines.parsers.archive import names
from apps.engines.parsers.archive.walk import Entry, Sink, Walk
from apps.rag.ports import ParseError

_PIECE = 256 * 1024
# Where members would go if they were written where an archive says: nowhere.
ROOT = PurePosixPath("/out")
_LINK = 0o120000
_KIND = 0o170000
# RuntimeError: a compression that is not built in, an encryption that is not announced.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)


def unpack(path: Path, kind: str, folder: Path, limits: UnpackLimits) -> None:
    """Take out what is read into ``folder``, with a list of it and of what is left. Raises
    ParseError UNREADABLE, ENCRYPTED or ARCHIVE_TOO_LARGE, or OSError when the disk is full."""
    walk = Walk(folder, limits, packed=path.stat().st_size)
    take_out(path, ArchiveKind(kind), walk, above="", depth=1)
    walk.write_manifest()


def take_out(path: Path, kind: ArchiveKind, walk: Walk, *, above: str, depth: int) -> None:
    """One archive, which may lie in another: ``above`` is the name that it has there."""
    take = {ArchiveKind.ZIP: _zip, ArchiveKind.TAR: _tar, ArchiveKind.SEVEN: _seven}[kind]
    if not is_one(path, kind):
        raise ParseError("UNREADABLE", f"does not begin like {kind}")
    try:
        take(path, walk, above, depth)
    except _BROKEN as error:
        raise ParseError("UNREADABLE", f"{kind}: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno:
            raise
        raise ParseError("UNREADABLE", f"{kind}: {error}") from error  # of bz2 and gzip


def _zip(path: Path, walk: Walk, above: str, depth: int) -> None:
    with zipfile.ZipFile(path) as archive:
        listed = [(info, _of_zip(info)) for info in archive.infolist()]
        walk.promised(entry for _info, entry in listed)
        for info, entry in listed:
            if name := walk.wants(entry, above=above, depth=depth):
                _from_zip(archive, info, walk, name, depth)


def _from_zip(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, walk: Walk, name: str, depth: int
) -> None:
    """One member; a broken one is left, the others are taken."""
    try:
        with archive.open(info) as source, walk.sink(name, depth) as sink:
            _copy(source, sink)
    except _BROKEN:
        walk.leave(name, "UNREADABLE")


def _of_zip(info: zipfile.ZipInfo) -> Entry:
    name = names.of_zip(info)
    mode = info.external_attr >> 16
    return Entry(
        name,
        info.file_size,
        is_file=mode & _KIND != _LINK,
        is_folder=info.is_dir() or name.endswith("\\"),
        is_encrypted=bool(info.flag_bits & 1),
    )


def _tar(path: Path, walk: Walk, above: str, depth: int) -> None:
    # As a stream: a list would want it unpacked once more, and to be unpacked to the end.
    with tarfile.open(path, "r|*", errors="surrogateescape") as archive:
        for info in archive:
            raw = info.name.encode("utf-8", errors="surrogateescape")
            entry = Entry(
                names.of_bytes(raw), info.size, is_file=info.isreg(), is_folder=info.isdir()
            )
            name = walk.wants(entry, above=above, depth=depth)
            source = archive.extractfile(info) if name else None
            if source is not None:
                with walk.sink(name, depth) as sink:
                    _copy(source, sink)


def _copy(source: IO[bytes], sink: Sink) -> None:
    while piece := source.read(_PIECE):
        sink.write(piece)


def _seven(path: Path, walk: Walk, above: str, depth: int) -> None:
    import py7zr  # noqa: PLC0415 - dear to import, and needed for this kind only
    from py7zr import exceptions  # noqa: PLC0415 - as above

    try:
        most = walk.limits.most_total  # also of what is not wanted: it is unpacked on the way
        with path.open("rb") as file, py7zr.SevenZipFile(file, max_extract_size=most) as archive:
            if archive.needs_password():
                raise ParseError("ENCRYPTED", "7z")
            listed = [(info.filename, _of_seven(info)) for info in archive.list()]
            walk.promised(entry for _said, entry in listed)
            wanted = _wanted(listed, walk, above, depth)
            sinks = _Sinks(walk, wanted, depth)
            archive.extract(path=Path(ROOT), targets=list(wanted), factory=sinks)
            sinks.leave_the_rest()
    except exceptions.PasswordRequired as error:
        raise ParseError("ENCRYPTED", "7z") from error
    except exceptions.DecompressionBombError as error:
        raise ParseError("ARCHIVE_TOO_LARGE", str(error)) from error
    except (exceptions.ArchiveError, exceptions.AbsolutePathError) as error:
        raise ParseError("UNREADABLE", f"7z: {type(error).__name__}: {error}") from error


def _of_seven(info: Any) -> Entry:
    return Entry(
        info.filename, info.uncompressed, is_file=info.is_file, is_folder=info.is_directory
    )


def _wanted(
    listed: Iterable[tuple[str, Entry]], walk: Walk, above: str, depth: int
) -> dict[str, str]:
    """Name in the archive → whole name. Of two with one name the library gives the first."""
    wanted: dict[str, str] = {}
    for said, entry in listed:
        if name := walk.wants(entry, above=above, depth=depth):
            if said in wanted:
                walk.leave(name, "UNREADABLE")
            wanted.setdefault(said, name)
    return wanted


class _Sinks:
    """Gives the library something to write to for each member that is wanted, and never a path."""

    def __init__(self, walk: Walk, wanted: dict[str, str], depth: int) -> None:
        self._walk, self._depth = walk, depth
        self._wanted = {(ROOT / said).as_posix(): name for said, name in wanted.items()}

    def create(self, filename: str) -> Any:
        """Called by the library, with the path that it would write to."""
        from apps.engines.parsers.archive.seven_io import Writer  # noqa: PLC0415 - imports py7zr

        name = self._wanted.pop(filename, "")
        return Writer(self._walk.sink(name, self._depth) if name else nullcontext(None))

    def leave_the_rest(self) -> None:
        """What the library did not come to."""
        for name in self._wanted.values():
            self._walk.leave(name, "UNREADABLE")
