"""Chunks into vectors."""

import pytest

from apps.rag.embed import embed_chunks
from apps.rag.ports import Chunk, EngineError


class LengthEmbedder:
    dimensions = 2

    def __init__(self):
        self.batches = []

    def embed_passages(self, texts):
        self.batches.append(list(texts))
        return [[float(len(text)), 1.0] for text in texts]

    def embed_query(self, text):
        raise AssertionError("passages are not queries")


def chunks(count):
    return [
        Chunk(id=str(n), ordinal=n, text="x" * n, page=None, headings=("Title",))
        for n in range(count)
    ]


def test_vectors_come_in_order_in_batches_with_progress():
    embedder, progress = LengthEmbedder(), []
    vectors = embed_chunks(
        chunks(5), embedder, batch_size=2, on_progress=lambda *step: progress.append(step)
    )
    assert [vector[0] for vector in vectors] == [6.0, 7.0, 8.0, 9.0, 10.0]
    assert progress == [(2, 5), (4, 5), (5, 5)]
    assert embedder.batches[0] == ["Title\n", "Title\nx"]


def test_no_chunks_ask_nobody():
    embedder = LengthEmbedder()
    assert embed_chunks([], embedder) == []
    assert embedder.batches == []


def test_progress_may_stop_the_work():
    class Lost(Exception):
        pass

    def stop(done, total):
        raise Lost

    embedder = LengthEmbedder()
    with pytest.raises(Lost):
        embed_chunks(chunks(4), embedder, batch_size=2, on_progress=stop)
    assert len(embedder.batches) == 1


@pytest.mark.parametrize("vectors", [[[1.0, 2.0]], [[1.0, 2.0], [1.0]], []])
def test_an_engine_that_returns_something_else_is_an_error(vectors):
    embedder = LengthEmbedder()
    embedder.embed_passages = lambda texts: vectors
    with pytest.raises(EngineError, match="asked for 2 vectors of 2"):
        embed_chunks(chunks(2), embedder)
