"""What a model folder's ``config.json`` says of a model's shape. Nothing in the folder is run."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from apps.engines.vllm.quantisation import Quantisation, read_quantisation
from apps.engines.vllm.refusal import CannotServe

_LARGEST_CONFIG = 4_000_000


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention (DeepSeek): one compressed vector a token instead of KV heads."""

    query_rank: int
    rank: int
    nope: int
    rope: int
    value: int


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture: ``count`` experts of width ``size`` in each layer but the first ``dense``, and a
    part of width ``shared`` that every token goes through."""

    count: int
    size: int
    shared: int = 0
    dense: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that decide how much memory a model takes, and how it can be split."""

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    intermediate: int
    vocab: int
    context: int
    dtype: str = "bfloat16"
    ties: bool = False
    # One per layer: how many tokens it looks back; 0 is all of them.
    windows: tuple[int, ...] = ()
    latent: Latent | None = None
    experts: Experts | None = None
    quantisation: Quantisation = field(default_factory=Quantisation)
    brings_code: bool = False

    @property
    def looks_back(self) -> tuple[int, ...]:
        """How many tokens each layer looks back; 0 is all of them."""
        return self.windows or (0,) * self.layers


def read_shape(folder: Path) -> Shape:
    """The shape of the model in ``folder``. Raises CannotServe with what is missing or unknown."""
    config = read_config(folder)
    text = config.get("text_config") or config
    _refuse_unknown(text)
    try:
        return _shape(config, text)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CannotServe(
            _("config.json does not say %(name)s as a number.") % {"name": error},
            _("Take the config.json that the model was published with."),
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's ``config.json`` as it stands."""
    path = folder / "config.json"
    try:
        # A cut-off text is no JSON: one that is too large cannot be read either.
        with path.open(encoding="utf-8") as stream:
            config = json.loads(stream.read(_LARGEST_CONFIG))
    except (OSError, ValueError, RecursionError) as error:
        raise CannotServe(
            _("%(path)s cannot be read.") % {"path": path},
            _("Name the folder that holds config.json, the tokenizer and *.safetensors."),
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("text_config") or {}, dict):
        raise CannotServe(_("%(path)s is not a model's configuration.") % {"path": path})
    return config


def _refuse_unknown(text: dict[str, Any]) -> None:
    """Layers whose memory is not calculated here: better no figure than a wrong one."""
    kinds = set(_listed(text.get("layer_types"))) - _KNOWN_LAYERS
    if "index_topk" in text:
        kinds.add("sparse_attention")
    if any(name in text for name in ("ssm_cfg", "mamba_d_state", "state_size", "ssm_state_size")):
        kinds.add("mamba")
    if kinds:
        raise CannotServe(
            _("This model has layers whose memory is not calculated here: %(kinds)s.")
            % {"kinds": ", ".join(sorted(map(str, kinds)))},
            _("Start it with vllm serve and enter its address under Administration, Models."),
        )


_KNOWN_LAYERS = frozenset({"full_attention", "sliding_attention", "attention"})


def _shape(config: dict[str, Any], text: dict[str, Any]) -> Shape:
    heads = _number(text, "num_attention_heads", "n_head")
    hidden = _number(text, "hidden_size", "n_embd")
    layers = _number(text, "num_hidden_layers", "n_layer")
    architectures = _listed(config.get("architectures")) or [text.get("model_type", "?")]
    return Shape(
        architecture=str(architectures[0]),
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=_number(text, "num_key_value_heads", "num_kv_heads", default=heads),
        head=_number(text, "head_dim", default=hidden // heads),
        intermediate=_number(text, "intermediate_size", "n_inner", default=4 * hidden),
        vocab=_number(text, "vocab_size"),
        context=_longest(text),
        dtype=_dtype(config, text),
        ties=bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        windows=_windows(text, layers),
        latent=_latent(text),
        experts=_experts(text),
        quantisation=read_quantisation(config, text),
        brings_code="auto_map" in config,
    )


def _number(text: dict[str, Any], *names: str, default: int = 0) -> int:
    """The first of these fields that is there; KeyError where neither is one nor a default."""
    for name in names:
        value = text.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(name)
            return value
    if default < 1:
        raise KeyError(names[0])
    return default


def _longest(text: dict[str, Any]) -> int:
    """The longest context, as vLLM derives it: what YaRN and its like stretch positions to. Llama 3
    and LongRoPE have published the stretched number."""
    trained = _number(text, "max_position_embeddings", "n_positions", default=2048)
    scaling = text.get("rope_scaling") or text.get("rope_parameters")
    if not isinstance(scaling, dict) or str(text.get("model_type", "")).startswith("gemma3"):
        return trained
    kind = scaling.get("rope_type", scaling.get("type"))
    factor = scaling.get("factor")
    if kind not in _STRETCHED or not isinstance(factor, int | float) or not 1 <= factor <= 1000:
        return trained
    if kind == "yarn":
        trained = _number(scaling, "original_max_position_embeddings", default=trained)
    return int(trained * factor)


_STRETCHED = frozenset({"yarn", "linear", "dynamic"})


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dtype(config: dict[str, Any], text: dict[str, Any]) -> str:
    named = [each.get(key) for each in (text, config) for key in ("dtype", "torch_dtype")]
    found = next((str(name).removeprefix("torch.") for name in named if name), "bfloat16")
    # vLLM halves what was published in 32 bits.
    return "float16" if found in {"float16", "half"} else "bfloat16"


def _windows(text: dict[str, Any], layers: int) -> tuple[int, ...]:
    window = text.get("sliding_window")
    if not isinstance(window, int) or window < 1 or text.get("use_sliding_window") is False:
        return ()
    kinds = _listed(text.get("layer_types"))
    if len(kinds) == layers:
        return tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
    pattern = text.get("sliding_window_pattern") or text.get("_sliding_window_pattern")
    if text.get("model_type") == "gemma2":
        pattern = 2
    if isinstance(pattern, int) and pattern > 1:  # each n-th layer looks at everything
        return tuple(0 if (layer + 1) % pattern == 0 else window for layer in range(layers))
    full = text.get("max_window_layers", 0) if text.get("use_sliding_window") else 0
    return tuple(0 if layer < full else window for layer in range(layers))


def _latent(text: dict[str, Any]) -> Latent | None:
    if "kv_lora_rank" not in text:
        return None
    return Latent(
        query_rank=text.get("q_lora_rank") or 0,
        rank=_number(text, "kv_lora_rank"),
        nope=_number(text, "qk_nope_head_dim"),
        rope=_number(text, "qk_rope_head_dim"),
        value=_number(text, "v_head_dim"),
    )


def _experts(text: dict[str, Any]) -> Experts | None:
    names = ("n_routed_experts", "num_local_experts", "num_experts")
    count = next((text[name] for name in names if text.get(name)), 0)
    if not count:
        return None
    size = _number(text, "moe_intermediate_size", "intermediate_size")
    shared = text.get("shared_expert_intermediate_size") or 0
    shared = shared or (text.get("n_shared_experts") or 0) * size
    return Experts(int(count), size, int(shared), int(text.get("first_k_dense_replace") or 0))
