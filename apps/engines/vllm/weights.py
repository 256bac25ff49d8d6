"""How many bytes of a model lie on each GPU, by tensor and pipeline parallel sizes."""

import json
from pathlib import Path

from django.utils.translation import gettext as _

from apps.engines.vllm.refusal import CannotServe
from apps.engines.vllm.shape import Shape

# vLLM pads the vocabulary so that it divides (``DEFAULT_VOCAB_PADDING_SIZE``).
_VOCABULARY_TILE = 64
_PLAIN = 2
_LARGEST_HEADER = 100_000_000


def stored_bytes(folder: Path) -> int:
    """What the weights really take: the index's ``total_size``, else the files; 0 without any.
    Raises CannotServe where there are only pickles, which can run code when they are read."""
    index = folder / "model.safetensors.index.json"
    try:
        return int(json.loads(index.read_text(encoding="utf-8"))["metadata"]["total_size"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    files = sorted(folder.glob("*.safetensors"))
    if not files and any(folder.glob("*.bin")):
        raise CannotServe(
            _("The weights are pickles (*.bin), and those can run code when they are read."),
            _("Convert them to safetensors first."),
        )
    return sum(_payload(path) for path in files)


def _payload(path: Path) -> int:
    """The file without its header, whose length its first eight bytes tell."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = int.from_bytes(stream.read(8), "little")
    return size - 8 - header if 0 < header < min(size, _LARGEST_HEADER) else size


def rank_bytes(shape: Shape, *, tp: int, pp: int, stored: int = 0) -> int:
    """On the fullest GPU. Layers are cut by the tensor parallel size; norms, routers and the
    latent projections are not, KV heads only as far as there are some. Where ``stored`` tells the
    true size, the calculated shares are scaled to it."""
    fullest = max(_stage(shape, stage, tp=tp, pp=pp) for stage in range(pp))
    if stored:
        fullest *= stored / _stage(shape, 0, tp=1, pp=1)
    return round(fullest)


def total_bytes(shape: Shape, stored: int = 0) -> int:
    """Of the whole model once."""
    return stored or round(_stage(shape, 0, tp=1, pp=1))


def stage_layers(layers: int, pp: int) -> tuple[int, ...]:
    """Layers of each pipeline stage, as vLLM divides them (``distributed.utils.get_pp_indices``):
    what is left over goes to the middle stages, from the last but one backwards."""
    counts = [layers // pp] * pp
    for back in range(2, layers % pp + 2):
        counts[-back] += 1
    return tuple(counts)


def _stage(shape: Shape, stage: int, *, tp: int, pp: int) -> float:
    counts = stage_layers(shape.layers, pp)
    first = sum(counts[:stage])
    taken = sum(_layer(shape, place, tp) for place in range(first, first + counts[stage]))
    table = -(-shape.vocab // _VOCABULARY_TILE) * _VOCABULARY_TILE * shape.hidden * _PLAIN / tp
    is_first, is_last = stage == 0, stage == pp - 1
    if is_first or (is_last and shape.ties):
        taken += table
    if is_last and not shape.ties:
        taken += table
    return taken


def _layer(shape: Shape, place: int, tp: int) -> float:
    each = shape.quantisation.bytes_each
    attention = _PLAIN if shape.quantisation.experts_only else each
    norms = 2 * shape.hidden * _PLAIN
    return _attention(shape, tp) * attention + _feed_forward(shape, place, tp) * each + norms


def _attention(shape: Shape, tp: int) -> float:
    """Weights of one layer's attention on one GPU."""
    if shape.latent:
        return _latent_attention(shape, tp)
    kv_heads = max(1, shape.kv_heads // tp)
    queries_and_output = 2 * shape.hidden * shape.heads * shape.head / tp
    return queries_and_output + 2 * shape.hidden * kv_heads * shape.head


def _latent_attention(shape: Shape, tp: int) -> float:
    latent = shape.latent
    assert latent is not None  # noqa: S101 - the caller asked
    width = latent.nope + latent.rope
    replicated = shape.hidden * (latent.rank + latent.rope)
    if latent.query_rank:
        replicated += shape.hidden * latent.query_rank
    queries = (latent.query_rank or shape.hidden) * shape.heads * width
    keys_and_values = latent.rank * shape.heads * (latent.nope + latent.value)
    output = shape.heads * latent.value * shape.hidden
    return replicated + (queries + keys_and_values + output) / tp


def _feed_forward(shape: Shape, place: int, tp: int) -> float:
    experts = shape.experts
    if experts is None or place < experts.dense:
        return 3 * shape.hidden * shape.intermediate / tp
    split = 3 * shape.hidden * (experts.count * experts.size + experts.shared)
    return split / tp + shape.hidden * experts.count
