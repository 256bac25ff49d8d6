"""The approximate vector index of a LanceDB table: built when it pays, kept only when it is right."""

from collections.abc import Callable
from typing import Any

from lancedb.index import HnswSq

from apps.rag.ports import EmbeddedChunk

_LEAST_ROWS = 50_000
_LEAST_RECALL = 0.98
_SAMPLE = 40
_TOP = 10
_NAME = "vector_idx"
_PARTITION_ROWS = 250_000
_PROBES = 20
# Candidates that are compared again with their exact vectors, per row that is wanted: without this
# the rounded vectors of the index decide the order (recall .95 at 100,000 rows).
_REFINE = 10
_MOST_CANDIDATES = 400
_LEAST_BREADTH = 150


class VectorUpkeep:
    """Knows whether the index may be used, and how a search uses it."""

    def __init__(self) -> None:
        self._is_built: bool | None = None
        self._refused_at = 0

    def has_index(self, table: Any) -> bool:
        """Whether the table has a vector index that passed its check."""
        if self._is_built is None:
            self._is_built = any(index.name == _NAME for index in table.list_indices())
        return self._is_built

    def tuned(self, table: Any, query: Any, limit: int, *, is_exact: Callable[[], bool]) -> Any:
        """The query, exact where few rows are in reach and refined where the index answers."""
        if not self.has_index(table):
            return query.limit(limit)
        if is_exact():
            return query.limit(limit).bypass_vector_index()
        return _quick(query, limit)

    def build_if_wanted(self, table: Any) -> None:
        """Build the index once the table is large; drop it again unless its recall is right."""
        rows = table.count_rows()
        if self.has_index(table) or rows < max(_LEAST_ROWS, 2 * self._refused_at):
            return
        _build(table, rows)
        if _recall(table) < _LEAST_RECALL:
            table.drop_index(_NAME)
            self._refused_at = rows
            return
        self._is_built = True


def _build(table: Any, rows: int) -> None:
    partitions = max(1, rows // _PARTITION_ROWS)
    config = HnswSq(distance_type="cosine", num_partitions=partitions)
    table.create_index("vector", config=config, name=_NAME, replace=True)


def _recall(table: Any) -> float:
    """Share of the exact nearest rows that the index finds, over a sample of stored vectors."""
    rows = table.count_rows()
    step = max(rows // _SAMPLE, 1)
    offsets = range(0, rows, step)
    found = wanted = 0
    for offset in offsets:
        sample = table.search().select(["vector"]).offset(offset).limit(1).to_arrow()
        vector = sample.column("vector").to_pylist()[0]
        exact = _nearest(_asked(table, vector).limit(_TOP).bypass_vector_index())
        quick = _nearest(_quick(_asked(table, vector), _TOP))
        wanted += len(exact)
        found += len(exact & quick)
    return found / wanted if wanted else 0.0


def _quick(query: Any, limit: int) -> Any:
    refine = max(2, min(_REFINE, _MOST_CANDIDATES // limit))
    breadth = max(_LEAST_BREADTH, limit * refine)
    return query.limit(limit).nprobes(_PROBES).ef(breadth).refine_factor(refine)


def _asked(table: Any, vector: list[float]) -> Any:
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    return query.select(["chunk_id", "_distance"])


def _nearest(query: Any) -> set[str]:
    return set(query.to_arrow().column("chunk_id").to_pylist())


def chunks_of(rows: Any) -> list[EmbeddedChunk]:
    """Arrow rows with their vectors, as they were added."""
    size = rows.schema.field("vector").type.list_size
    numbers = rows.column("vector").combine_chunks().flatten().to_numpy()
    columns = (rows.column(name).to_pylist() for name in ("chunk_id", "document_id", "text"))
    names = zip(*columns, strict=True)
    return [
        EmbeddedChunk(chunk, document, text, numbers[at * size : (at + 1) * size])
        for at, (chunk, document, text) in enumerate(names)
    ]
