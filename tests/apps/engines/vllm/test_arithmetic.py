"""The arithmetic of weights and of the KV cache holds for every shape."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engines.vllm import cache, weights
from apps.engines.vllm.shape import Latent, Shape
from apps.engines.vllm.splits import obstacle, splits

# vLLM 0.30 on a CPU, --load-format dummy: shape, terms and GiB of cache on each process, and what it
# logged as "KV cache size" and "Maximum concurrency". See docs/engines-vllm.md.
_QWEN = Shape("Qwen2ForCausalLM", 24, 896, 14, 2, 64, 4864, 151936, 32768, ties=True)
_QWEN_3 = Shape("Qwen3ForCausalLM", 28, 1024, 16, 8, 128, 3072, 151936, 40960, ties=True)
_LLAMA = Shape("LlamaForCausalLM", 16, 2048, 32, 8, 64, 8192, 128256, 131072, ties=True)
_GEMMA = Shape(
    *("Gemma3ForCausalLM", 26, 1152, 4, 1, 256, 6912, 262144, 32768),
    windows=tuple(0 if layer % 6 == 5 else 512 for layer in range(26)),
)
_DEEPSEEK = Shape(
    *("DeepseekV2ForCausalLM", 4, 2048, 16, 16, 128, 10944, 102400, 163840),
    latent=Latent(0, 512, 128, 64, 128),
)


def _terms(tp: int, context: int) -> cache.Terms:
    return cache.Terms(tp=tp, pp=1, context=context, block=128, in_flight=2048)


_SEEN = [
    (_QWEN, _terms(1, 4096), 1, 87_296, 21.31),
    (_QWEN, _terms(2, 4096), 1, 174_720, 42.66),
    (_GEMMA, _terms(1, 8192), 1, 88_301, 10.78),
    (_LLAMA, _terms(2, 8192), 1, 65_536, 8.0),
    (_DEEPSEEK, _terms(1, 4096), 1, 232_960, 56.88),
    (_QWEN_3, _terms(2, 32_768), 4, 74_880, 2.29),
]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    kv_heads = draw(st.sampled_from([1, 2, 4, 8]))
    head = draw(st.sampled_from([64, 128]))
    heads = kv_heads * draw(st.sampled_from([1, 2, 4, 7]))
    layers = draw(st.integers(1, 40))
    windows = draw(st.lists(st.sampled_from([0, 0, 512, 4096]), min_size=layers, max_size=layers))
    return Shape(
        "X", layers, heads * head, heads, kv_heads, head, 4 * heads * head, 32000, 32768,
        windows=tuple(windows),
    )  # fmt: skip


_TERMS = st.builds(
    cache.Terms,
    tp=st.sampled_from([1, 2, 4, 8]),
    pp=st.just(1),
    context=st.integers(1, 32768),
    block=st.sampled_from([16, 128]),
)


@given(st.integers(1, 200), st.integers(1, 16))
def test_every_layer_is_on_one_stage(layers: int, pp: int) -> None:
    pp = min(pp, layers)
    counts = weights.stage_layers(layers, pp)
    assert sum(counts) == layers
    assert max(counts) - min(counts) <= 1


@given(shapes(), st.sampled_from([1, 2, 4, 8]))
def test_a_split_takes_no_more_than_the_whole_and_no_less_than_its_share(shape: Shape, tp: int):
    whole = weights.rank_bytes(shape, tp=1, pp=1)
    part = weights.rank_bytes(shape, tp=tp, pp=1)
    assert whole / tp - 1 <= part <= whole + 1


@given(shapes(), st.integers(1, 2**40))
def test_the_true_size_is_what_is_shared_out(shape: Shape, stored: int) -> None:
    assert weights.rank_bytes(shape, tp=1, pp=1, stored=stored) == pytest.approx(stored, abs=1)


@given(shapes())
def test_each_layer_is_in_one_group(shape: Shape) -> None:
    found = [layer for _window, layers in cache.groups(shape) for layer in layers]
    assert sorted(found) == list(range(shape.layers))


@given(shapes(), _TERMS, st.integers(1, 64))
def test_the_memory_for_some_sequences_holds_them(
    shape: Shape, terms: cache.Terms, sequences: int
) -> None:
    room = cache.capacity(shape, terms, cache.memory_for(shape, terms, sequences))
    assert sequences <= room.sequences < sequences + 1.01


@given(shapes(), _TERMS, st.integers(0, 2**36))
def test_more_memory_never_holds_less(shape: Shape, terms: cache.Terms, memory: int) -> None:
    assert (
        cache.capacity(shape, terms, memory).tokens
        <= cache.capacity(shape, terms, memory + 2**30).tokens
    )


@given(shapes(), _TERMS)
def test_a_window_never_takes_more_than_all_of_it(shape: Shape, terms: cache.Terms) -> None:
    full = replace(shape, windows=())
    one_more = len({window for window in shape.looks_back if window})
    whole = cache.blocks_each(full, terms) * len(cache.groups(shape))
    assert cache.blocks_each(shape, terms) <= whole + one_more * len(cache.groups(shape))


@given(shapes(), st.integers(1, 8), st.integers(1, 4))
def test_whatever_is_proposed_is_taken_by_vllm(shape: Shape, gpus: int, hosts: int) -> None:
    for tp, pp in splits(shape, gpus=gpus, hosts=hosts):
        assert not obstacle(shape, tp=tp, pp=pp)
        assert shape.heads % tp == 0
        assert tp * pp <= gpus * hosts


def test_the_latent_vector_is_not_divided() -> None:
    shape = Shape("D", 4, 2048, 16, 16, 128, 10944, 102400, 4096,
                  latent=Latent(0, 512, 128, 64, 128))  # fmt: skip
    one, two = (cache.Terms(tp=tp, pp=1, context=4096) for tp in (1, 2))
    assert cache.token_bytes(shape, one) == cache.token_bytes(shape, two) == 4 * 576 * 2


@pytest.mark.parametrize(("shape", "terms", "gib", "tokens", "sequences"), _SEEN)
def test_vllm_logged_the_same(
    shape: Shape, terms: cache.Terms, gib: int, tokens: int, sequences: float
) -> None:
    room = cache.capacity(shape, terms, gib * 2**30)
    assert room.tokens == tokens
    assert round(room.sequences, 2) == sequences
