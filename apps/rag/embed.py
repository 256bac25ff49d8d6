"""Chunks into vectors, in batches, telling how far it is."""

from collections.abc import Callable, Sequence

from apps.rag.ports import Chunk, Embedder, EngineError

Progress = Callable[[int, int], None]


def embed_chunks(
    chunks: Sequence[Chunk],
    embedder: Embedder,
    *,
    batch_size: int = 64,
    on_progress: Progress | None = None,
) -> list[list[float]]:
    """One vector of ``embedder.dimensions`` floats per chunk, in order, of its ``embed_text``.

    ``on_progress(done, total)`` is called after each batch and may raise to stop the work (a lease
    was lost, a document was deleted). Raises EngineError, also where an engine returns another
    number or length of vectors than asked for.
    """
    vectors: list[list[float]] = []
    for start in range(0, len(chunks), batch_size):
        texts = [chunk.embed_text for chunk in chunks[start : start + batch_size]]
        batch = embedder.embed_passages(texts)
        if len(batch) != len(texts) or any(len(each) != embedder.dimensions for each in batch):
            raise EngineError(
                f"asked for {len(texts)} vectors of {embedder.dimensions}, "
                f"got lengths {[len(each) for each in batch]}"
            )
        vectors.extend(batch)
        if on_progress is not None:
            on_progress(len(vectors), len(chunks))
    return vectors
