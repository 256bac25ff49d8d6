"""Values and checks that every index shares."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.rag.ports import (
    EmbeddedChunk,
    EmbeddedVersion,
    EngineRejected,
    Hit,
    Index,
    Reach,
)

# Ids end up inside filter strings: what does not look like an id never gets there.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_PROFILE = re.compile(r"[a-z0-9_]{1,48}")


@dataclass(frozen=True, slots=True)
class IndexStats:
    """The size and state of one profile's table. ``unindexed`` rows are found, but more slowly."""

    rows: int
    versions: int
    unindexed: int
    has_vector_index: bool


class IndexStore(Index, Protocol):
    """An index with what upkeep needs beside the port."""

    def search_both(
        self, vector: Sequence[float] | None, text: str | None, reach: Reach, *, limit: int
    ) -> tuple[list[Hit], list[Hit]]:
        """Both sides in one call: (dense, keyword). A side that is not asked for is empty."""

    def counts(self, version_ids: Collection[str]) -> dict[str, int]:
        """Rows per version; versions without rows are 0."""

    def versions(self) -> dict[str, int]:
        """Every version that has rows, for comparing with SQL."""

    def embedded(self, version_id: str) -> list[EmbeddedChunk]:
        """The rows of one version with their vectors, in no order: what did not change need not be
        embedded again."""

    def stats(self) -> IndexStats: ...

    def optimize(self, *, purge: bool = False) -> None:
        """Compact and bring indexes up to date. ``purge`` leaves no deleted row on the disk."""

    def drop_all(self) -> None:
        """Remove the whole table of this profile."""


def profile_name(name: str) -> str:
    """``name`` if it may name a table. Raises EngineRejected."""
    if not _PROFILE.fullmatch(name):
        raise EngineRejected(f"no profile name: {name[:60]!r}")
    return name


def plausible(ids: Collection[str]) -> list[str]:
    """The ids that could be in an index at all, sorted; nothing else is ever stored."""
    return sorted({text for text in ids if _ID.fullmatch(text)})


def check_version(version: EmbeddedVersion, dimensions: int) -> None:
    """Refuse what would poison the table. Raises EngineRejected."""
    chunk_ids = [chunk.id for chunk in version.chunks]
    document_ids = {chunk.document_id for chunk in version.chunks}
    ids = {version.version_id, version.collection_id, *document_ids, *chunk_ids}
    if len(plausible(ids)) != len(ids):
        raise EngineRejected(f"version {version.version_id[:64]!r}: an id of another form")
    if len(set(chunk_ids)) != len(chunk_ids):
        raise EngineRejected(f"version {version.version_id}: a chunk id twice")
    for chunk in version.chunks:
        if len(chunk.vector) != dimensions:
            raise EngineRejected(f"{len(chunk.vector)} numbers, not {dimensions}")
        if not 0 < math.hypot(*chunk.vector) < math.inf:
            raise EngineRejected(f"chunk {chunk.id}: a vector without direction")
