"""How loud each channel of multilingual-e5 gets, measured on sentences of several kinds."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from apps.engines.adapters.e5_format import CompactModel
from apps.engines.adapters.e5_onnx import Precision, build_graph, layer_inputs

SENTENCES = (
    "query: 合同的通知期是多长时间？",
    "passage: 任何一方均可提前三十天以书面形式通知对方终止本合同，但不影响已经产生的权利和义务。",
    "query: how long is the notice period of the contract?",
    "passage: Either party may terminate this agreement by giving thirty days' written notice.",
    "passage: 第 7 页，表 3：2024 年第一季度营业收入为 1,284.5 万元，同比增长 12.6%。",
    "passage: def add(a, b): return a + b  # adds two numbers",
    "query: 年假",
    "query: HX-4471",
    "passage: 本市地铁二号线自 2009 年起运营，全长 23.1 公里，设车站 17 座，其中换乘站 5 座。",
    "passage: In 1887 the river was bridged for the first time; the town grew around its station.",
    "passage: | 型号 | 功率 | 重量 |\n| A100 | 250 W | 1.2 kg |\n| A200 | 400 W | 1.9 kg |",
    "passage: Wählen Sie im Menü „Datei“ den Punkt „Speichern unter“ und bestätigen Sie mit OK.",
)


def measured_ranges(model: CompactModel, tokenizer: Tokenizer) -> dict[str, NDArray[np.float32]]:
    """The largest absolute value of each channel before each matrix."""
    graph = build_graph(model, Precision.FLOAT)
    names = layer_inputs(model)
    graph.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ranges: dict[str, NDArray[np.float32]] = {}
    for text in SENTENCES:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        found = session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        for name, values in zip(names, found, strict=True):
            loudest = np.abs(values[0]).max(axis=0)
            ranges[name] = np.maximum(ranges.get(name, loudest), loudest)
    return ranges
