"""Which POSTs may be sent twice: what makes, starts or decides something takes an Idempotency-Key."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from django.urls import URLPattern, get_resolver

from apps.core.idempotency import idempotent
from tests.guards.code import ROOT, stale, unlisted

# All methods that were given the promise share this code.
_WRAPPER = idempotent(lambda _view, _request: None).__code__  # type: ignore[arg-type,return-value]
_SECRET = "answers with a secret that is shown once: a kept answer would keep it"
_READS = "changes nothing"
_AGAIN = "sent again it changes nothing more"
WITHOUT = {
    "application_keys_create": _SECRET,
    "application_keys_rotate": _SECRET,
    "keys_create": _SECRET,
    "people_add": _SECRET,
    "people_link": _SECRET,
    "webhooks_create": _SECRET,
    "webhooks_rotate": _SECRET,
    "cutting_try": _READS,
    "directories_try": _READS,
    "embedding_cost": _READS,
    "model_servers_test": _READS,
    "search": _READS,
    "sign_on_providers_try": _READS,
    "sources_try": _READS,
    "topics_try": _READS,
    "people_unlock": _AGAIN,
    "turns_rate": _AGAIN,
    "turns_stop": _AGAIN,
    "uploads_begin": "tus: what nobody sends pieces to is gone after a while",
    "chat_short": "the short form for callers that send one header; /api/v1/chat takes it",
}


def _posts() -> dict[str, dict[str, Any]]:
    """The POST of each address."""
    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
    return {path: each["post"] for path, each in schema["paths"].items() if "post" in each}


def _takes_it(operation: dict[str, Any]) -> bool:
    return any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ()))


def test_every_post_takes_the_header_or_says_why_not():
    without = {post["operationId"] for post in _posts().values() if not _takes_it(post)}
    assert not unlisted(without, set(WITHOUT)), "add @idempotent and IDEMPOTENCY_KEY, or a reason"
    assert not stale(without, set(WITHOUT))


def test_what_the_schema_promises_the_views_do():
    promised = {path for path, post in _posts().items() if _takes_it(post)}
    # Chat keeps the turn instead of the answer, by itself.
    asking = {"/api/v1/chat", "/api/v1/turns/{turn}/again"}
    described = set(_posts())
    assert promised - asking == set(_decorated(get_resolver().url_patterns)) & described


def _decorated(patterns: Iterable[Any], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from _decorated(pattern.url_patterns, route)
            continue
        method = getattr(getattr(pattern.callback, "cls", None), "post", None)
        if getattr(method, "__code__", None) is _WRAPPER:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
