"""Turns the compact file of multilingual-e5-small into a sentence-transformers folder with ONNX.

The result is the same on every run. ``model.safetensors`` serves torch (GPU), ``onnx/`` serves CPU.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from apps.engines.adapters.e5_calibration import SENTENCES, measured_ranges
from apps.engines.adapters.e5_format import CompactModel, Shape, read_compact
from apps.engines.adapters.e5_onnx import Precision, build_graph, write_graph
from apps.engines.adapters.e5_tokenizer import MAX_TOKENS, build_tokenizer

_LEAST_COSINE = 0.98
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def convert(source: Path, target: Path) -> None:
    """Write the folder ``target`` from the compact file ``source``. Raises FormatError."""
    model = read_compact(source)
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(model.pieces)
    tokenizer.save(str(target / "tokenizer.json"))
    for name, content in _settings(model).items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    save_file(_named_tensors(model), target / "model.safetensors", metadata={"format": "pt"})
    _write_best_graph(model, tokenizer, target)


def _write_best_graph(model: CompactModel, tokenizer: Tokenizer, target: Path) -> None:
    small = target / "onnx" / "model_int8.onnx"
    ranges = measured_ranges(model, tokenizer)
    write_graph(build_graph(model, Precision.INT8, ranges), small)
    if _least_cosine(small, tokenizer, target) >= _LEAST_COSINE:
        return
    small.unlink()
    write_graph(build_graph(model, Precision.FLOAT), target / "onnx" / "model_float.onnx")


def _least_cosine(graph: Path, tokenizer: Tokenizer, folder: Path) -> float:
    """How far the graph strays from torch on a few sentences, in the worst case."""
    import onnxruntime  # noqa: PLC0415 - heavy, and only wanted here
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy: torch
    from transformers.utils import logging as noise  # noqa: PLC0415 - heavy

    noise.set_verbosity_error()  # type: ignore[no-untyped-call]
    noise.disable_progress_bar()  # type: ignore[no-untyped-call]
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    torch_model = SentenceTransformer(str(folder), device="cpu", backend="torch")
    wanted = torch_model.encode(list(SENTENCES), normalize_embeddings=True)
    rows = [_embedding(session, tokenizer, text) for text in SENTENCES]
    return float((np.stack(rows) * wanted).sum(axis=1).min())


def _embedding(session: Any, tokenizer: Tokenizer, text: str) -> NDArray[np.float32]:
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    row: NDArray[np.float32] = session.run(["sentence_embedding"], feed)[0][0]
    return row


def _named_tensors(model: CompactModel) -> dict[str, NDArray[np.float32]]:
    """The weights under the names that BertModel gives them."""
    shape = model.shape
    named = {
        "embeddings.word_embeddings.weight": model.plain("emb.word"),
        "embeddings.position_embeddings.weight": model.plain("emb.pos").reshape(-1, shape.hidden),
        "embeddings.token_type_embeddings.weight": model.plain("emb.type").reshape(
            -1, shape.hidden
        ),
        "embeddings.LayerNorm.weight": model.plain("emb.ln.w"),
        "embeddings.LayerNorm.bias": model.plain("emb.ln.b"),
    }
    for layer in range(shape.layers):
        for short, long in _LAYER_NAMES.items():
            for end, name in (("w", "weight"), ("b", "bias")):
                key = f"encoder.layer.{layer}.{long}.{name}"
                named[key] = model.plain(f"l{layer}.{short}.{end}")
    return {name: np.ascontiguousarray(values) for name, values in named.items()}


def _settings(model: CompactModel) -> dict[str, Any]:
    """The JSON files of a sentence-transformers folder."""
    own = "sentence_transformers.models."
    modules = [
        ("0", "", "Transformer"),
        ("1", "1_Pooling", "Pooling"),
        ("2", "2_Normalize", "Normalize"),
    ]
    return {
        "config.json": _bert(model.shape, model.pieces.pad),
        "tokenizer_config.json": _tokenizer_settings(model),
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "passage": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "modules.json": [
            {"idx": int(place), "name": place, "path": path, "type": own + kind}
            for place, path, kind in modules
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": model.shape.hidden,
            "pooling_mode_mean_tokens": True,
        },
    }


def _tokenizer_settings(model: CompactModel) -> dict[str, Any]:
    names = {"bos": "bos", "eos": "eos", "pad": "pad", "unk": "unknown", "sep": "eos", "cls": "bos"}
    special = {
        f"{role}_token": model.pieces.pieces[getattr(model.pieces, place)][0]
        for role, place in names.items()
    }
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "clean_up_tokenization_spaces": False,
        **special,
    }


def _bert(shape: Shape, pad: int) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": pad,
        "torch_dtype": "float32",
    }
