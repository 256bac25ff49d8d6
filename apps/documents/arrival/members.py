"""Members of archives and what is attached to mails, on their way to documents."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Left

from apps.core.errors import AppError
from apps.core.room import free
from apps.documents.arrival.names import LONGEST_BYTES, clean_path, numbered
from apps.documents.arrival.sniff import media_type_of
from apps.documents.models import Document
from apps.engines.archives import ArchiveKind, Member, UnpackLimits, is_one, kind_of, stem_of
from apps.workspaces.models import Collection

# What parts the id of an archive from the name inside of it, as in addresses of JAR files.
INSIDE = "!/"
LONGEST_ID = 255
_DIGEST = "sha256-"
# Of an archive, so that there is room for a member's name or its digest.
LONGEST_ID_OF_ARCHIVE = LONGEST_ID - len(f"{INSIDE}{_DIGEST}") - 64
# Longer than people name a folder. A path that is cut may have lost its outermost ones.
_LONGEST_FOLDER = 120


def named(members: Sequence[Member]) -> Iterator[tuple[str, Member]]:
    """Each with a name that no other has: in the same order the same names every time."""
    names: set[str] = set()
    for member in members:
        name = numbered(clean_path(member.name), names)
        names.add(name)
        yield name, member


def limits_in(folder: Path) -> UnpackLimits:
    """What may come out of one archive, into this folder."""
    return UnpackLimits(
        most_file=settings.UPLOAD_MAX_BYTES,
        most_total=settings.ARCHIVE_MAX_BYTES,
        room=free(folder),
    )


def is_document(path: Path, name: str) -> bool:
    """Whether a file that is named like an archive is a document: Office files are ZIPs too.
    A TAR or 7Z may begin with a PDF that was packed as it is, and still is none."""
    if is_one(path, ArchiveKind.TAR) or is_one(path, ArchiveKind.SEVEN):
        return False
    try:
        media_type_of(path, name)
    except AppError:
        return False
    return True


def below(archive: str, name: str) -> str:
    """The name of a member's document: the archive is a folder, "2024.zip" with "a.pdf" becomes
    "2024/a.pdf"."""
    folder = stem_of(archive) if kind_of(archive) else archive
    # The outermost folders go where it is too long, so the member's own name stays whole.
    return clean_path(f"{folder}/{name}")


def inside(archive: str, name: str) -> str:
    """The external_id of a member of an archive that has one: its name inside, or a digest of it
    where that is too long."""
    plain = f"{archive}{INSIDE}{name}"
    if len(plain) <= LONGEST_ID:
        return plain
    return f"{archive}{INSIDE}{_DIGEST}{hashlib.sha256(name.encode()).hexdigest()}"


def members_of(collection: Collection | UUID, archive: str) -> QuerySet[Document]:
    """Documents of an archive that was given this external_id."""
    found = Document.objects.filter(collection=collection)
    return beginning(found, f"{archive}{INSIDE}")


def beginning(found: QuerySet[Document], begin: str) -> QuerySet[Document]:
    """Those whose external_id begins so, letter by letter: for SQLite "Ab3" and "aB3" are alike
    in ``startswith``, and they are two archives."""
    if not begin:
        return found
    return found.alias(begins=Left("external_id", len(begin))).filter(begins=begin)


def may_be_of(member: str, inner: str, *, archive: str) -> bool:
    """Whether a member of an archive may have come out of one that lies in it, by their ids. Where
    a digest stands for a name or the outermost folders were cut off, nobody can tell: it may."""
    begin = f"{archive}{INSIDE}"
    names = member.removeprefix(begin), inner.removeprefix(begin)
    if any(name.startswith(_DIGEST) for name in names):
        return True
    is_cut = len(names[0].encode()) > LONGEST_BYTES - _LONGEST_FOLDER
    return is_cut or member.startswith(f"{inner}/")
