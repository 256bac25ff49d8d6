"""Chunks of versions into the index, and out of it."""

import logging
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.documents.models import Chunk, DocumentVersion
from apps.engines import factory
from apps.engines.adapters.index_values import IndexStore
from apps.engines.models import EmbeddingProfile
from apps.rag import ports
from apps.rag.embed import embed_chunks

log = logging.getLogger(__name__)

# Embedded between two looks at the lease; a batch of this size takes seconds on a slow machine.
CHUNKS_AT_ONCE = 64
Beat = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that a chunk took on average, to embed and to write."""

    embed_s: float
    write_s: float


def index_versions(
    versions: Sequence[DocumentVersion],
    *,
    profile: EmbeddingProfile,
    beat: Beat | None = None,
) -> Took:
    """Write all chunks of these versions into the table of a profile, with one write. ``beat`` is
    told (done, total) after each batch and may raise to stop."""
    began = time.monotonic()
    ids = [version.pk for version in versions]
    rows = list(Chunk.objects.filter(version__in=ids).order_by("version", "ordinal"))
    embedder = factory.embedder(profile)
    embedded: dict[UUID, list[ports.EmbeddedChunk]] = {pk: [] for pk in ids}
    for start in range(0, len(rows), CHUNKS_AT_ONCE):
        batch = rows[start : start + CHUNKS_AT_ONCE]
        chunks = [_as_chunk(row) for row in batch]
        for row, one, vector in zip(batch, chunks, embed_chunks(chunks, embedder), strict=True):
            # As an array: a list of floats takes eight times the memory.
            values = array("f", vector)
            embedded[row.version_id].append(
                ports.EmbeddedChunk(one.id, str(row.document_id), one.embed_text, values)
            )
        if beat is not None:
            beat(start + len(batch), len(rows))
    is_embedded = time.monotonic()
    factory.index(profile).add(
        [
            ports.EmbeddedVersion(str(version.pk), str(version.collection_id), embedded[version.pk])
            for version in versions
        ]
    )
    each = max(len(rows), 1)
    return Took((is_embedded - began) / each, (time.monotonic() - is_embedded) / each)


def drop_from_index(version_ids: Sequence[UUID]) -> bool:
    """Remove rows of these versions from every table. False when the index does not answer: nothing
    is wrong then, search ignores them, and the nightly reconciliation finds them."""
    if not version_ids:
        return True
    try:
        for index in every_index():
            index.drop([str(pk) for pk in version_ids])
    except ports.EngineError as error:
        log.warning("superseded rows stay in the index for now: %s", error)
        return False
    return True


def every_index() -> list[IndexStore]:
    """The table of every profile there is, the live one first."""
    live = factory.wiring().profile
    others = EmbeddingProfile.objects.select_related("endpoint").exclude(pk=live.pk)
    return [factory.index(one) for one in (live, *others)]


def _as_chunk(row: Chunk) -> ports.Chunk:
    return ports.Chunk(str(row.pk), row.ordinal, row.text, row.page, tuple(row.headings))
