"""A program that listens to webhooks, on a port of its own."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Listener:
    """What came, and with which status it is answered."""

    url: str = ""
    status: int = 200
    location: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(heard.status)
            if heard.location:
                self.send_header("Location", heard.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    heard.url = f"http://127.0.0.1:{port}/hook"
    settings.WEBHOOK_HOSTS = [f"127.0.0.1:{port}"]
    yield heard
    server.shutdown()
    server.server_close()
