"""Asks a model server whether it works, as the *Test* button does: with a real request."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from apps.engines.adapters import http

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_MOST_MODELS = 100


class EndpointKind(StrEnum):
    """What a server is asked to do."""

    CHAT = "chat"
    EMBEDDINGS = "embeddings"
    RERANK = "rerank"


class ProbeCode(StrEnum):
    """Why a server does not serve. The words for people are in the pages."""

    OK = ""
    ADDRESS = "ENGINE_ADDRESS"
    UNAVAILABLE = "ENGINE_UNAVAILABLE"
    TIMEOUT = "ENGINE_TIMEOUT"
    BUSY = "ENGINE_BUSY"
    KEY_REFUSED = "ENGINE_KEY_REFUSED"
    MODEL_UNKNOWN = "ENGINE_MODEL_UNKNOWN"
    REJECTED = "ENGINE_REJECTED"
    WRONG_SHAPE = "ENGINE_WRONG_SHAPE"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server answered. ``detail`` holds a status or a number, never the server's own text."""

    ok: bool
    code: ProbeCode
    latency_ms: int
    detail: str = ""
    models: tuple[str, ...] = ()
    dimensions: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    code: ProbeCode
    detail: str = ""
    body: Any = None


def probe(base_url: str, *, kind: EndpointKind, model: str = "", api_key: str = "") -> Probe:
    """Ask for the list of models, then for the smallest piece of real work."""
    try:
        address = http.base_address(base_url)
        if httpx.URL(address).scheme not in {"http", "https"} or not httpx.URL(address).host:
            return Probe(ok=False, code=ProbeCode.ADDRESS, latency_ms=0)
        client = http.client(address, token=api_key, timeout=_TIMEOUT)
    except (httpx.InvalidURL, ValueError):
        return Probe(ok=False, code=ProbeCode.ADDRESS, latency_ms=0)
    with client:
        models = _models(client, address)
        name = model or next(iter(models), "")
        started = time.monotonic()
        path, body, read = _WORK[EndpointKind(kind)]
        asked = _asked(lambda: client.post(address + path, json={"model": name, **body}))
        latency_ms = round((time.monotonic() - started) * 1000)
    return _judged(asked, read, latency_ms, models)


def _judged(
    asked: _Asked, read: Callable[[Any], int], latency_ms: int, models: tuple[str, ...]
) -> Probe:
    if asked.code is not ProbeCode.OK:
        return Probe(False, asked.code, latency_ms, asked.detail, models)  # noqa: FBT003 - ok
    try:
        size = read(asked.body)
    except (KeyError, IndexError, TypeError, ValueError):
        return Probe(False, ProbeCode.WRONG_SHAPE, latency_ms, "", models)  # noqa: FBT003 - ok
    return Probe(True, ProbeCode.OK, latency_ms, "", models, size)  # noqa: FBT003 - ok


def _models(client: httpx.Client, address: str) -> tuple[str, ...]:
    """The names a server lists. Some list none: that alone is no fault."""
    asked = _asked(lambda: client.get(address + "/models", timeout=httpx.Timeout(5.0)))
    try:
        names = [str(row["id"])[:200] for row in asked.body["data"]]
    except (KeyError, TypeError):
        return ()
    return tuple(names[:_MOST_MODELS])


def _asked(send: Callable[[], httpx.Response]) -> _Asked:
    try:
        response = send()
    except httpx.TimeoutException:
        return _Asked(ProbeCode.TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError, UnicodeError):
        return _Asked(ProbeCode.UNAVAILABLE)
    code = _code_of(response)
    if code is not ProbeCode.OK:
        return _Asked(code, f"HTTP {response.status_code}")
    try:
        return _Asked(ProbeCode.OK, body=json.loads(response.content))
    except ValueError:
        return _Asked(ProbeCode.WRONG_SHAPE)


def _code_of(response: httpx.Response) -> ProbeCode:
    match response.status_code:
        case status if 200 <= status < 300:
            return ProbeCode.OK
        case 401 | 403:
            return ProbeCode.KEY_REFUSED
        case 404:
            return _missing(response)
        case 429 | 503:
            return ProbeCode.BUSY
        case status if status >= 500:
            return ProbeCode.UNAVAILABLE
        case _:
            return _missing(response) if b"model" in response.content else ProbeCode.REJECTED


def _missing(response: httpx.Response) -> ProbeCode:
    """404 is an unknown model where the server speaks of one, else an address that is wrong."""
    said = response.content[:2000].lower()
    is_model = b"model" in said and any(w in said for w in (b"not exist", b"not found", b"unknown"))
    return ProbeCode.MODEL_UNKNOWN if is_model else ProbeCode.ADDRESS


def _chat_size(body: Any) -> int:
    if not isinstance(body["choices"][0]["message"], dict):
        raise TypeError
    return 0


def _vector_size(body: Any) -> int:
    vector = body["data"][0]["embedding"]
    if not isinstance(vector, list) or not all(isinstance(x, int | float) for x in vector):
        raise TypeError
    if not vector:
        raise ValueError
    return len(vector)


def _rerank_size(body: Any) -> int:
    if len([float(row["relevance_score"]) for row in body["results"]]) != 2:
        raise ValueError
    return 0


_WORK: dict[EndpointKind, tuple[str, dict[str, Any], Callable[[Any], int]]] = {
    EndpointKind.CHAT: (
        "/chat/completions",
        {"messages": [{"role": "user", "content": "Say: ok"}], "max_tokens": 1},
        _chat_size,
    ),
    EndpointKind.EMBEDDINGS: ("/embeddings", {"input": ["ok"]}, _vector_size),
    EndpointKind.RERANK: ("/rerank", {"query": "ok", "documents": ["ok", "no"]}, _rerank_size),
}
