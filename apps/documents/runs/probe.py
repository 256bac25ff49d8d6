"""Asks the index for a version by its own words, as a person would find it, before it answers."""

import logging
from collections.abc import Callable, Sequence

from django.db.models import QuerySet

from apps.documents.models import Chunk, DocumentVersion
from apps.engines import factory
from apps.engines.models import EmbeddingProfile
from apps.permissions.scope import Scope
from apps.rag import ports
from apps.rag.embed import embed_chunks

log = logging.getLogger(__name__)

# Enough words to stand out, few enough to be cheap.
LONGEST_QUERY = 200
NEAR, FAR = 50, 1_000
# Results whose scores differ less than this are copies of one text, among which ours may hide.
CROWD = 0.98
Search = Callable[[int], Sequence[ports.Hit]]


def is_found(
    version: DocumentVersion,
    cut: str = "",
    *,
    profile: EmbeddingProfile | None = None,
    vector: Sequence[float] | None = None,
) -> bool:
    """Whether a search in its collection finds the version in the table of ``profile`` (None: the
    live one; ``cut``: by these chunks): by the
    ``vector`` of one of its passages where that is at hand, else by words of its passages, or,
    where they have no words or others have more of them, by the vector of one. Where more copies
    of a text are stored than a search returns, being one of them is enough. Raises EngineError."""
    # It sees the one collection, ids only: whoever reads passages does so in their own scope.
    reach = Scope(actor_id=None, readable=frozenset({version.collection_id})).reach()
    index = factory.index(profile)
    # First, because it is cheap while many new rows wait for the upkeep of the words.
    if vector and _finds(version, lambda limit: index.by_vector(vector, reach, limit=limit)):
        return True
    chunks = _samples(Chunk.objects.filter(version=version, cut=cut or version.cut))
    for chunk in chunks:
        words = chunk.text[:LONGEST_QUERY]
        if _finds(version, lambda limit, words=words: index.by_words(words, reach, limit=limit)):  # type: ignore[misc]
            return True
    as_port = [
        ports.Chunk(str(one.pk), one.ordinal, one.text, one.page, tuple(one.headings))
        for one in chunks[:1]
    ]
    vectors = embed_chunks(as_port, factory.embedder(profile))
    found = any(
        _finds(version, lambda limit, v=vector: index.by_vector(v, reach, limit=limit))  # type: ignore[misc]
        for vector in vectors
    )
    if not found:
        log.error("version %s is in the index, but a search does not find it", version.pk)
    return found


def _samples(passages: QuerySet[Chunk]) -> list[Chunk]:
    """A passage of the middle, the first and the last."""
    ids = list(passages.order_by("ordinal").values_list("pk", flat=True))
    wanted = list(dict.fromkeys((ids[len(ids) // 2], ids[0], ids[-1]))) if ids else []
    rows = Chunk.objects.in_bulk(wanted)
    return [rows[pk] for pk in wanted if pk in rows]


def _finds(version: DocumentVersion, search: Search) -> bool:
    for limit in (NEAR, FAR):
        hits = search(limit)
        if any(hit.version_id == str(version.pk) for hit in hits):
            return True
        if len(hits) < limit or hits[-1].score < CROWD * hits[0].score:
            return False
    return True  # a thousand copies of one text, all as good as ours
