"""One LanceDB table per profile: vector and full-text column in the same row.

One process may write to a folder (see ``workers.index_host``); within it, this class takes care
that writes come one after another while reads run beside them.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS, Bitmap, BTree
from lancedb.query import MatchQuery

from apps.engines.adapters.index_values import IndexStats, check_version, plausible, profile_name
from apps.engines.adapters.lancedb_purge import rewrite_marked
from apps.engines.adapters.lancedb_vectors import VectorUpkeep, chunks_of
from apps.rag.language import is_cjk
from apps.rag.ports import (
    EmbeddedChunk,
    EmbeddedVersion,
    EngineRejected,
    EngineUnavailable,
    Hit,
    Reach,
)

# A version or None: what a version shall be after a commit.
Changes = Mapping[str, EmbeddedVersion | None]

_LONGEST_QUERY = 2_000
_LARGEST_LIMIT = 1_000
_EXACT_ROWS = 20_000
_KEEP_OLD = timedelta(hours=4)
# Not zero: the vendor warns then, wherever it is called from.
_KEEP_NOTHING = timedelta(milliseconds=1)
_WORDS = FTS(base_tokenizer="icu")
_SCRIPT = "is_cjk"
_KEY_COLUMNS = ("chunk_id", "version_id", "document_id", "collection_id", "text")
# What the vendor raises when a table is missing or cannot be read.
_BROKEN = (RuntimeError, OSError, ValueError)

_T = TypeVar("_T")


@cache
def _session(megabytes: int) -> lancedb.Session:
    """One for all tables. Left to itself the vendor keeps up to 7 GB."""
    whole = megabytes * 1024 * 1024
    return lancedb.Session(whole * 4 // 5, whole // 5)


class LanceIndex:
    """See ``IndexStore``. The table appears with the first write.

    Without ``dimensions`` the table must be there already, or ``expect`` must come before a write.
    ``cache_mb``: what all tables of a process may keep in memory together.
    """

    def __init__(
        self,
        folder: Path,
        *,
        profile: str = "default",
        dimensions: int | None = 384,
        cache_mb: int = 512,
    ) -> None:
        self._profile = profile_name(profile)
        self._dimensions = dimensions or 0
        self._folder = folder
        self._writing = threading.Lock()
        # Zero: every read sees every commit, whoever made it.
        self._database = lancedb.connect(
            folder, read_consistency_interval=timedelta(0), session=_session(cache_mb)
        )
        self._table: Any = self._opened()
        self._vectors = VectorUpkeep()

    def expect(self, dimensions: int | None) -> None:
        """Refuse vectors of another length than the table's. Raises EngineRejected."""
        if dimensions and self._dimensions and dimensions != self._dimensions:
            raise EngineRejected(f"the table holds {self._dimensions} numbers, not {dimensions}")
        self._dimensions = self._dimensions or dimensions or 0

    # --- writing ----------------------------------------------------------------------------

    def add(self, versions: Sequence[EmbeddedVersion]) -> None:
        """See ``apps.rag.ports.Index``."""
        self.apply({version.version_id: version for version in versions})

    def drop(self, version_ids: Collection[str]) -> None:
        """See ``apps.rag.ports.Index``."""
        self.apply(dict.fromkeys(version_ids))

    def apply(self, changes: Changes) -> None:
        """Make every version what ``changes`` says, in as few commits as can be."""
        wanted = {name: version for name, version in changes.items() if version is not None}
        for version in wanted.values():
            check_version(version, self._dimensions)
        with self._writing:
            if self._table is None and wanted:
                self._table = self._created()
            if self._table is not None:
                self._again(partial(self._commit, list(changes), wanted))

    def _commit(self, names: list[str], wanted: dict[str, EmbeddedVersion]) -> None:
        before = self._rows_of(names)
        filled = {name: version for name, version in wanted.items() if version.chunks}
        gone = [name for name in before if name not in filled]
        if gone:
            self._table.delete(_among("version_id", gone))
        fresh = [version for name, version in filled.items() if name not in before]
        if fresh:
            self._table.add(self._rows(fresh))
        known = [version for name, version in filled.items() if name in before]
        if known:
            self._replace(known)
        self._verify(names, filled)

    def _replace(self, versions: list[EmbeddedVersion]) -> None:
        """In one commit, so that no reader meets a version between its old and its new rows."""
        ids = [version.version_id for version in versions]
        (
            self._table.merge_insert("chunk_id")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .when_not_matched_by_source_delete(_among("version_id", ids))
            .execute(self._rows(versions))
        )

    def _verify(self, names: list[str], wanted: dict[str, EmbeddedVersion]) -> None:
        """Count what was written; a version with another count is written once more from nothing."""
        wrong = self._miscounted(names, wanted)
        if not wrong:
            return
        self._table.delete(_among("version_id", wrong))
        again = [wanted[name] for name in wrong if name in wanted]
        if again:
            self._table.add(self._rows(again))
        if self._miscounted(names, wanted):
            raise EngineUnavailable("index: rows do not add up")

    def _miscounted(self, names: list[str], wanted: dict[str, EmbeddedVersion]) -> list[str]:
        found = self._rows_of(names)
        should = {name: len(version.chunks) for name, version in wanted.items()}
        return [name for name in names if found.get(name, 0) != should.get(name, 0)]

    def optimize(self, *, purge: bool = False) -> None:
        """See ``IndexStore``."""
        with self._writing:
            if self._table is None:
                return
            if purge:
                self._again(self._purge)
            self._again(lambda: self._table.optimize(cleanup_older_than=_KEEP_OLD))
            self._again(lambda: self._vectors.build_if_wanted(self._table))

    def _purge(self) -> None:
        self._table.optimize(cleanup_older_than=_KEEP_NOTHING)
        if rewrite_marked(self._table, self._folder / f"{self._profile}.lance"):
            # The words and ids of deleted rows stay in an index until it is built anew.
            _build_indexes(self._table)
            self._table.optimize(cleanup_older_than=_KEEP_NOTHING)

    def drop_all(self) -> None:
        """See ``IndexStore``."""
        with self._writing:
            self._table = None
            self._vectors = VectorUpkeep()
            with contextlib.suppress(ValueError):  # there is no such table
                self._database.drop_table(self._profile)

    # --- reading ----------------------------------------------------------------------------

    def count(self, version_id: str) -> int:
        """See ``apps.rag.ports.Index``."""
        return self.counts([version_id])[version_id]

    def counts(self, version_ids: Collection[str]) -> dict[str, int]:
        """See ``IndexStore``."""
        found = {} if self._table is None else self._again(lambda: self._rows_of(version_ids))
        return {name: found.get(name, 0) for name in version_ids}

    def versions(self) -> dict[str, int]:
        """See ``IndexStore``."""
        if self._table is None:
            return {}
        return self._again(lambda: _tally(self._table.search().select(["version_id"]).to_arrow()))

    def embedded(self, version_id: str) -> list[EmbeddedChunk]:
        """See ``IndexStore``."""
        names = plausible([version_id])
        if self._table is None or not names:
            return []
        columns = ["chunk_id", "document_id", "text", "vector"]
        return self._again(
            lambda: chunks_of(
                self._table.search().where(_among("version_id", names)).select(columns).to_arrow()
            )
        )

    def stats(self) -> IndexStats:
        """See ``IndexStore``."""
        if self._table is None:
            return IndexStats(0, 0, 0, has_vector_index=False)
        versions = self.versions()
        words = self._again(lambda: self._table.index_stats("text_idx"))
        unindexed = words.num_unindexed_rows if words else 0
        has_index = self._again(lambda: self._vectors.has_index(self._table))
        return IndexStats(
            sum(versions.values()), len(versions), unindexed, has_vector_index=has_index
        )

    def check(self) -> None:
        """Read one row. Raises EngineUnavailable when the table cannot be read."""
        if self._table is not None:
            self._again(lambda: self._table.search().limit(1).to_arrow())

    def by_vector(self, vector: Sequence[float], reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        self.expect(len(vector))
        return self._search(partial(self._nearest, vector), reach, limit)

    def by_words(self, text: str, reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        query = _searchable(text)
        return self._search(partial(self._matching, query), reach, limit) if query else []

    def search_both(
        self, vector: Sequence[float] | None, text: str | None, reach: Reach, *, limit: int
    ) -> tuple[list[Hit], list[Hit]]:
        """See ``IndexStore``."""
        dense = [] if vector is None else self.by_vector(vector, reach, limit=limit)
        return dense, [] if text is None else self.by_words(text, reach, limit=limit)

    def _search(self, ask: Callable[[str, int], list[Hit]], reach: Reach, limit: int) -> list[Hit]:
        collections = plausible(reach.collection_ids)
        if self._table is None or not collections or limit < 1:
            return []
        within = _among("collection_id", collections)
        return self._again(lambda: ask(within, min(limit, _LARGEST_LIMIT)))

    def _nearest(self, vector: Sequence[float], within: str, limit: int) -> list[Hit]:
        # Cosine, not L2: scores are compared across profiles, normalised or not.
        query = self._table.search(list(vector), vector_column_name="vector")
        query = query.distance_type("cosine").where(within, prefilter=True)
        exact = partial(self._is_small, within)
        rows = self._vectors.tuned(self._table, query, limit, is_exact=exact)
        found = rows.select([*self._told, "_distance"]).to_arrow()
        return _hits(found, lambda distance: 1.0 - distance, "_distance")

    def _matching(self, text: str, within: str, limit: int) -> list[Hit]:
        # A query object, not a string: nothing in the text is read as an operator.
        query = self._table.search(_match(text), query_type="fts")
        rows = query.where(within, prefilter=True).limit(limit)
        found = rows.select([*self._told, "_score"]).to_arrow()
        return _hits(found, float, "_score")

    @property
    def _told(self) -> list[str]:
        """What is told of a hit. Tables from before this column have no script."""
        script = [_SCRIPT] if _SCRIPT in self._table.schema.names else []
        return ["chunk_id", "version_id", *script]

    def _is_small(self, within: str) -> bool:
        rows: int = self._table.count_rows(within)
        return rows <= _EXACT_ROWS

    def _rows_of(self, version_ids: Collection[str]) -> dict[str, int]:
        names = plausible(version_ids)
        if not names:
            return {}
        query = self._table.search().where(_among("version_id", names))
        return _tally(query.select(["version_id"]).to_arrow())

    # --- the table --------------------------------------------------------------------------

    def _again(self, work: Callable[[], _T]) -> _T:
        """Run; when the table cannot be read, open it again and run once more."""
        try:
            return work()
        except _BROKEN:
            self._table = self._opened() or self._table
        try:
            return work()
        except _BROKEN as error:
            raise EngineUnavailable(f"index: {str(error)[:500]}") from error

    def _opened(self) -> Any:
        try:
            table = self._database.open_table(self._profile)
        except ValueError as error:
            if "not found" in str(error):
                return None
            raise EngineUnavailable(f"index: {str(error)[:500]}") from error
        except (RuntimeError, OSError) as error:
            raise EngineUnavailable(f"index: {str(error)[:500]}") from error
        size = table.schema.field("vector").type.list_size
        if self._dimensions and size != self._dimensions:
            raise EngineRejected(f"the table holds {size} numbers, not {self._dimensions}")
        self._dimensions = size
        return table

    def _created(self) -> Any:
        table = self._database.create_table(self._profile, schema=self._schema())
        _build_indexes(table)
        return table

    def _schema(self) -> pa.Schema:
        vector = pa.field("vector", pa.list_(pa.float32(), self._dimensions))
        keys = (pa.field(name, pa.string()) for name in _KEY_COLUMNS)
        return pa.schema([*keys, pa.field(_SCRIPT, pa.bool_()), vector])

    def _rows(self, versions: Sequence[EmbeddedVersion]) -> pa.Table:
        rows = [(version, chunk) for version in versions for chunk in version.chunks]
        numbers = np.asarray([chunk.vector for _, chunk in rows], np.float32).reshape(-1)
        columns = {
            "chunk_id": [chunk.id for _, chunk in rows],
            "version_id": [version.version_id for version, _ in rows],
            "document_id": [chunk.document_id for _, chunk in rows],
            "collection_id": [version.collection_id for version, _ in rows],
            "text": [_clean(chunk.text) for _, chunk in rows],
            _SCRIPT: [is_cjk(chunk.text) for _, chunk in rows],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(numbers), self._dimensions),
        }
        schema = self._table.schema
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _build_indexes(table: Any) -> None:
    table.create_index("text", config=_WORDS, replace=True)
    table.create_index("collection_id", config=Bitmap(), replace=True)
    table.create_index("version_id", config=BTree(), replace=True)
    table.create_index("chunk_id", config=BTree(), replace=True)


def _among(column: str, ids: Collection[str]) -> str:
    """A filter. The ids come from ``plausible``, so they hold neither quotes nor spaces."""
    quoted = ", ".join(f"'{name}'" for name in plausible(ids))
    return f"{column} IN ({quoted})"


def _match(text: str) -> MatchQuery:
    return MatchQuery(text, "text")  # type: ignore[call-arg]  # the others have defaults


def _searchable(text: str) -> str:
    """The beginning of a question, without what no tokenizer can read."""
    return " ".join(_clean(text[: 4 * _LONGEST_QUERY]).replace("\x00", " ").split())[
        :_LONGEST_QUERY
    ]


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: halves of surrogate pairs are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _tally(rows: pa.Table) -> dict[str, int]:
    return dict(Counter(rows.column("version_id").to_pylist()))


def _hits(rows: pa.Table, scored: Callable[[float], float], column: str) -> list[Hit]:
    names = zip(
        rows.column("chunk_id").to_pylist(),
        rows.column("version_id").to_pylist(),
        rows.column(column).to_pylist(),
        _scripts(rows),
        strict=True,
    )
    return [Hit(chunk, version, scored(value), cjk) for chunk, version, value, cjk in names]


def _scripts(rows: pa.Table) -> list[bool | None]:
    if _SCRIPT not in rows.column_names:
        return [None] * len(rows)
    scripts: list[bool | None] = rows.column(_SCRIPT).to_pylist()
    return scripts
