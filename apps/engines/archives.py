"""Archives: files that hold files. They become one document a member, none of their own.

What may come out is limited here; how it comes out is in ``apps.engines.parsers.archive``.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MIB = 1024 * 1024
MOST_MEMBERS = 10_000
# Archives in archives in an archive, and no deeper.
DEEPEST = 3
# What came out and what did not, beside the members.
MANIFEST = "manifest.json"


class ArchiveKind(StrEnum):
    """How the members are packed, told by the end of the name; ``is_one`` asks the bytes."""

    ZIP = "zip"
    TAR = "tar"
    SEVEN = "7z"


SUFFIXES = {
    ".zip": ArchiveKind.ZIP,
    ".tar": ArchiveKind.TAR,
    ".tar.gz": ArchiveKind.TAR,
    ".tgz": ArchiveKind.TAR,
    ".tar.bz2": ArchiveKind.TAR,
    ".tbz2": ArchiveKind.TAR,
    ".tar.xz": ArchiveKind.TAR,
    ".txz": ArchiveKind.TAR,
    ".7z": ArchiveKind.SEVEN,
}
_BEGIN = {
    ArchiveKind.ZIP: (b"PK\x03\x04", b"PK\x05\x06"),
    ArchiveKind.TAR: (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"),
    ArchiveKind.SEVEN: (b"7z\xbc\xaf\x27\x1c",),
}
_TAR_AT, _TAR_SAYS = 257, b"ustar"
# What servers call them, and the end of the name that it stands for. Of what is packed with gzip and
# the like only the name says whether it is a TAR.
_TYPES = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/x-7z-compressed": ".7z",
    "application/x-tar": ".tar",
    "application/gzip": "",
    "application/x-gzip": "",
    "application/x-bzip2": "",
    "application/x-xz": "",
}


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """``most_file`` bytes of one member, ``most_total`` of all; ``room``: bytes that the disk takes."""

    most_file: int
    most_total: int
    room: int
    most_members: int = MOST_MEMBERS


@dataclass(frozen=True, slots=True)
class Member:
    """A file that came out: its name inside, with its folders, and where its bytes are now."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out, and (name, code) of each file that did not. Both together are all files."""

    members: list[Member]
    left: list[tuple[str, str]]


def kind_of(name: str) -> ArchiveKind | None:
    """What kind of archive a file of this name is; None when it is none."""
    suffix = suffix_of(name)
    return SUFFIXES[f".{suffix}"] if suffix else None


def suffix_of(name: str) -> str:
    """The end of the name that says so, without its first dot; empty when it is none."""
    lower = name.lower()
    return next((suffix[1:] for suffix in SUFFIXES if lower.endswith(suffix)), "")


def stem_of(name: str) -> str:
    """The name without that end: that of the folder that was packed."""
    suffix = suffix_of(name)
    return name[: -len(suffix) - 1] if suffix else name


def suffix_of_type(content_type: str, name: str) -> str | None:
    """The same for what a server calls ``content_type`` and names so; None when it is none."""
    if content_type not in _TYPES:
        return None
    return suffix_of(name) or _TYPES[content_type][1:] or None


def is_one(path: Path, kind: ArchiveKind) -> bool:
    """Whether the bytes begin as those of this kind do."""
    with path.open("rb") as file:
        head = file.read(_TAR_AT + len(_TAR_SAYS))
    is_plain_tar = kind is ArchiveKind.TAR and head[_TAR_AT:] == _TAR_SAYS
    return is_plain_tar or head.startswith(_BEGIN[kind])
