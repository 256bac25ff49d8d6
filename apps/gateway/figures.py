"""What a model server says of itself in ``/metrics``: running, waiting, KV cache, tokens a second.

Names are those of vLLM (V0 and V1), SGLang, TGI and TEI, Xinference and llama.cpp. A server without
them is no error: then it is only known whether it answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S = 1.0
LONGEST = 2 * 1024 * 1024
_RUNNING = ("vllm:num_requests_running", "sglang:num_running_reqs", "tgi_batch_current_size",
            "llamacpp:requests_processing", "xinference:requests_running")  # fmt: skip
_WAITING = ("vllm:num_requests_waiting", "sglang:num_queue_reqs", "tgi_queue_size",
            "te_queue_size", "llamacpp:requests_deferred")  # fmt: skip
_CACHE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage",
          "llamacpp:kv_cache_usage_ratio")  # fmt: skip
_WRITTEN = ("vllm:generation_tokens_total", "sglang:generation_tokens_total",
            "tgi_request_generated_tokens_sum", "llamacpp:tokens_predicted_total",
            "xinference:output_tokens_total_counter_total")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at a server; None where it does not say."""

    is_up: bool
    running: int | None = None
    waiting: int | None = None
    cache: float | None = None
    written: float | None = None

    @property
    def cache_percent(self) -> int | None:
        return None if self.cache is None else round(self.cache * 100)


def look_at(base_url: str, *, api_key: str = "") -> Figures:
    """Ask a server how it is; never raises. ``/metrics`` stands beside ``/v1``; a server without it
    is asked for its models."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    root = base_url.rstrip("/").removesuffix("/v1")
    # Loading the certificate store takes longer than the two questions.
    is_tls = base_url.startswith("https:")
    try:
        with httpx.Client(
            timeout=TIMEOUT_S, headers=headers, trust_env=False, verify=is_tls
        ) as client:
            text = _text(client, f"{root}/metrics")
            if text is not None and (figures := read(text)) is not None:
                return figures
            models = client.get(f"{base_url.rstrip('/')}/models")
            return Figures(is_up=models.status_code < 500)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
        return Figures(is_up=False)


def _text(client: httpx.Client, url: str) -> str | None:
    """The body, where there is one of a sensible length: it is another's, and not trusted."""
    with client.stream("GET", url) as response:
        if not response.is_success:
            return None
        body = b""
        for piece in response.iter_bytes():
            body += piece
            if len(body) > LONGEST:
                return None
    return body.decode("utf-8", "replace")


def read(text: str) -> Figures | None:
    """The figures in a text of Prometheus; None where it holds none of them, or is no such text."""
    each: dict[str, list[float]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                each.setdefault(sample.name, []).append(sample.value)
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    # Engines behind one address (data parallel) add up, but for what is a part of the whole.
    values = {name: sum(said) / (len(said) if name in _CACHE else 1) for name, said in each.items()}
    found = [_first(values, names) for names in (_RUNNING, _WAITING, _CACHE, _WRITTEN)]
    if all(value is None for value in found):
        return None
    running, waiting, cache, written = found
    return Figures(True, _whole(running), _whole(waiting), cache, written)  # noqa: FBT003 - is_up


def _first(values: Mapping[str, float], names: tuple[str, ...]) -> float | None:
    return next((values[name] for name in names if values.get(name, -1) >= 0), None)


def _whole(value: float | None) -> int | None:
    return None if value is None or value > 1e9 else int(value)
