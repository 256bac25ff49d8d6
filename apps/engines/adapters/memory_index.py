"""An index in memory: for tests, and for trying the product out without a file."""

import math
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from apps.engines.adapters.index_values import IndexStats, check_version
from apps.engines.adapters.words import words
from apps.rag.language import is_cjk
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, EngineRejected, Hit, Reach

_K1, _B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class _Row:
    version_id: str
    collection_id: str
    chunk: EmbeddedChunk
    words: Counter[str]
    length: int


class MemoryIndex:
    """Exact cosine and BM25 over words and Chinese pairs. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: dict[str, list[_Row]] = {}

    def add(self, versions: Sequence[EmbeddedVersion]) -> None:
        """See ``apps.rag.ports.Index``."""
        with self._lock:
            dimensions = self._dimensions(versions)
            for version in versions:
                check_version(version, dimensions)
            for version in versions:
                self._versions[version.version_id] = [_row(version, c) for c in version.chunks]

    def drop(self, version_ids: Collection[str]) -> None:
        """See ``apps.rag.ports.Index``."""
        with self._lock:
            for version_id in version_ids:
                self._versions.pop(version_id, None)

    def count(self, version_id: str) -> int:
        """See ``apps.rag.ports.Index``."""
        return self.counts([version_id])[version_id]

    def counts(self, version_ids: Collection[str]) -> dict[str, int]:
        """See ``IndexStore``."""
        with self._lock:
            return {name: len(self._versions.get(name, ())) for name in version_ids}

    def versions(self) -> dict[str, int]:
        """See ``IndexStore``."""
        with self._lock:
            return {name: len(rows) for name, rows in self._versions.items() if rows}

    def embedded(self, version_id: str) -> list[EmbeddedChunk]:
        """See ``IndexStore``."""
        with self._lock:
            return [row.chunk for row in self._versions.get(version_id, ())]

    def stats(self) -> IndexStats:
        """See ``IndexStore``."""
        found = self.versions()
        return IndexStats(sum(found.values()), len(found), 0, has_vector_index=False)

    def optimize(self, *, purge: bool = False) -> None:
        """Nothing to do: what is dropped is gone."""

    def drop_all(self) -> None:
        """See ``IndexStore``."""
        with self._lock:
            self._versions.clear()

    def by_vector(self, vector: Sequence[float], reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        length = math.hypot(*vector)
        scores = (
            (row, _dot(row.chunk.vector, vector) / (length * math.hypot(*row.chunk.vector)))
            for row in self._within(reach)
        )
        return _best(scores, limit)

    def by_words(self, text: str, reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        rows = self._within(reach)
        wanted = set(words(text))
        mean = sum(row.length for row in rows) / len(rows) if rows else 1.0
        weights = {
            word: _rarity(sum(word in row.words for row in rows), len(rows)) for word in wanted
        }
        scores = ((row, _bm25(row, weights, mean or 1.0)) for row in rows)
        return _best(((row, score) for row, score in scores if score > 0), limit)

    def search_both(
        self, vector: Sequence[float] | None, text: str | None, reach: Reach, *, limit: int
    ) -> tuple[list[Hit], list[Hit]]:
        """See ``IndexStore``."""
        dense = [] if vector is None else self.by_vector(vector, reach, limit=limit)
        return dense, [] if text is None else self.by_words(text, reach, limit=limit)

    def _within(self, reach: Reach) -> list[_Row]:
        with self._lock:
            rows = [row for version in self._versions.values() for row in version]
        return [row for row in rows if row.collection_id in reach.collection_ids]

    def _dimensions(self, versions: Sequence[EmbeddedVersion]) -> int:
        stored = (row.chunk for rows in self._versions.values() for row in rows)
        new = (chunk for version in versions for chunk in version.chunks)
        first = next(chain(stored, new), None)
        return len(first.vector) if first else 0


def _row(version: EmbeddedVersion, chunk: EmbeddedChunk) -> _Row:
    found = Counter(words(chunk.text))
    return _Row(version.version_id, version.collection_id, chunk, found, found.total())


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    if len(left) != len(right):
        raise EngineRejected(f"{len(right)} numbers, not {len(left)}")
    return sum(a * b for a, b in zip(left, right, strict=True))


def _rarity(rows_with: int, rows: int) -> float:
    return math.log(1 + (rows - rows_with + 0.5) / (rows_with + 0.5))


def _bm25(row: _Row, weights: dict[str, float], mean: float) -> float:
    score = 0.0
    for word, weight in weights.items():
        times = row.words[word]
        score += weight * times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * row.length / mean))
    return score


def _best(scores: Iterable[tuple[_Row, float]], limit: int) -> list[Hit]:
    ranked = sorted(scores, key=lambda pair: (-pair[1], pair[0].chunk.id))[: max(limit, 0)]
    return [
        Hit(row.chunk.id, row.version_id, score, is_cjk(row.chunk.text)) for row, score in ranked
    ]
