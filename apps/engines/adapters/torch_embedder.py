"""An embedding model of sentence-transformers: for a GPU, or where there is no ONNX file."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from apps.engines.adapters.token_engine import Numbers, embed_all

_BATCH_TOKENS = {"cpu": 2_048, "cuda": 32_768}


class TorchModel:
    """See ``TokenEngine``. Half precision on a GPU; one batch at a time."""

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = SentenceTransformer(
            str(folder), device=self._device, backend="torch", local_files_only=True
        )
        if self._device != "cpu":
            self._model.half()
        self._model.eval()
        self._one_at_a_time = threading.Lock()

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def batch_tokens(self) -> int:
        """Padded tokens that one batch should hold on this device."""
        return _BATCH_TOKENS["cpu" if self._device == "cpu" else "cuda"]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``TokenEngine``."""
        found = self._model.tokenizer(
            list(texts), truncation=True, max_length=self._model.max_seq_length
        )
        rows: list[list[int]] = found["input_ids"]
        return rows

    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        """See ``TokenEngine``."""
        longest = max(map(len, batch))
        ids = torch.full((len(batch), longest), int(self._model.tokenizer.pad_token_id or 0))
        mask = torch.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        features: Any = {"input_ids": ids.to(self._device), "attention_mask": mask.to(self._device)}
        with self._one_at_a_time, torch.inference_mode():
            found = self._model(features)["sentence_embedding"].float()
        unit = torch.nn.functional.normalize(found, dim=-1).cpu().numpy()
        vectors: Sequence[Numbers] = list(unit)
        return vectors


class TorchEmbedder:
    """See ``apps.rag.ports.Embedder``."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str | None = None,
        query_prefix: str = "query: ",
        passage_prefix: str = "passage: ",
    ) -> None:
        self._model = TorchModel(folder, device=device)
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._model.dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``apps.rag.ports.Embedder``."""
        prefixed = [self._passage_prefix + text for text in texts]
        return embed_all(self._model, prefixed, self._model.batch_tokens)

    def embed_query(self, text: str) -> list[float]:
        """See ``apps.rag.ports.Embedder``."""
        return embed_all(self._model, [self._query_prefix + text], self._model.batch_tokens)[0]
