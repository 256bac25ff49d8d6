"""Builds the ONNX graph of multilingual-e5 from its compact weights, node by node.

Word embeddings keep their 4 bits: nothing is lost and the file stays small. The matrices become 8
bits wide (INT8, the fastest on a CPU). A few inputs of a matrix are far louder than the rest, and 8
bits for all of them would leave few for the others; so their ``ranges``, measured on sample
sentences, even them out before the matrix, and the loudest channels between the two matrices of a
feed-forward layer are kept in a small pair of matrices of their own, in floats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from apps.engines.adapters.e5_format import BLOCK, CompactModel

_MICROSOFT = "com.microsoft"
_LOUD = 16

# The largest absolute value of each channel, by the name of the tensor.
Ranges = Mapping[str, NDArray[np.float32]]


class Precision(StrEnum):
    """How matrices are stored and multiplied."""

    FLOAT = "float"
    INT8 = "int8"


@dataclass
class _Graph:
    """Nodes and weights gathered on the way through the layers."""

    model: CompactModel
    precision: Precision
    ranges: Ranges
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def weight(self, name: str, values: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(
        self, kind: str, inputs: list[str], output: str, *, own: bool = True, **attributes: Any
    ) -> str:
        domain = _MICROSOFT if own else ""
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes)
        )
        return output

    def plain(self, name: str) -> str:
        return self.weight(name, self.model.plain(name))

    def linear(self, source: str, name: str) -> str:
        """source x weights, in the chosen precision; biases are added by what follows."""
        return self.product(source, name, self.model.plain(f"{name}.w").T)

    def product(self, source: str, name: str, matrix: NDArray[np.float32]) -> str:
        """source x matrix, in the chosen precision."""
        if self.precision is Precision.FLOAT:
            return self.exact(source, name, matrix)
        even, factors = self._evened(source)
        matrix = matrix * factors[:, None]
        scales = np.maximum(np.abs(matrix).max(axis=0) / 127, 1e-12).astype(np.float32)
        whole = np.clip(np.rint(matrix / scales), -127, 127).astype(np.int8)
        return self.node(
            "DynamicQuantizeMatMul",
            [even, self.weight(f"{name}.w.int8", whole), self.weight(f"{name}.w.scale", scales)],
            f"{name}.product",
        )

    def exact(self, source: str, name: str, matrix: NDArray[np.float32]) -> str:
        """source x matrix in floats, whatever the precision."""
        weights = self.weight(f"{name}.w", matrix)
        return self.node("MatMul", [source, weights], f"{name}.product", own=False)

    def _evened(self, source: str) -> tuple[str, NDArray[np.float32]]:
        """The source with its loud channels turned down, and by how much each was."""
        loudness = None if source.endswith(".gelu") else self.ranges.get(source)
        if loudness is None:
            return source, np.ones(1, np.float32)
        roots = np.sqrt(np.maximum(loudness, 0.1 * np.median(loudness)))
        factors = (roots / np.exp(np.log(roots).mean())).astype(np.float32)
        name = f"{source}.even"
        if all(node.name != name for node in self.nodes):
            inverse = self.weight(f"{name}.w", (1 / factors).astype(np.float32))
            self.node("Mul", [source, inverse], name, own=False)
        return name, factors

    def words(self) -> str:
        """The word embeddings of the input ids."""
        packed = self.model.packed("emb.word")
        if self.precision is Precision.FLOAT:
            table = self.weight("emb.word", packed.floats())
            return self.node("Gather", [table, "input_ids"], "emb.words", own=False)
        pairs = (packed.nibbles.reshape(-1, 2).astype(np.int16) - 8) & 15
        raw = (pairs[:, 0] | (pairs[:, 1] << 4)).astype(np.uint8).tobytes()
        self.weights.append(
            helper.make_tensor("emb.word", TensorProto.INT4, packed.nibbles.shape, raw, raw=True)
        )
        scales = self.weight("emb.word.scales", packed.scales)
        return self.node(
            "GatherBlockQuantized",
            ["emb.word", "input_ids", scales],
            "emb.words",
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )


def build_graph(
    model: CompactModel, precision: Precision, ranges: Ranges | None = None
) -> onnx.ModelProto:
    """input_ids, attention_mask (batch, length) → last_hidden_state, sentence_embedding."""
    graph = _Graph(model, precision, ranges or {})
    graph.node("Cast", ["attention_mask"], "mask32", own=False, to=TensorProto.INT32)
    state = _embeddings(graph)
    for layer in range(model.shape.layers):
        state = _layer(graph, state, layer)
    graph.node("Identity", [state], "last_hidden_state", own=False)
    _mean(graph, state)
    return _model(graph)


def _embeddings(graph: _Graph) -> str:
    shape = graph.model.shape
    # Token type 0 everywhere, so its row is folded into the positions.
    places = graph.model.plain("emb.pos").reshape(shape.positions, shape.hidden)
    types = graph.model.plain("emb.type").reshape(shape.types, shape.hidden)
    table = graph.weight("emb.places", places + types[0])
    graph.weight("zero", np.array([0], np.int64))
    graph.node("Shape", ["input_ids"], "length", own=False, start=1, end=2)
    graph.node("Slice", [table, "zero", "length", "zero"], "emb.here", own=False)
    graph.node("Add", [graph.words(), "emb.here"], "emb.sum", own=False)
    inputs = ["emb.sum", graph.plain("emb.ln.w"), graph.plain("emb.ln.b")]
    return graph.node(
        "LayerNormalization", inputs, "emb.out", own=False, epsilon=shape.epsilon, axis=-1
    )


def layer_inputs(model: CompactModel) -> list[str]:
    """Names of the tensors whose ``ranges`` the graph can use."""
    layers = range(model.shape.layers)
    between = [name for n in layers for name in (f"l{n}.aln.out", f"l{n}.gelu")]
    return ["emb.out", *between, *(f"l{n}.oln.out" for n in layers[:-1])]


def _layer(graph: _Graph, state: str, number: int) -> str:
    here = f"l{number}"
    parts = [graph.linear(state, f"{here}.{name}") for name in "qkv"]
    bias = np.concatenate([graph.model.plain(f"{here}.{name}.b") for name in "qkv"])
    graph.node(
        "MultiHeadAttention",
        [*parts, graph.weight(f"{here}.qkv.b", bias), "mask32"],
        f"{here}.attention",
        num_heads=graph.model.shape.heads,
    )
    attended = graph.linear(f"{here}.attention", f"{here}.ao")
    state = _norm(graph, attended, state, f"{here}.ao", f"{here}.aln")
    return _norm(graph, _feed_forward(graph, state, here), state, f"{here}.fo", f"{here}.oln")


def _feed_forward(graph: _Graph, state: str, here: str) -> str:
    loudness = graph.ranges.get(f"{here}.gelu")
    wide = graph.model.shape.inner
    if loudness is None:
        return _through(graph, state, here, np.arange(wide))
    order = np.argsort(loudness, kind="stable")
    calm = _through(graph, state, here, np.sort(order[: wide - _LOUD]))
    loud = _through(graph, state, f"{here}.loud", np.sort(order[wide - _LOUD :]), exact=True)
    return graph.node("Add", [calm, loud], f"{here}.both", own=False)


def _through(
    graph: _Graph, state: str, name: str, channels: NDArray[np.intp], *, exact: bool = False
) -> str:
    """The part of a feed-forward layer that goes through these channels."""
    here = name.split(".", maxsplit=1)[0]
    into = graph.model.plain(f"{here}.fi.w").T[:, channels]
    out = graph.model.plain(f"{here}.fo.w").T[channels]
    bias = graph.weight(f"{name}.fi.b", graph.model.plain(f"{here}.fi.b")[channels])
    multiply = graph.exact if exact else graph.product
    graph.node("BiasGelu", [multiply(state, f"{name}.fi", into), bias], f"{name}.gelu")
    return multiply(f"{name}.gelu", f"{name}.fo", out)


def _norm(graph: _Graph, source: str, skip: str, biased: str, norm: str) -> str:
    """LayerNorm(source + bias + skip)."""
    names = [graph.plain(f"{norm}.w"), graph.plain(f"{norm}.b"), graph.plain(f"{biased}.b")]
    return graph.node(
        "SkipLayerNormalization",
        [source, skip, *names],
        f"{norm}.out",
        epsilon=graph.model.shape.epsilon,
    )


def _mean(graph: _Graph, state: str) -> None:
    """The mean over the tokens that are not padding, as a vector of length one."""
    graph.node("Cast", ["attention_mask"], "mask", own=False, to=TensorProto.FLOAT)
    graph.weight("one", np.array([1], np.int64))
    graph.node("Unsqueeze", ["mask", "one"], "mask.row", own=False)
    graph.node("MatMul", ["mask.row", state], "sum", own=False)
    graph.node("Squeeze", ["sum", "one"], "sum.flat", own=False)
    # The mean and the sum point the same way: only the direction is left after this.
    graph.node("LpNormalization", ["sum.flat"], "sentence_embedding", own=False, axis=-1, p=2)


def _model(graph: _Graph) -> onnx.ModelProto:
    def value(name: str, kind: int, *sizes: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, list(sizes))

    hidden = graph.model.shape.hidden
    body = helper.make_graph(
        graph.nodes,
        "multilingual-e5",
        [value(name, TensorProto.INT64, "batch", "length") for name in _INPUTS],
        [
            value("last_hidden_state", TensorProto.FLOAT, "batch", "length", hidden),
            value("sentence_embedding", TensorProto.FLOAT, "batch", hidden),
        ],
        graph.weights,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=10)


_INPUTS = ("input_ids", "attention_mask")


def write_graph(graph: onnx.ModelProto, target: Path) -> None:
    """Write a graph to ``target``: the same bytes on every run."""
    target.write_bytes(graph.SerializeToString(deterministic=True))
