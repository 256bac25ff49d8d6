"""Takes deleted rows off the disk of a LanceDB table.

A deleted row is only marked: its text stays in its file until that file is written anew, and
compaction leaves a file alone while few of its rows are gone. So the rows that share a file with a
deleted one are written again, after which nothing refers to the old file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

_BATCH_ROWS = 4_000
_FRAGMENT_BITS = 32


def rewrite_marked(table: Any, folder: Path) -> bool:
    """Write every row anew whose file holds deleted rows; whether there were any."""
    fragments = _marked_fragments(folder)
    if not fragments:
        return False
    for ids in _batches(_chunks_in(table, fragments)):
        quoted = ", ".join(f"'{name}'" for name in ids)
        rows = table.search().where(f"chunk_id IN ({quoted})").limit(len(ids)).to_arrow()
        table.merge_insert("chunk_id").when_matched_update_all().execute(
            rows.select(table.schema.names)
        )
    return True


def _marked_fragments(folder: Path) -> set[int]:
    """Numbers of the files with deleted rows: ``_deletions/FRAGMENT-VERSION-ID.arrow``."""
    return {int(path.name.split("-")[0]) for path in (folder / "_deletions").glob("*-*-*.*")}


def _chunks_in(table: Any, fragments: set[int]) -> list[str]:
    rows: pa.Table = table.search().select(["chunk_id"]).with_row_id(with_row_id=True).to_arrow()
    places = zip(
        rows.column("chunk_id").to_pylist(), rows.column("_rowid").to_pylist(), strict=True
    )
    return [chunk_id for chunk_id, place in places if place >> _FRAGMENT_BITS in fragments]


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(ids), _BATCH_ROWS):
        yield ids[at : at + _BATCH_ROWS]
