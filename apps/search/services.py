"""One question in, permitted passages out: the only door to retrieval."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.documents.life.validity import counts_on
from apps.documents.models import Chunk
from apps.documents.passages.models import edited
from apps.engines import factory
from apps.permissions.scope import current_scope
from apps.rag.ports import Box, Embedder, EngineError, FusedHit, Passage, Reach
from apps.rag.rerank import rerank
from apps.rag.retrieve import Mode, Retrieved, retrieve
from apps.search.around import widened
from apps.search.highlight import highlights
from apps.search.models import SearchLog
from apps.search.trace import SearchTrace
from apps.topics import services as topics
from apps.topics.deciding import DecisionJson, as_json

__all__ = ["Found", "highlights", "search"]

log_of_search = logging.getLogger(__name__)

# The index may hold rows that the fence drops: superseded versions, deleted documents, such as are
# not valid today. It is asked
# for this many times more on each further round, up to this many times what was wanted.
WIDEN = 4
DEEPEST = 64
# A reranker reorders at least this many candidates.
RERANK_AT_LEAST = 30
LONGEST_QUESTION = 8000


@dataclass(frozen=True, slots=True)
class Found:
    """Passages that the asker may read, best first, how they were found, and which rules about
    topics let the question pass."""

    query: str
    passages: tuple[Passage, ...]
    trace: SearchTrace
    topics: tuple[DecisionJson, ...] = ()

    @property
    def took_ms(self) -> float:
        return self.trace.took_ms


def search(
    *,
    question: str,
    collections: Collection[UUID] | None = None,
    limit: int = 10,
    mode: Mode = Mode.HYBRID,
    as_of: date | None = None,
    log: bool = True,
) -> Found:
    """The best passages for a question within the current scope's reach.

    ``collections`` narrows the reach and never widens it; None is all that the asker may read.
    ``as_of``: documents that are valid on that day; without one, today.
    Raises AppError TOPIC_FORBIDDEN or TOPIC_UNCHECKED where a rule keeps the asker from the
    question, INDEX_UNAVAILABLE (503) when neither side of the index answers; when only the
    embedder is down the words decide alone, and the trace says so.
    """
    started = time.perf_counter()
    query = question.replace("\x00", " ").strip()[:LONGEST_QUESTION]
    decided = topics.require_allowed(query)
    reach = current_scope().reach(collections)
    sieve = _sieve(query, reach, limit=limit, mode=mode, day=as_of or timezone.localdate())
    passages, is_reranked = _reranked(query, sieve.passages, limit=limit)
    passages = widened(passages)
    trace = SearchTrace(
        retrieval=sieve.retrieved.trace,
        passages=passages,
        hits={hit.chunk_id: hit for hit in sieve.retrieved.hits},
        candidates=sieve.candidates,
        dropped=sieve.dropped,
        is_reranked=is_reranked,
        took_ms=(time.perf_counter() - started) * 1000,
    )
    found = Found(query, passages, trace, tuple(map(as_json, decided)))
    if log:
        _write_log(found)
    return found


@dataclass(frozen=True, slots=True)
class _Sieve:
    """What came through the second fence of one search, and what it cost."""

    retrieved: Retrieved
    passages: tuple[Passage, ...]
    candidates: int
    dropped: int


class _OneQuery:
    """An embedder that is asked once for each query, however often the index is."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._answers: dict[str, list[float] | EngineError] = {}

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> list[float]:
        if text not in self._answers:
            try:
                self._answers[text] = self._embedder.embed_query(text)
            except EngineError as error:
                self._answers[text] = error
        answer = self._answers[text]
        if isinstance(answer, EngineError):
            raise answer
        return answer


def _sieve(query: str, reach: Reach, *, limit: int, mode: Mode, day: date) -> _Sieve:
    """Ask the index, re-read through the scoped manager, ask for more until ``limit`` is full."""
    embedder, index = _OneQuery(factory.embedder()), factory.index()
    wanted = max(limit, RERANK_AT_LEAST) if factory.reranker() else max(limit, 1)
    asked = wanted
    while True:
        try:
            retrieved = retrieve(
                query, reach, embedder=embedder, index=index, limit=asked, mode=mode
            )
        except EngineError as error:
            log_of_search.warning("neither side of the index answers: %s", error)
            raise AppError(ErrorCode.INDEX_UNAVAILABLE, status=503) from error
        passages, dropped = _through_the_fence(retrieved.hits, wanted, day)
        is_deep = asked >= wanted * DEEPEST
        if len(passages) == wanted or retrieved.trace.is_exhausted or is_deep:
            return _Sieve(retrieved, passages, len(retrieved.hits), dropped)
        asked *= WIDEN


def _through_the_fence(
    hits: Sequence[FusedHit], wanted: int, day: date
) -> tuple[tuple[Passage, ...], int]:
    """The first ``wanted`` hits that this asker may read now, and how many were passed over.

    Their text comes from SQL: the index may be stale, the database may not.
    """
    passages: list[Passage] = []
    dropped = 0
    for start in range(0, len(hits), 2 * wanted):
        some = hits[start : start + 2 * wanted]
        chunks = _readable(some, day)
        for hit in some:
            if hit.chunk_id in chunks:
                passages.append(_passage(chunks[hit.chunk_id], hit.score))
            else:
                dropped += 1
            if len(passages) == wanted:
                return tuple(passages), dropped
    return tuple(passages), dropped


def _readable(hits: Sequence[FusedHit], day: date) -> dict[str, Chunk]:
    """Chunks of current versions of living documents that are valid on that day, but those that
    somebody disabled, by id, through the scoped manager."""
    rows = Chunk.objects.filter(
        counts_on(day, "document__"),
        id__in=[hit.chunk_id for hit in hits],
        version=F("document__current"),
        collection=F("document__collection"),
        document__deleted_at__isnull=True,
    ).select_related("document", "edit")
    return {str(chunk.pk): chunk for chunk in rows}


def _passage(chunk: Chunk, score: float) -> Passage:
    return Passage(
        chunk_id=str(chunk.pk),
        version_id=str(chunk.version_id),
        document_id=str(chunk.document_id),
        document_name=chunk.document.name,
        collection_id=str(chunk.collection_id),
        text=chunk.text,
        page=chunk.page,
        headings=tuple(chunk.headings),
        boxes=tuple(Box(int(page), *corners) for page, *corners in chunk.boxes),
        score=score,
        ordinal=chunk.ordinal,
        edited=edited(chunk.edit),
    )


def _reranked(
    query: str, passages: tuple[Passage, ...], *, limit: int
) -> tuple[tuple[Passage, ...], bool]:
    """Reordered where an administrator named a reranker; its failure leaves the order as it was."""
    reranker = factory.reranker()
    if reranker is None or len(passages) < 2:
        return passages[:limit], False
    try:
        return tuple(rerank(query, passages, reranker, limit=limit)), True
    except EngineError as error:
        log_of_search.warning("the reranker does not answer: %s", error)
        return passages[:limit], False


def _write_log(found: Found) -> None:
    scope = current_scope()
    if scope.actor_id is None:
        return
    SearchLog.objects.create(
        owner_id=scope.actor_id,
        query=found.query,
        mode=str(found.trace.retrieval.mode),
        hits=len(found.passages),
        took_ms=round(found.took_ms, 1),
        trace={
            **found.trace.as_json(),
            "acting": scope.acting(),
            "topics": list(found.topics),
        },
    )
