"""How a search went: for the log, for "how was this found", for machines."""

from dataclasses import dataclass
from typing import TypedDict

from apps.rag.ports import FusedHit, Passage
from apps.rag.retrieve import SideTrace
from apps.rag.retrieve import Trace as RetrievalTrace


class SideJson(TypedDict):
    side: str
    voted: bool
    silence: str
    found: int
    took_ms: float


class HitJson(TypedDict):
    chunk: str
    document: str
    score: float
    ranks: dict[str, tuple[int, float]]


class FenceJson(TypedDict):
    candidates: int
    dropped: int


class TraceJson(TypedDict):
    """The form in which a trace is stored and sent."""

    mode: str
    language: str
    took_ms: float
    sides: list[SideJson]
    fence: FenceJson
    reranked: bool
    hits: list[HitJson]


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """What each side of the index found, what the second fence let through, and how long it took.

    Of what the fence dropped only the number is kept: its ids are nobody's business.
    """

    retrieval: RetrievalTrace
    passages: tuple[Passage, ...]
    hits: dict[str, FusedHit]
    candidates: int
    dropped: int
    is_reranked: bool
    took_ms: float

    @property
    def silent_sides(self) -> list[str]:
        """Sides that were asked and could not answer: the search went on without them."""
        return [str(side.side) for side in self.retrieval.sides if side.silence == "unavailable"]

    def as_json(self) -> TraceJson:
        return {
            "mode": str(self.retrieval.mode),
            "language": self.retrieval.language,
            "took_ms": round(self.took_ms, 1),
            "sides": [_side(side) for side in self.retrieval.sides],
            "fence": {"candidates": self.candidates, "dropped": self.dropped},
            "reranked": self.is_reranked,
            "hits": [_hit(passage, self.hits[passage.chunk_id]) for passage in self.passages],
        }


def _side(side: SideTrace) -> SideJson:
    return {
        "side": str(side.side),
        "voted": side.voted,
        "silence": str(side.silence),
        "found": len(side.hits),
        "took_ms": round(side.took_ms, 1),
    }


def _hit(passage: Passage, hit: FusedHit) -> HitJson:
    return {
        "chunk": passage.chunk_id,
        "document": passage.document_id,
        "score": round(passage.score, 5),
        "ranks": {str(side): (rank, round(raw, 5)) for side, (rank, raw) in hit.ranks.items()},
    }
