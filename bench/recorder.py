"""Passes requests on to an engine and keeps what was asked."""

import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any, Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


class Recorder:
    """``with Recorder(engine, key) as recorder: recorder.base_url`` is the engine with a memory."""

    def __init__(self, engine: str, key: str) -> None:
        self._engine = engine.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._bodies: list[dict[str, Any]] = []
        self._salt = ""
        self.base_url = ""

    def begin(self, salt: str) -> None:
        """Forget what was asked; from now on the engine's prefix cache is a new one."""
        self._bodies, self._salt = [], salt

    def taken(self) -> list[dict[str, Any]]:
        """The answers that were asked for since."""
        return list(self._bodies)

    def __enter__(self) -> Self:
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes, lifespan=self._alive),
            host="127.0.0.1",
            port=0,
            log_level="warning",
            loop="asyncio",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.05)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @contextlib.asynccontextmanager
    async def _alive(self, app: Starlette) -> AsyncIterator[None]:
        """The client lives on the server's loop, and ends there."""
        del app
        async with httpx.AsyncClient(timeout=1800, trust_env=False, limits=_MANY) as self._client:
            yield

    async def _models(self, request: Request) -> Response:
        del request
        answer = await self._client.get(f"{self._engine}/models", headers=self._headers)
        return JSONResponse(answer.json(), answer.status_code)

    async def _chat(self, request: Request) -> Response:
        body = json.loads(await request.body())
        if body.get("stream"):
            self._bodies.append(body)
        salted = {**body, **({"cache_salt": self._salt} if self._salt else {})}
        stack = contextlib.AsyncExitStack()
        answer = await stack.enter_async_context(
            self._client.stream(
                "POST", f"{self._engine}/chat/completions", json=salted, headers=self._headers
            )
        )

        async def pieces() -> AsyncIterator[bytes]:
            async with stack:
                async for piece in answer.aiter_raw():
                    yield piece

        kind = answer.headers.get("content-type", "application/json")
        return StreamingResponse(pieces(), answer.status_code, media_type=kind)


_MANY = httpx.Limits(max_connections=512)
