"""The ways in. An app that opens another one adds it to ``ENTRIES``.

An entry gets a browser or a client with a key, as the visitor has it, and the secret to ask for;
it returns what came back. It decides nothing: what is a leak is seen by ``prove``.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from apps.chat.models import Conversation
from apps.isolation.world import Visitor
from apps.permissions.scope import system_scope

_LONGEST_WAIT_S = 65.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one question was answered with. ``counts`` are numbers that could give something away."""

    status: int
    body: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A way to ask in words. ``is_for_keys``: whether it takes an API key; ``every``: of so many
    questions one is asked, where each costs an answer of the model."""

    name: str
    ask: Callable[["Caller", str], Seen]
    is_for_keys: bool
    every: int = 1


class Caller:
    """One visitor's client, inside this process: through every middleware, without a network."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.host = _host()
        headers = {"Host": self.host, "Accept-Language": "en"}
        if visitor.key:
            headers["Authorization"] = f"Bearer {visitor.key}"
        self.client = Client(raise_request_exception=False, headers=headers)
        if visitor.user is not None and not visitor.key:
            self.client.force_login(visitor.user)

    def get(self, path: str, **query: str) -> Seen:
        address = f"{path}?{urlencode(query)}" if query else path
        return self._patiently(lambda: self.client.get(address, secure=True))

    def post(self, path: str, body: Mapping[str, Any]) -> Seen:
        def send() -> Any:
            return self.client.post(
                path, json.dumps(body), content_type="application/json", secure=True
            )

        return self._patiently(send)

    def _patiently(self, send: Callable[[], Any]) -> Seen:
        """Too many requests are answered so; then the question is asked again."""
        until = time.monotonic() + _LONGEST_WAIT_S
        while True:
            response = send()
            if response.status_code != 429 or time.monotonic() > until:
                return _seen(response)
            time.sleep(min(float(response.get("Retry-After", "1")), _LONGEST_WAIT_S))

    def forget(self) -> None:
        """Remove what the visitor asked: their own words, as titles on later pages, are no leak."""
        if self.visitor.user is not None:
            with system_scope("proof: what a visitor asked is forgotten before they ask again"):
                Conversation.objects.filter(owner_id=self.visitor.user.pk).delete()

    def close(self) -> None:
        self.client.logout()


def _host() -> str:
    hosts = [host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))]
    return hosts[0] if hosts else "localhost"


def _seen(response: Any) -> Seen:
    body = b"".join(response) if response.streaming else response.content
    if response.streaming:
        response.close()
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    return Seen(response.status_code, f"{headers}\n\n{body.decode(errors='replace')}")


# --- the entries ----------------------------------------------------------------------------------
def _search(mode: str) -> Callable[[Caller, str], Seen]:
    def ask(caller: Caller, question: str) -> Seen:
        seen = caller.post("/api/v1/search", {"query": question, "mode": mode, "limit": 20})
        return replace(seen, counts=_counts_of_search(seen))

    return ask


def _counts_of_search(seen: Seen) -> dict[str, int]:
    """How many were found, and how many a fence had to drop: an index that was asked for more
    than the visitor's collections would show here."""
    try:
        body = json.loads(seen.body.partition("\n\n")[2])
        fence = body["trace"]["fence"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {"hits": len(body["hits"]), "dropped": int(fence["dropped"])}


def _find(caller: Caller, question: str) -> Seen:
    return caller.get("/find", q=question)


def _chat(caller: Caller, question: str) -> Seen:
    return caller.post("/api/v1/chat", {"message": question})


def _ask_page(caller: Caller, question: str) -> Seen:
    return caller.get("/ask", q=question)


ENTRIES: list[Entry] = [
    Entry("search, by meaning and words", _search("hybrid"), is_for_keys=True),
    Entry("search, by meaning", _search("dense"), is_for_keys=True),
    Entry("search, by words", _search("keyword"), is_for_keys=True),
    Entry("find", _find, is_for_keys=False),
    Entry("question page", _ask_page, is_for_keys=False, every=4),
    Entry("chat", _chat, is_for_keys=True, every=16),
]
