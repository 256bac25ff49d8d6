"""Vectors freed from the language they were written in.

A multilingual model puts texts of one language near each other, whatever they say: over a mixed
library a Chinese question finds Chinese passages about anything before the English passage that
answers it. Most of that is one constant vector per language (Libovický, Rosa and Fraser 2020, "On
the language neutrality of pre-trained multilingual representations"), so taking most of it away
puts both languages in one place and leaves the order within each as it was.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apps.rag.language import cjk_share
from apps.rag.ports import Embedder

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Centre:
    """Mean vectors of one model over texts of many subjects, for each language and use.

    ``strength`` (0 to 1) is how much of them is taken away.
    """

    chinese_passages: Vector
    other_passages: Vector
    chinese_queries: Vector
    other_queries: Vector
    strength: float = 0.8


class CentredEmbedder:
    """An Embedder whose vectors are moved by the centre of their text's language.

    A text in both languages is moved by both, by their shares. Passages and queries have to be
    embedded with the same centre: it is part of what makes an embedding profile.
    """

    def __init__(self, embedder: Embedder, centre: Centre) -> None:
        self._embedder = embedder
        self._centre = centre
        sizes = {len(vector) for vector in _vectors_of(centre)}
        if sizes != {embedder.dimensions}:
            raise ValueError(f"a centre of {sizes} for vectors of {embedder.dimensions}")

    @property
    def dimensions(self) -> int:
        """See ``apps.rag.ports.Embedder``."""
        return self._embedder.dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``apps.rag.ports.Embedder``."""
        centre = self._centre
        return [
            self._moved(vector, text, centre.chinese_passages, centre.other_passages)
            for vector, text in zip(self._embedder.embed_passages(texts), texts, strict=True)
        ]

    def embed_query(self, text: str) -> list[float]:
        """See ``apps.rag.ports.Embedder``."""
        vector = self._embedder.embed_query(text)
        return self._moved(vector, text, self._centre.chinese_queries, self._centre.other_queries)

    def _moved(self, vector: Vector, text: str, chinese: Vector, other: Vector) -> list[float]:
        share = cjk_share(text)
        a, b = self._centre.strength * share, self._centre.strength * (1 - share)
        return normalised(
            [x - a * c - b * o for x, c, o in zip(vector, chinese, other, strict=True)]
        )


def normalised(vector: Vector) -> list[float]:
    """The vector at length 1; one of zeros stays."""
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / length for x in vector]


def mean_of(vectors: Sequence[Vector]) -> list[float]:
    """The mean of vectors of one size, not normalised."""
    return [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]


def _vectors_of(centre: Centre) -> tuple[Vector, ...]:
    return (
        centre.chinese_passages,
        centre.other_passages,
        centre.chinese_queries,
        centre.other_queries,
    )
