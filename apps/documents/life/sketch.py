"""Sketches of texts, and documents that are nearly the same.

A sketch is the smallest hashes of a text's shingles (all runs of ``SHINGLE`` characters, without
spaces and case): the share that two sketches' union has in both estimates the resemblance of the
texts. (Broder, "On the resemblance and containment of documents", 1997; bottom-k: Cohen and
Kaplan, 2007. With 256 hashes the estimate's standard error is at most 0.03.)
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from apps.documents.models import Document, DocumentVersion, SketchHash
from apps.rag.ports import Block

SHINGLE = 8
SIZE = 256
# So many of the smallest stand in a table of their own. Of two texts that are 90 % the same, each
# of these is shared with a probability of 0.9: all but certainly one is.
LOOKED_UP = 8
NEARLY = 0.85
MOST = 10
# Shorter texts resemble each other by chance.
SHORTEST = 200
_LONGEST = 2_000_000
_BASE = 1_000_003
# Without a sign, 64 bits, in order.
Sketch: TypeAlias = "array[int]"


@dataclass(frozen=True, slots=True)
class Near:
    """Another document, and how much of the text of both is in both, 0 to 1."""

    document: Document
    resemblance: float

    @property
    def percent(self) -> int:
        return round(100 * self.resemblance)


def sketch_of(blocks: Iterable[Block]) -> Sketch:
    """The ``SIZE`` smallest hashes of a text, in order; none where it is too short to tell."""
    import numpy as np  # noqa: PLC0415 - only where files are read; pages compare without it

    text = "".join("".join(block.text.split()) for block in blocks).casefold()[:_LONGEST]
    if len(text) < SHORTEST:
        return array("Q")
    points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    values = np.zeros(len(points) - SHINGLE + 1, np.uint64)
    for at in range(SHINGLE):
        values += points[at : at + len(values)] * np.uint64(pow(_BASE, at, 1 << 64))
    # Spread over all 64 bits: the finisher of SplitMix64 (Steele et al., 2014).
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return array("Q", np.unique(values)[:SIZE].tolist())


def resemblance(one: Sequence[int], other: Sequence[int]) -> float:
    """The estimated share of shingles that both texts have, of those that either has."""
    union = sorted({*one, *other})[:SIZE]
    both = set(one) & set(other)
    return sum(value in both for value in union) / len(union) if union else 0.0


def keep(sketches: Iterable[tuple[DocumentVersion, Sketch]]) -> None:
    """Store the hashes by which the sketches of versions are looked up; a sketch itself is a column
    of its version. In a transaction, in a system scope."""
    found = list(sketches)
    if again := [version for version, _sketch in found if version.sketch]:
        SketchHash.objects.filter(version__in=again).delete()
    SketchHash.objects.bulk_create(
        SketchHash(
            collection_id=version.collection_id,
            document_id=version.document_id,
            version=version,
            value=value,
        )
        for version, sketch in found
        for value in _signed(sketch[:LOOKED_UP])
    )


def near(document: Document) -> list[Near]:
    """Other documents that the reader may see whose current text is nearly the same, nearest
    first. It warns; nothing is refused."""
    version = document.current
    if version is None or not version.sketch:
        return []
    own = _numbers(version.sketch)
    shared = SketchHash.objects.filter(value__in=_signed(own[:LOOKED_UP]))
    ids: set[UUID] = set(shared.exclude(document=document).values_list("version_id", flat=True))
    others = Document.objects.filter(current__in=ids).select_related("current")
    found = [
        Near(other, resemblance(own, _numbers(other.current.sketch)))
        for other in others
        if other.current
    ]
    close = [one for one in found if one.resemblance >= NEARLY]
    return sorted(close, key=lambda one: -one.resemblance)[:MOST]


def _numbers(stored: bytes | memoryview) -> Sketch:
    return array("Q", bytes(stored))


def _signed(values: Iterable[int]) -> list[int]:
    """As the database stores 64 bits."""
    return [value - (1 << 64) if value >= 1 << 63 else value for value in values]
