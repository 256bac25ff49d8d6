"""How much of a version was recognised in pictures (OCR), and how sure that is."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypedDict

from apps.documents.runs.ledger import Passed, Stage
from apps.engines.parsers.sandbox import Beat
from apps.rag.ports import Block

# Below this about one character in thirty is wrong, or more: such pages are named. Measured on the
# scans of the bench: at .99 one in 200 was, at .985 one in 120, at .945 one in 15.
POOR = 0.97


class Recognition(TypedDict):
    """What a version keeps of it. ``of``: pages of the version. ``poor``: numbers of the pages that
    read badly. ``confidence`` is the mean over characters, 0 to 1."""

    pages: int
    of: int
    confidence: float
    poor: list[int]


def recognition_of(blocks: Sequence[Block]) -> Recognition | None:
    """From the blocks of a version; None when all of them were read as they are."""
    seen: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for block in blocks:
        if block.confidence is not None:
            seen[block.page or 1].append((block.confidence, len(block.text)))
    if not seen:
        return None
    last = max(block.page or 1 for block in blocks)
    everything = (each for page in seen.values() for each in page)
    return Recognition(
        pages=len(seen),
        of=last,
        confidence=_mean(everything),
        poor=sorted(number for number, page in seen.items() if _mean(page) < POOR),
    )


class Pages:
    """Passes on how far a reader is, and keeps how long the recognition of pages took."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._since: float | None = None
        self.took_ms = 0

    def __call__(self, done: int | None = None, total: int | None = None, /) -> None:
        self._beat(done, total)
        if done is not None:
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            self.took_ms = round(1000 * (now - self._since))


def was_read(blocks: Sequence[Block], *, took_ms: int, recognised_ms: int) -> list[Passed]:
    """The ledger's lines: of what was recognised, where anything was, and of all that was read."""
    seen = recognition_of(blocks)
    lines = [Passed(Stage.RECOGNISED, seen["pages"], recognised_ms)] if seen else []
    return [*lines, Passed(Stage.PARSED, len(blocks), max(took_ms - recognised_ms, 0))]


def _mean(parts: Iterable[tuple[float, int]]) -> float:
    kept = list(parts)
    length = sum(size for _, size in kept)
    return round(sum(said * size for said, size in kept) / max(length, 1), 3)
