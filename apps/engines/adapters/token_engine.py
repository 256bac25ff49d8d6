"""What a local embedding model offers to the host that batches for it."""

from collections.abc import Iterator, Sequence
from typing import Protocol


class Numbers(Protocol):
    """A row of 32-bit floats."""

    def tolist(self) -> list[float]: ...
    def tobytes(self) -> bytes: ...


class TokenEngine(Protocol):
    """Tokenising and embedding apart, so that batches can be cut by tokens."""

    @property
    def dimensions(self) -> int: ...
    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, cut at the model's limit."""

    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        """One normalised vector per row of ids."""


def cut(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Places of ``lengths`` in batches: alike lengths together, at most so many padded tokens."""
    batch: list[int] = []
    longest = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        grown = max(longest, lengths[place])
        if batch and grown * (len(batch) + 1) > most_tokens:
            yield batch
            batch, grown = [], lengths[place]
        batch.append(place)
        longest = grown
    if batch:
        yield batch


def embed_all(engine: TokenEngine, texts: Sequence[str], most_tokens: int) -> list[list[float]]:
    """Vectors of many texts, in their order."""
    rows = engine.tokenize(texts)
    vectors: dict[int, list[float]] = {}
    for batch in cut([len(row) for row in rows], most_tokens):
        found = engine.embed([rows[place] for place in batch])
        vectors.update((place, row.tolist()) for place, row in zip(batch, found, strict=True))
    return [vectors[place] for place in range(len(texts))]
