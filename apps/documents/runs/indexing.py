"""Chunks of versions into the index, and out of it."""

import logging
import time
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Q, QuerySet

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
# (version, text as it is embedded) → its vector.
Vectors = dict[tuple[UUID, str], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that a chunk took on average, to embed and to write, how many of each version were
    embedded (the others kept their vectors), and one vector of each."""

    embed_s: float
    write_s: float
    embedded: Mapping[UUID, int]
    samples: Mapping[UUID, Sequence[float]]


def index_versions(
    versions: Sequence[DocumentVersion],
    *,
    profile: EmbeddingProfile,
    beat: Beat | None = None,
    cuts: Mapping[UUID, str] | None = None,
    keeping: Collection[UUID] = (),
) -> Took:
    """Write all chunks of these versions into the table of a profile, with one write. ``beat`` is
    told (done, total) after each batch and may raise to stop. ``cuts`` names another cutting than
    the one that is searched; of the versions in ``keeping`` only texts that the table does not hold
    yet are embedded."""
    began = time.monotonic()
    ids = [version.pk for version in versions]
    rows = list(_rows(ids, cuts or {}))
    vectors = _stored([pk for pk in ids if pk in keeping], profile)
    todo = [row for row in rows if _key(row) not in vectors]
    embedder = factory.embedder(profile)
    for start in range(0, len(todo), CHUNKS_AT_ONCE):
        batch = todo[start : start + CHUNKS_AT_ONCE]
        found = embed_chunks([_as_chunk(row) for row in batch], embedder)
        for row, vector in zip(batch, found, strict=True):
            # As an array: a list of floats takes eight times the memory.
            vectors[_key(row)] = array("f", vector)
        if beat is not None:
            beat(start + len(batch), len(todo))
    is_embedded = time.monotonic()
    _write(versions, rows, vectors, profile)
    return Took(
        (is_embedded - began) / max(len(todo), 1),
        (time.monotonic() - is_embedded) / max(len(rows), 1),
        {pk: sum(row.version_id == pk for row in todo) for pk in ids},
        {row.version_id: vectors[_key(row)] for row in rows},
    )


def _rows(ids: Sequence[UUID], cuts: Mapping[UUID, str]) -> QuerySet[Chunk]:
    """The chunks to write: of the cutting that is searched, or of the one named."""
    wanted = Q(version__in=[pk for pk in ids if pk not in cuts], cut=F("version__cut"))
    for pk, cut in cuts.items():
        wanted |= Q(version=pk, cut=cut)
    return Chunk.objects.filter(wanted).order_by("version", "ordinal")


def _stored(ids: Sequence[UUID], profile: EmbeddingProfile) -> Vectors:
    return {
        (pk, one.text): one.vector for pk in ids for one in factory.index(profile).embedded(str(pk))
    }


def _write(
    versions: Sequence[DocumentVersion],
    rows: Sequence[Chunk],
    vectors: Vectors,
    profile: EmbeddingProfile,
) -> None:
    embedded: dict[UUID, list[ports.EmbeddedChunk]] = {version.pk: [] for version in versions}
    for row in rows:
        text, vector = _as_chunk(row).embed_text, vectors[_key(row)]
        one = ports.EmbeddedChunk(str(row.pk), str(row.document_id), text, vector)
        embedded[row.version_id].append(one)
    factory.index(profile).add(
        [
            ports.EmbeddedVersion(str(version.pk), str(version.collection_id), embedded[version.pk])
            for version in versions
        ]
    )


def _key(row: Chunk) -> tuple[UUID, str]:
    return row.version_id, _as_chunk(row).embed_text


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
