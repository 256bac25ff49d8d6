"""Memory that is neither weights nor cache. An estimate: vLLM measures it by a run at start-up
(``Worker.determine_available_memory``), and only then knows."""

from apps.engines.vllm.hosts import GIB
from apps.engines.vllm.shape import Shape

_BYTES, _LOGIT_BYTES = 2, 4
_PROFILED_SEQUENCES = 256
# CUDA's context, NCCL's buffers, captured graphs.
_GRAPHS = GIB
_BETWEEN_GPUS = GIB // 2
# Python with torch, and what a step works in.
_PROCESS = int(1.5 * GIB)


def bytes_of(shape: Shape, *, tp: int, batched: int, is_cpu: bool = False) -> int:
    """On each GPU: the largest step (``batched`` tokens through the widest layer) and the logits
    that are sampled from, beside what CUDA and the other GPUs need."""
    width = 4 * shape.hidden + 3 * _widest(shape) // tp
    step = batched * width * _BYTES
    logits = 3 * _PROFILED_SEQUENCES * shape.vocab * _LOGIT_BYTES
    if is_cpu:
        return _PROCESS + step
    return _GRAPHS + (_BETWEEN_GPUS if tp > 1 else 0) + step + logits


def _widest(shape: Shape) -> int:
    if shape.experts is None:
        return shape.intermediate
    # A token goes through a few experts; eight is what large mixtures choose.
    routed = min(8, shape.experts.count) * shape.experts.size + shape.experts.shared
    return max(shape.intermediate, routed)
