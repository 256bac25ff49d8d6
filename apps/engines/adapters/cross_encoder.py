"""A reranker of sentence-transformers from a local folder."""

import threading
from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

_BATCH = 16


class LocalReranker:
    """See ``apps.rag.ports.Reranker``. One request at a time; half precision on a GPU."""

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = CrossEncoder(str(folder), device=device, local_files_only=True)
        if device != "cpu":
            self._model.half()
        self._one_at_a_time = threading.Lock()

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """See ``apps.rag.ports.Reranker``."""
        if not passages:
            return []
        with self._one_at_a_time:
            found = self._model.predict(
                [(query, text) for text in passages], batch_size=_BATCH, show_progress_bar=False
            )
        return [float(score) for score in found]
