"""A web server of the tests: answers what it is told, and remembers what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Served:
    """``pages`` by path; ``answer`` decides first, when it is set."""

    port: int = 0
    pages: dict[str, Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Reply | None] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def page(self, path: str, body: str | bytes, *, status: int = 200, **headers: str) -> str:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": "text/html; charset=utf-8", **named}, data)
        return self.url(path)

    def paths(self, *but: str) -> list[str]:
        """What was asked for, without robots.txt."""
        return [each.path for each in self.asked if each.path not in {"/robots.txt", *but}]

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.answer is not None and (said := self.answer(asked)) is not None:
            return said
        found = self.pages.get(asked.path) or self.pages.get(unquote(asked.path))
        if found is None:
            return 404, {}, b"nothing here"
        status, headers, body = found
        etag = headers.get("ETag")
        if etag and asked.headers.get("if-none-match") == etag:
            return 304, {"ETag": etag}, b""
        return status, headers, body


@contextmanager
def serving() -> Iterator[Served]:
    found = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers)
            status, said, body = found.reply(asked)
            self.send_response(status)
            for name, value in said.items():
                self.send_header(name, value)
            if "Content-Length" not in said and status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and status != 304:
                self.wfile.write(body)

        do_GET = do_PROPFIND = do_HEAD = _do  # noqa: N815 - names that the class looks for

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def path_of(url: str) -> str:
    return urlsplit(url).path
