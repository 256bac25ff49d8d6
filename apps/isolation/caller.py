"""One visitor's client, inside this process: through every middleware, without a network."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from apps.chat.models import Conversation
from apps.isolation import wire
from apps.isolation.visitors import Visitor
from apps.permissions.scope import system_scope

_LONGEST_WAIT_S = 65.0
_TOO_OFTEN = 429


@dataclass(frozen=True, slots=True)
class Seen:
    """What one question was answered with. ``counts`` are numbers that could give something away."""

    status: int
    body: str
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """The body without the headers in front of it."""
        return self.body.partition("\n\n")[2]

    def header(self, name: str) -> str:
        """A header of the answer; empty where it has none."""
        lines = self.body.partition("\n\n")[0].splitlines()
        found = (line.partition(": ") for line in lines)
        return next((value for key, _, value in found if key.lower() == name.lower()), "")


class Caller:
    """Asks as one visitor, with their session, their key, or their application's."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.host = _host()
        self.client = Client(
            raise_request_exception=False,
            headers={"Host": self.host, "Accept-Language": "en"},
        )
        if visitor.user is not None and not visitor.is_program:
            self.client.force_login(visitor.user)

    def get(self, path: str, **query: str) -> Seen:
        address = f"{path}?{urlencode(query)}" if query else path
        return self._patiently(
            lambda: _seen(self.client.get(address, secure=True, headers=self.visitor.headers()))
        )

    def post(self, path: str, body: Mapping[str, Any]) -> Seen:
        def send() -> Seen:
            return _seen(
                self.client.post(
                    path,
                    json.dumps(body),
                    content_type="application/json",
                    secure=True,
                    headers=self.visitor.headers(),
                )
            )

        return self._patiently(send)

    def post_to_asgi(self, path: str, body: Mapping[str, Any]) -> Seen:
        """The same to the application that servers run, for answers that are streamed."""

        def send() -> Seen:
            sent = {**self.wire_headers(), "content-type": "application/json"}
            status, head, content = wire.post(path, sent, json.dumps(body).encode())
            return Seen(status, f"{head}\n\n{content}")

        return self._patiently(send)

    def wire_headers(self) -> dict[str, str]:
        """What a connection of theirs carries beside what it asks for."""
        cookies = (f"{key}={each.value}" for key, each in self.client.cookies.items())
        return {
            "host": self.host,
            "accept": "application/json, text/event-stream",
            "accept-language": "en",
            "cookie": "; ".join(cookies),
            **{name.lower(): value for name, value in self.visitor.headers().items()},
        }

    def _patiently(self, send: Callable[[], Seen]) -> Seen:
        """Too many requests are answered so; then the question is asked again."""
        until = time.monotonic() + _LONGEST_WAIT_S
        while True:
            seen = send()
            if seen.status != _TOO_OFTEN or time.monotonic() > until:
                return seen
            time.sleep(min(float(seen.header("Retry-After") or "1"), _LONGEST_WAIT_S))

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
    body = wire.joined(response) if response.streaming else response.content
    if response.streaming:
        response.close()
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    return Seen(response.status_code, f"{headers}\n\n{body.decode(errors='replace')}")
