"""One question in, ranked chunks out: two sides of an index, fused by rank.

Fusion is reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): a chunk's score is the sum
over sides of ``weight / (60 + rank)``, rank from 1. Scores of the two sides are never compared.
Both sides weigh 1. A side that cannot read the question does not vote: half the votes from a model
that knows no Chinese took nDCG@10 on Chinese questions from .98 to .63.
"""

import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from apps.rag.language import is_cjk, language_of
from apps.rag.ports import Embedder, EngineError, FusedHit, Hit, Index, Reach, Side

RANK_CONSTANT = 60
_LEAST_DEPTH = 50
_DEPTH_PER_HIT = 4

# The dense side waits for two servers, so it runs beside the keyword side; threads start on demand.
_POOL = ThreadPoolExecutor(max_workers=16, thread_name_prefix="retrieve")


class Mode(StrEnum):
    """Which sides a search asks."""

    HYBRID = "hybrid"
    DENSE = "dense"
    KEYWORD = "keyword"


class Silence(StrEnum):
    """Why a side did not vote; empty if it did."""

    NONE = ""
    NOT_ASKED = "not_asked"
    LANGUAGE = "language"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class SideTrace:
    """What one side found: hits best first, and milliseconds including the query's embedding."""

    side: Side
    silence: Silence
    hits: tuple[Hit, ...] = ()
    took_ms: float = 0.0
    error_code: str = ""

    @property
    def voted(self) -> bool:
        return self.silence is Silence.NONE


@dataclass(frozen=True, slots=True)
class Trace:
    """How a search went. ``depth`` is how many hits each side was asked for.

    ``is_exhausted``: every side that voted gave fewer than that, so a deeper search of the same
    question finds nothing new.
    """

    mode: Mode
    language: str
    depth: int
    sides: tuple[SideTrace, ...]
    is_exhausted: bool
    took_ms: float

    @property
    def is_degraded(self) -> bool:
        """A side that was to vote could not be reached."""
        return any(side.silence is Silence.UNAVAILABLE for side in self.sides)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Every candidate, best first: the caller cuts to its limit after re-reading them in SQL."""

    hits: tuple[FusedHit, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class _Found:
    hits: tuple[Hit, ...]
    took_ms: float
    error: EngineError | None = None


def retrieve(  # noqa: PLR0913 - each is named at the call, none belongs with another
    question: str,
    reach: Reach,
    *,
    embedder: Embedder,
    index: Index,
    limit: int,
    mode: Mode = Mode.HYBRID,
    languages: frozenset[str] | None = None,
) -> Retrieved:
    """Search both sides, each ``max(50, 4 * limit)`` deep, and fuse them.

    ``languages`` are those the embedder reads ("zh", "en"; None: all). An empty reach or question
    asks nobody and finds nothing. In hybrid mode an EngineError of one side leaves the other to
    answer, and the trace says so; with no side left it is raised.
    """
    began = time.perf_counter()
    depth = max(_LEAST_DEPTH, _DEPTH_PER_HIT * limit)
    silences = _silences(question, reach, mode, languages)
    if limit <= 0:
        silences = dict.fromkeys(Side, Silence.NOT_ASKED)

    def by_vector() -> Sequence[Hit]:
        return index.by_vector(embedder.embed_query(question), reach, limit=depth)

    def by_words() -> Sequence[Hit]:
        return index.by_words(question, reach, limit=depth)

    searches: dict[Side, Callable[[], Sequence[Hit]]] = {
        Side.DENSE: by_vector,
        Side.KEYWORD: by_words,
    }
    asked = {side: search for side, search in searches.items() if silences[side] is Silence.NONE}
    found = _ask_all(asked)
    sides = tuple(_side_trace(side, silences[side], found.get(side)) for side in Side)
    return Retrieved(
        hits=fuse(
            {side.side: side.hits for side in sides if side.voted}, asks_cjk=is_cjk(question)
        ),
        trace=Trace(
            mode=mode,
            language=language_of(question),
            depth=depth,
            sides=sides,
            is_exhausted=all(len(side.hits) < depth for side in sides),
            took_ms=_ms_since(began),
        ),
    )


def fuse(
    hits: dict[Side, tuple[Hit, ...]], *, asks_cjk: bool | None = None
) -> tuple[FusedHit, ...]:
    """Reciprocal rank fusion of hits that are best first; ties go to the better dense rank.

    ``asks_cjk``: the script of the question. Words say nothing about a passage in another script,
    so there the vectors have the other vote as well: without it an answer in the other language
    loses against every passage that shares a word with the question. Over a library in both
    languages nDCG@10 rose from .17 to .75 (asked in Chinese) and from .20 to .81 (in English).
    """
    ranks: dict[str, dict[Side, tuple[int, float]]] = {}
    first: dict[str, Hit] = {}
    for side, side_hits in hits.items():
        for rank, hit in enumerate(side_hits, start=1):
            first.setdefault(hit.chunk_id, hit)
            ranks.setdefault(hit.chunk_id, {}).setdefault(side, (rank, hit.score))
    fused = []
    for chunk_id, by in ranks.items():
        votes = {side: rank for side, (rank, _) in by.items()}
        hit = first[chunk_id]
        is_translated = None not in (hit.is_cjk, asks_cjk) and hit.is_cjk != asks_cjk
        if is_translated and Side.DENSE in votes and Side.KEYWORD in hits:
            dense = votes[Side.DENSE]
            votes[Side.KEYWORD] = min(votes.get(Side.KEYWORD, dense), dense)
        score = sum(1.0 / (RANK_CONSTANT + rank) for rank in votes.values())
        fused.append(FusedHit(chunk_id, hit.version_id, score, by))
    return tuple(sorted(fused, key=_order))


def can_read(question: str, languages: frozenset[str] | None) -> bool:
    """Whether an embedder of these languages reads the question; None reads all."""
    needed = "zh" if is_cjk(question) else "en"
    return languages is None or needed in languages


def _silences(
    question: str, reach: Reach, mode: Mode, languages: frozenset[str] | None
) -> dict[Side, Silence]:
    """Which sides are not to be asked. Whoever asks for one side alone gets it in any language."""
    if not reach.collection_ids or not question.strip():
        return dict.fromkeys(Side, Silence.NOT_ASKED)
    match mode:
        case Mode.DENSE:
            return {Side.DENSE: Silence.NONE, Side.KEYWORD: Silence.NOT_ASKED}
        case Mode.KEYWORD:
            return {Side.DENSE: Silence.NOT_ASKED, Side.KEYWORD: Silence.NONE}
        case Mode.HYBRID:
            dense = Silence.NONE if can_read(question, languages) else Silence.LANGUAGE
            return {Side.DENSE: dense, Side.KEYWORD: Silence.NONE}


def _ask_all(searches: dict[Side, Callable[[], Sequence[Hit]]]) -> dict[Side, _Found]:
    """Run all searches at once, the last one in this thread; raise only if every one failed."""
    if not searches:
        return {}
    *others, own = searches
    waiting: dict[Side, Future[_Found]] = {
        side: _POOL.submit(contextvars.copy_context().run, _ask, searches[side]) for side in others
    }
    found = {own: _ask(searches[own])}
    found |= {side: future.result() for side, future in waiting.items()}
    errors = [each.error for each in found.values() if each.error is not None]
    if len(errors) == len(found):
        raise errors[-1]
    return found


def _ask(search: Callable[[], Sequence[Hit]]) -> _Found:
    began = time.perf_counter()
    try:
        hits = tuple(search())
    except EngineError as error:
        return _Found((), _ms_since(began), error)
    return _Found(hits, _ms_since(began))


def _side_trace(side: Side, silence: Silence, found: _Found | None) -> SideTrace:
    if found is None:
        return SideTrace(side, silence)
    if found.error is not None:
        return SideTrace(side, Silence.UNAVAILABLE, (), found.took_ms, found.error.code)
    return SideTrace(side, Silence.NONE, found.hits, found.took_ms)


def _order(hit: FusedHit) -> tuple[float, int, str]:
    dense_rank, _ = hit.ranks.get(Side.DENSE, (1_000_000, 0.0))
    return -hit.score, dense_rank, hit.chunk_id


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
