"""vLLM's own arithmetic of the KV cache, so that a plan says what its start-up will print.

The names in parentheses are those of vLLM 0.30: ``v1/core/kv_cache_utils.py`` and
``v1/kv_cache_interface.py``.
"""

from collections import Counter
from dataclasses import dataclass

from apps.engines.vllm.shape import Shape
from apps.engines.vllm.weights import stage_layers


@dataclass(frozen=True, slots=True)
class Terms:
    """What the arithmetic needs beside the shape. ``in_flight``: tokens that may be scheduled and
    not yet settled (``max_in_flight_tokens``), which a sliding window keeps beside itself."""

    tp: int
    pp: int
    context: int
    block: int = 16
    bytes_each: int = 2
    in_flight: int = 8192


@dataclass(frozen=True, slots=True)
class Cache:
    """What fits. ``sequences`` of ``context`` tokens each; ``tokens`` is what vLLM logs as the size
    of the KV cache: sequences × context (``get_kv_cache_capacity``)."""

    blocks: int
    blocks_each: int
    sequences: float
    tokens: int


def page_bytes(shape: Shape, terms: Terms) -> int:
    """One block of one layer on one GPU (``page_size_bytes``). KV heads are divided by the tensor
    parallel size and kept whole below one (``ModelConfig.get_num_kv_heads``); the latent vector of
    MLA is the same on every GPU."""
    if shape.latent:
        return terms.block * (shape.latent.rank + shape.latent.rope) * terms.bytes_each
    kv_heads = max(1, shape.kv_heads // terms.tp)
    return terms.block * kv_heads * 2 * shape.head * terms.bytes_each


def token_bytes(shape: Shape, terms: Terms) -> int:
    """What one more token takes on the fullest GPU while every layer still looks back at it."""
    return page_bytes(shape, terms) // terms.block * max(stage_layers(shape.layers, terms.pp))


def groups(shape: Shape) -> list[tuple[int, list[int]]]:
    """(window, layers) of each group that shares block tables. Models that mix windows are cut into
    groups of equal length (``_get_kv_cache_groups_uniform_page_size``)."""
    by_window: dict[int, list[int]] = {}
    for layer, window in enumerate(shape.looks_back):
        by_window.setdefault(window, []).append(layer)
    lengths = [len(layers) for layers in by_window.values()]
    size = max(lengths) if max(lengths) < min(lengths) * 1.5 else min(lengths)
    found = []
    for window, layers in by_window.items():
        count = -(-len(layers) // size)
        found += [(window, layers[start::count]) for start in range(count)]
    return found


def blocks_each(shape: Shape, terms: Terms) -> int:
    """Blocks of one sequence as long as the context, over all groups
    (``get_max_concurrency_for_kv_cache_config``)."""
    return sum(_blocks(window, terms) for window, _layers in groups(shape))


def _blocks(window: int, terms: Terms) -> int:
    if not window:
        return -(-terms.context // terms.block)
    # ``SlidingWindowSpec``: one more, since a window seldom begins where a block does.
    kept = min(window - 1 + terms.in_flight, terms.context)
    return -(-kept // terms.block) + 1


def block_bytes(shape: Shape, terms: Terms) -> int:
    """One block in all layers of the longest group on the fullest GPU
    (``_get_kv_cache_bytes_per_block``). Stages share one pool of block ids, so the stage with the
    most layers of a group decides how many there are."""
    bounds, start = [], 0
    for count in stage_layers(shape.layers, terms.pp):
        bounds.append(range(start, start + count))
        start += count
    longest = max(
        Counter(layer in stage for layer in layers)[True]
        for _window, layers in groups(shape)
        for stage in bounds
    )
    return longest * page_bytes(shape, terms)


def capacity(shape: Shape, terms: Terms, memory: int) -> Cache:
    """What ``memory`` bytes on each GPU hold."""
    blocks = max(0, memory // block_bytes(shape, terms))
    each = blocks_each(shape, terms)
    sequences = blocks / each
    return Cache(blocks, each, sequences, int(sequences * terms.context))


def memory_for(shape: Shape, terms: Terms, sequences: int) -> int:
    """Bytes on each GPU in which so many sequences fit; one block more is never handed out."""
    return (blocks_each(shape, terms) * sequences + 1) * block_bytes(shape, terms)
