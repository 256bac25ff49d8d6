"""How a model's weights were made smaller, as its ``config.json`` tells."""

from dataclasses import dataclass
from typing import Any

_FP8 = frozenset({"fp8", "fbgemm_fp8", "modelopt"})
_FOUR_BITS = frozenset({"awq", "gptq", "awq_marlin", "gptq_marlin", "bitsandbytes", "mxfp4"})


@dataclass(frozen=True, slots=True)
class Quantisation:
    """``method`` "" is none. ``group``: weights that share a scale, and a tile no split may cut
    through. ``experts_only``: attention keeps its precision."""

    method: str = ""
    bits: float = 16.0
    group: int = 0
    experts_only: bool = False

    @property
    def bytes_each(self) -> float:
        """Of one quantised weight, its share of scale and zero point included."""
        if not self.method:
            return 2.0
        overhead = (2 + self.bits / 8) / self.group if self.group and self.bits < 8 else 0.0
        return self.bits / 8 + overhead


def read_quantisation(config: dict[str, Any], text: dict[str, Any]) -> Quantisation:
    """What ``quantization_config`` says; AWQ, GPTQ, FP8, MXFP4, bitsandbytes, compressed-tensors."""
    said = config.get("quantization_config") or text.get("quantization_config")
    if not isinstance(said, dict):
        return Quantisation()
    method = str(said.get("quant_method", "")).lower()
    if method == "compressed-tensors":
        return _compressed(said)
    if method in _FP8:
        block = said.get("weight_block_size")
        group = int(block[0]) if isinstance(block, list) and block else 0
        return Quantisation("fp8", 8.0, group)
    if method == "mxfp4":
        return Quantisation("mxfp4", 4.25, experts_only=True)
    bits = said.get("bits") or said.get("w_bit") or (4 if method in _FOUR_BITS else 8)
    group = said.get("group_size") or said.get("q_group_size") or 0
    return Quantisation(method or "?", float(bits), max(0, int(group)))


def _compressed(said: dict[str, Any]) -> Quantisation:
    groups = said.get("config_groups")
    first: dict[str, Any] = next(iter(groups.values()), {}) if isinstance(groups, dict) else {}
    weights = first.get("weights") or {}
    bits, group = weights.get("num_bits") or 8, weights.get("group_size") or 0
    return Quantisation("compressed-tensors", float(bits), max(0, int(group)))
