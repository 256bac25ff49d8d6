"""What is left of deleted text in the index, how much space comes back, and what search costs.

python -m bench.deletion [--passages 100000] [--dimensions 384] [--decoder PYTHON]

Fills a table of its own with real text (XQuAD, SciFact) under seeded random vectors, each passage
with a word that stands nowhere else, deletes half of the versions and purges. Then every retained
state of the table is read, and with ``--decoder`` (a Python that has ``pylance``) every file of it,
those of the full-text index too, is decoded: a search in the bytes would prove nothing.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.engines.adapters.lancedb_index import LanceIndex
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, Reach
from bench.client import figure, note
from bench.data import load

EACH, AT_ONCE, QUESTIONS = 20, 100, 200
PLACE = "collection"

# Run by the other Python: prints how many of the words stand in the decoded files.
_DECODE = """
import json, sys
from pathlib import Path
from lance.file import LanceFileReader
found, files, failed = {"gone": 0, "kept": 0}, 0, []
for path in sorted(Path(sys.argv[1]).rglob("*.lance")):
    if path.is_dir():
        continue
    try:
        table = LanceFileReader(str(path)).read_all().to_table()
    except Exception as error:
        failed.append(f"{path.name}: {str(error)[:80]}")
        continue
    files += 1
    for column in table.columns:
        text = str(column.type)
        if "string" in text or "binary" in text:
            for value in column.to_pylist():
                value = value if isinstance(value, str) else repr(value)
                for kind in found:
                    found[kind] += (kind + "word") in value
print(json.dumps({"files": files, "failed": failed, **found}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--decoder", help="a Python with the package pylance")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="footnote-bench-"))
    try:
        _measure(folder, given.passages, given.dimensions, given.decoder)
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, passages: int, dimensions: int, decoder: str | None) -> None:
    texts, chance = _texts(), np.random.default_rng(4)
    index = LanceIndex(folder, profile="bench", dimensions=dimensions)
    started = time.perf_counter()
    for group in _groups(texts, chance, passages, dimensions):
        index.add(group)
    index.optimize(purge=True)
    figure("deletion", "fill_s", time.perf_counter() - started, passages=passages)
    table = folder / "bench.lance"
    _told(index, table, "before", chance, dimensions)
    gone = [f"v{n}" for n in range(passages // EACH) if n % 2]
    started = time.perf_counter()
    for at in range(0, len(gone), 500):
        index.drop(gone[at : at + 500])
    figure("deletion", "drop_s", time.perf_counter() - started, versions=len(gone))
    started, at = time.perf_counter(), time.time()
    index.optimize(purge=True)
    figure("deletion", "purge_s", time.perf_counter() - started)
    # Words are kept in a form that cannot be read back: what was built after the deletion has none.
    indexes = [path for path in (table / "_indices").rglob("*") if path.is_file()]
    older = sum(path.stat().st_mtime < at for path in indexes)
    figure("deletion", "index_files_from_before", older, files=len(indexes))
    _told(index, table, "after", chance, dimensions)
    _states(folder)
    if decoder:
        _decoded(decoder, table)
    else:
        note("no --decoder: the files of the index were not decoded one by one")


def _texts() -> list[str]:
    sets = [load(name).documents for name in ("xquad-zh", "xquad-en", "scifact")]
    return [text[:1200] for documents in sets for text in documents.values()]


def _groups(
    texts: Sequence[str], chance: np.random.Generator, passages: int, dimensions: int
) -> Iterator[list[EmbeddedVersion]]:
    versions = []
    for number in range(passages // EACH):
        kind = "gone" if number % 2 else "kept"
        vectors = _vectors(chance, EACH, dimensions)
        chunks = [
            EmbeddedChunk(
                f"v{number}-{n}",
                f"d{number}",
                f"{texts[(number * EACH + n) % len(texts)]} {kind}word{number}x{n}",
                vectors[n].tolist(),
            )
            for n in range(EACH)
        ]
        versions.append(EmbeddedVersion(f"v{number}", PLACE, chunks))
        if len(versions) == AT_ONCE:
            yield versions
            versions = []
    if versions:
        yield versions


def _vectors(chance: np.random.Generator, count: int, dimensions: int) -> NDArray[np.float32]:
    rows = chance.standard_normal((count, dimensions)).astype(np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _told(
    index: LanceIndex, table: Path, when: str, chance: np.random.Generator, dimensions: int
) -> None:
    size = sum(path.stat().st_size for path in table.rglob("*") if path.is_file())
    figure("deletion", "size_mb", size / 1024**2, when=when)
    words = [word for text in _texts()[:2000:10] for word in text.split()[:1]]
    picker = random.Random(4)
    reach, took = Reach(frozenset({PLACE})), []
    for vector in _vectors(chance, QUESTIONS, dimensions):
        question = " ".join(picker.sample(words, 4))
        started = time.perf_counter()
        index.search_both(vector.tolist(), question, reach, limit=30)
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    figure("deletion", "search_p50_ms", took[len(took) // 2], when=when)
    figure("deletion", "search_p95_ms", took[int(len(took) * 0.95)], when=when)


def _states(folder: Path) -> None:
    """Every state of the table that can still be opened."""
    import lancedb

    table = lancedb.connect(folder).open_table("bench")
    states = [row["version"] for row in table.list_versions()]
    left = 0
    for state in states:
        table.checkout(state)
        found = table.search().select(["text"]).to_arrow().column("text").to_pylist()
        left += sum("goneword" in text for text in found)
    figure("deletion", "deleted_rows_in_states", left, states=len(states))


def _decoded(decoder: str, table: Path) -> None:
    done = subprocess.run(
        [decoder, "-c", _DECODE, str(table)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        note(done.stderr[-500:])
        sys.exit(1)
    told = json.loads(done.stdout)
    figure("deletion", "deleted_words_in_files", told["gone"], kept=told["kept"], files=told["files"], unreadable=len(told["failed"]))  # fmt: skip
    for line in told["failed"]:
        note(line)


if __name__ == "__main__":
    main()
