"""Blocks as they were read, kept under the hash of the file, the reader's version and its type."""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from django.conf import settings

from apps.documents.models import DocumentVersion
from apps.engines.media_types import MediaType
from apps.engines.parsers.blocks_json import read_blocks, write_blocks
from apps.rag.ports import Block

log = logging.getLogger(__name__)

# Raised when a reader gives other blocks for the same bytes: old files are then read again.
READER_VERSION = 7


def path_of(version: DocumentVersion) -> Path:
    """The file of this version's blocks, whether or not it is there."""
    kind = MediaType(version.media_type).short
    # What is read without recognition is read again once it is switched on.
    how = "" if settings.OCR_PAGES else "-plain"
    return _folder(version.sha256) / f"{READER_VERSION}-{kind}{how}.json.gz"


def load(version: DocumentVersion) -> list[Block] | None:
    """The blocks, or None when they were not kept or cannot be read."""
    return _read(version, path_of(version))


def newest(version: DocumentVersion) -> list[Block] | None:
    """The blocks to show: as they are read now, or else as an earlier reader read them. What is
    searched came from those, until the file is read again."""
    kind = MediaType(version.media_type).short
    older = [path for path in _folder(version.sha256).glob(f"*-{kind}*.json.gz") if _age(path)]
    for path in (path_of(version), *sorted(older, key=_age, reverse=True)):
        if blocks := _read(version, path):
            return blocks
    return None


def _age(path: Path) -> int:
    number = path.name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _read(version: DocumentVersion, path: Path) -> list[Block] | None:
    try:
        return read_blocks(path)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        log.warning("parsed blocks of %s are damaged: %s", version.pk, type(error).__name__)
        return None


def keep(version: DocumentVersion, blocks: Sequence[Block]) -> None:
    """Store the blocks; a file of this name is whole or not there."""
    path = path_of(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as out:
        temporary = Path(out.name)
    try:
        write_blocks(temporary, blocks)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove(sha256: str) -> None:
    """Delete everything read from these bytes."""
    shutil.rmtree(_folder(sha256), ignore_errors=True)


def pages_of(document_id: UUID) -> Path:
    """Where it is kept what was recognised on pages of a document, of all its versions. Never of
    another document: what one may read must not depend on what another one held."""
    return _pages() / str(document_id)


def forget_pages(document_ids: Iterable[UUID]) -> int:
    """Delete what was recognised on pages of these documents; how many pages."""
    count = 0
    for folder in map(pages_of, document_ids):
        count += sum(1 for _ in folder.glob("*"))
        shutil.rmtree(folder, ignore_errors=True)
    return count


def recognised_pages(document_ids: Iterable[UUID]) -> int:
    """How many pages of these documents are kept as they were recognised."""
    return sum(sum(1 for _ in pages_of(pk).glob("*")) for pk in document_ids)


def stored_pages() -> Iterator[UUID]:
    """Every document of which a recognised page is kept."""
    for folder in _pages().glob("*"):
        with contextlib.suppress(ValueError):
            yield UUID(folder.name)


def stored() -> Iterator[str]:
    """Every hash that something is kept of."""
    for path in Path(settings.PARSED_DIR).glob("??/*"):
        if len(path.name) == 64:
            yield path.name


def _pages() -> Path:
    return Path(settings.PARSED_DIR) / "pages"


def _folder(sha256: str) -> Path:
    return Path(settings.PARSED_DIR) / sha256[:2] / sha256
