"""An embedding model in ONNX on the CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from apps.engines.adapters.token_engine import Numbers, embed_all
from apps.rag.ports import EngineUnavailable

_GRAPHS = ("onnx/model_int8.onnx", "onnx/model_float.onnx")
_BATCH_TOKENS = 2_048
_OUTPUT = "sentence_embedding"


class OnnxModel:
    """See ``TokenEngine``. One session; calls may come from several threads."""

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        graph = next((folder / name for name in _GRAPHS if (folder / name).is_file()), None)
        if graph is None:
            raise EngineUnavailable(f"no ONNX model in {folder}")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._session = onnxruntime.InferenceSession(
            str(graph), _options(threads), providers=["CPUExecutionProvider"]
        )
        self._pad = int(self._tokenizer.token_to_id("<pad>") or 0)
        (output,) = (o for o in self._session.get_outputs() if o.name == _OUTPUT)
        self._dimensions = int(output.shape[-1])

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._dimensions

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``TokenEngine``."""
        return [found.ids for found in self._tokenizer.encode_batch(list(texts))]

    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        """See ``TokenEngine``."""
        longest = max(map(len, batch))
        ids = np.full((len(batch), longest), self._pad, np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        found = self._session.run([_OUTPUT], {"input_ids": ids, "attention_mask": mask})
        vectors: Sequence[Numbers] = list(found[0])
        return vectors


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the processor from everything beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Each batch has another shape: remembered allocation plans only cost memory.
    options.enable_mem_pattern = False
    return options


class OnnxEmbedder:
    """See ``apps.rag.ports.Embedder``."""

    def __init__(
        self,
        folder: Path,
        *,
        threads: int = 2,
        query_prefix: str = "query: ",
        passage_prefix: str = "passage: ",
    ) -> None:
        self._model = OnnxModel(folder, threads=threads)
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._model.dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``apps.rag.ports.Embedder``."""
        return embed_all(self._model, [self._passage_prefix + t for t in texts], _BATCH_TOKENS)

    def embed_query(self, text: str) -> list[float]:
        """See ``apps.rag.ports.Embedder``."""
        return embed_all(self._model, [self._query_prefix + text], _BATCH_TOKENS)[0]
