"""Passages put in order by a model that reads question and passage together."""

from collections.abc import Sequence
from dataclasses import replace

from apps.rag.ports import EngineError, Passage, Reranker


def rerank(
    query: str, passages: Sequence[Passage], reranker: Reranker, *, limit: int
) -> list[Passage]:
    """The best ``limit`` passages, best first, each with the reranker's score in ``score``.

    Equal scores keep the order they came in. Raises EngineError; a caller that can do without goes
    on with the passages as they are.
    """
    if not passages or limit <= 0:
        return []
    scores = reranker.score(query, ["\n".join((*each.headings, each.text)) for each in passages])
    if len(scores) != len(passages):
        raise EngineError(f"asked for {len(passages)} scores, got {len(scores)}")
    scored = [
        replace(passage, score=float(score))
        for passage, score in zip(passages, scores, strict=True)
    ]
    return sorted(scored, key=lambda passage: -passage.score)[:limit]
