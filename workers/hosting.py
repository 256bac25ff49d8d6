"""What the hosts of models and of the index share: arguments, the token, one way to serve."""

import argparse
import asyncio
import hmac
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.core.lines import FORMATTERS

_TOKEN_VARIABLE = "FOOTNOTE_TOKEN"  # noqa: S105 - the name of a variable
_PUBLIC = frozenset({"/health"})
_SLOW_JSON = 200_000


def arguments(description: str, *, port: int) -> argparse.ArgumentParser:
    """The arguments that every host takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=port, help="port to listen on; 0: any free one")
    parser.add_argument(
        "--token-file", type=Path, help=f"file with the token (or {_TOKEN_VARIABLE})"
    )
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO, WARNING or ERROR")
    parser.add_argument("--log-format", default="lines", choices=sorted(FORMATTERS))
    parser.add_argument(
        "--with-parent", action="store_true", help="end when the process that started it ends"
    )
    return parser


def token_of(chosen: argparse.Namespace) -> str:
    """The shared secret. Taken from a file or the environment: arguments are seen by everyone."""
    if chosen.token_file:
        return str(chosen.token_file.read_text("utf-8")).strip()
    return os.environ.pop(_TOKEN_VARIABLE, "").strip()


def fail(sentence: str) -> NoReturn:
    """End with a sentence for the person who started the process."""
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)


class TokenGuard:
    """Lets through ``/health`` and whoever brings the token; an empty token guards nothing."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PUBLIC or self._is_known(scope):
            await self._app(scope, receive, send)
            return
        error = {"message": "A valid token is needed.", "type": "invalid_request_error"}
        await JSONResponse({"error": {**error, "code": "TOKEN"}}, 401)(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return not self._wanted or hmac.compare_digest(given, self._wanted)


async def read_json(request: Request, *, limit: int) -> dict[str, Any]:
    """The body as an object; 413 over ``limit`` bytes, 400 for anything that is no object."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"The request is larger than {limit} bytes.")
    try:
        if len(body) > _SLOW_JSON:
            parsed = await asyncio.to_thread(json.loads, body)
        else:
            parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The request is not JSON.") from error
    if not isinstance(parsed, dict):
        raise HTTPException(400, "The request is not a JSON object.")
    return parsed


def metrics_of(registry: CollectorRegistry) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that gives the registry's figures."""

    async def metrics(request: Request) -> Response:
        del request
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            announce(f"http://{host}:{port}")


def announce(address: str) -> None:
    """Say on the standard output, once, that requests are answered."""
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def serve(app: ASGIApp, chosen: argparse.Namespace) -> None:
    """Answer until SIGTERM or SIGINT; what runs is finished first. Ends the process with 0."""
    if chosen.with_parent:
        follow_parent()
    # Uvicorn raises the signal again when it is done: by then the work is over.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        log_level=chosen.log_level.lower(),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=20,
        server_header=False,
    )
    try:
        _Server(config).run()
    except OSError as error:
        fail(f"Cannot listen on {chosen.host}:{chosen.port}: {error}")


def follow_parent() -> None:
    """End in an orderly way once the parent process is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
