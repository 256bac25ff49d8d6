"""Takes members out of an archive into numbered files, within limits. Runs in the parser's child.

A member's name is text: it goes into a list and never becomes a path, so nothing can be written
elsewhere, whatever an archive says.
"""

import errno
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from apps.engines.archives import DEEPEST, MANIFEST, MIB, ArchiveKind, UnpackLimits, kind_of
from apps.engines.media_types import SUFFIXES
from apps.engines.parsers.archive import names
from apps.rag.ports import ParseError

LONGEST_NAME = 1000
# People's files shrink 2 to 40 times; all of them together not more than this.
MOST_RATIO = 200
RATIO_FROM = 100 * MIB


@dataclass(frozen=True, slots=True)
class Entry:
    """What an archive says of one thing that it holds. ``size``: None when it is not said."""

    name: str
    size: int | None = None
    is_file: bool = True
    is_folder: bool = False
    is_encrypted: bool = False


@dataclass(slots=True)
class Sink:
    """Where the bytes of one member go, until it is too large."""

    walk: "Walk"
    name: str
    path: Path
    depth: int
    file: IO[bytes]
    size: int = 0
    is_too_large: bool = False

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self.walk.count(len(piece))
        if self.size > self.walk.limits.most_file:
            self.is_too_large = True
        else:
            self.file.write(piece)


@dataclass(slots=True)
class Walk:
    """One archive with everything inside of it; its limits hold for all together."""

    folder: Path
    limits: UnpackLimits
    packed: int
    seen: int = 0
    total: int = 0
    members: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)

    def wants(self, entry: Entry, *, above: str, depth: int) -> str:
        """The whole name of a member that is to be taken out; else empty, with the reason noted.
        Raises ParseError ARCHIVE_TOO_LARGE."""
        self.seen += 1
        if self.seen > self.limits.most_members:
            raise ParseError("ARCHIVE_TOO_LARGE", f"more than {self.limits.most_members} members")
        if entry.is_folder:
            return ""
        name = above + "/".join(names.parts_of(entry.name))
        code = self._reason(entry, depth)
        if code:
            self.leave(name or entry.name, code)
            return ""
        return name

    def leave(self, name: str, code: str) -> None:
        self.left.append((name[-LONGEST_NAME:], code))

    def count(self, size: int) -> None:
        """So much more came out. Raises ParseError ARCHIVE_TOO_LARGE, or OSError when it is more
        than the disk has room for."""
        self.total += size
        if self.total > self.limits.most_total:
            raise ParseError("ARCHIVE_TOO_LARGE", f"more than {self.limits.most_total} bytes")
        if self.total > max(RATIO_FROM, MOST_RATIO * self.packed):
            raise ParseError("ARCHIVE_TOO_LARGE", f"{self.total} bytes from {self.packed}")
        if self.total > self.limits.room:
            raise OSError(errno.ENOSPC, "what comes out has no room")

    def promised(self, entries: Iterable[Entry]) -> None:
        """What an archive with a list says of itself, looked at before anything comes out."""
        listed = list(entries)
        if len(listed) + self.seen > self.limits.most_members:
            raise ParseError("ARCHIVE_TOO_LARGE", f"{len(listed)} members")
        said = sum(entry.size or 0 for entry in listed if not self._reason(entry, 1))
        if said + self.total > self.limits.most_total:
            raise ParseError("ARCHIVE_TOO_LARGE", f"{said} bytes")

    @contextmanager
    def sink(self, name: str, depth: int) -> Iterator[Sink]:
        """Takes the bytes of one member; at the end it is kept, opened, or left."""
        path = self.folder / f"{len(self.members) + len(self.left):06}-{depth}"
        with path.open("wb") as file:
            sink = Sink(self, name, path, depth, file)
            try:
                yield sink
            except BaseException:
                path.unlink()
                raise
        self._took(sink)

    def write_manifest(self) -> None:
        listed = {"members": self.members, "left": self.left}
        (self.folder / MANIFEST).write_text(json.dumps(listed))

    def _reason(self, entry: Entry, depth: int) -> str:  # noqa: PLR0911 - a list of reasons
        if not entry.is_file:
            return "NOT_A_FILE"
        if names.leads_outside(entry.name):
            return "OUTSIDE_PATH"
        if names.is_hidden(entry.name):
            return "HIDDEN_FILE"
        if entry.is_encrypted:
            return "ENCRYPTED"
        if kind_of(entry.name):
            return "NESTED_TOO_DEEP" if depth >= DEEPEST else ""
        if _suffix(entry.name) not in SUFFIXES:
            return "UNSUPPORTED"
        if entry.size == 0:
            return "EMPTY"
        is_large = entry.size is not None and entry.size > self.limits.most_file
        return "TOO_LARGE" if is_large else ""

    def _took(self, sink: Sink) -> None:
        kind = kind_of(sink.name)
        if sink.is_too_large or not sink.size:
            self.leave(sink.name, "TOO_LARGE" if sink.is_too_large else "EMPTY")
        elif kind:
            self._open(sink, kind)
        else:
            self.members.append((sink.path.name, sink.name[-LONGEST_NAME:]))
            return
        sink.path.unlink()

    def _open(self, sink: Sink, kind: ArchiveKind) -> None:
        """An archive in an archive; a broken one is left as any other file."""
        from apps.engines.parsers.archive.formats import take_out  # noqa: PLC0415 - each calls the other

        try:
            take_out(sink.path, kind, self, above=f"{sink.name}/", depth=sink.depth + 1)
        except ParseError as error:
            if error.code == "ARCHIVE_TOO_LARGE":
                raise
            self.leave(sink.name, error.code)


def _suffix(name: str) -> str:
    last = names.parts_of(name)[-1:] or [""]
    stem, _dot, suffix = last[0].rpartition(".")
    return suffix.lower() if stem and len(suffix) <= 10 else ""
