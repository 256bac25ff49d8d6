"""A stand-in for the vllm program: ``vllm serve FOLDER …`` with its addresses and nothing behind.

Variables: FAKE_VLLM_START_S, FAKE_VLLM_TOKENS, FAKE_VLLM_TOKEN_S, FAKE_VLLM_SEEN (a folder in which
it notes with what it was started).
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class FakeVllm:
    """What it was started with, and how much it does."""

    name: str
    key: str
    tokens: int = 5
    token_s: float = 0.0
    running: int = 0
    ended: int = 0
    adapters: list[str] = field(default_factory=list)

    async def health(self, request: Request) -> Response:
        del request
        return Response(status_code=200)

    async def metrics(self, request: Request) -> Response:
        del request
        label = f'{{engine="0",model_name="{self.name}"}}'
        return PlainTextResponse(
            f"vllm:num_requests_running{label} {self.running}.0\n"
            f"vllm:num_requests_waiting{label} 0.0\n"
            f'vllm:request_success_total{{finished_reason="stop"}} {self.ended}.0\n'
        )

    async def models(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        rows = [{"id": name, "object": "model"} for name in (self.name, *self.adapters)]
        return JSONResponse({"object": "list", "data": rows})

    async def chat(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        body = await request.json()
        if not body.get("stream"):
            message = {"role": "assistant", "content": "word " * self.tokens}
            self.ended += 1
            return JSONResponse({"choices": [{"index": 0, "message": message}]})
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        self.running += 1
        try:
            for number in range(self.tokens):
                delta = {"index": 0, "delta": {"content": f"word{number} "}}
                yield f"data: {json.dumps({'choices': [delta]})}\n\n"
                await asyncio.sleep(self.token_s)
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield f"data: {json.dumps({'choices': [last]})}\n\ndata: [DONE]\n\n"
        finally:
            self.running -= 1
            self.ended += 1

    def _refusal(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if self.key and given != f"Bearer {self.key}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        return None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/metrics", self.metrics),
                Route("/v1/models", self.models),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("folder")
    parser.add_argument("--served-model-name")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--lora-modules", nargs="*", default=[])
    chosen, _rest = parser.parse_known_args()
    if seen := os.environ.get("FAKE_VLLM_SEEN"):
        noted = {"argv": sys.argv[1:], "env": dict(os.environ), "pid": os.getpid()}
        (Path(seen) / f"{chosen.port}.json").write_text(json.dumps(noted), encoding="utf-8")
    time.sleep(float(os.environ.get("FAKE_VLLM_START_S", "0")))
    engine = FakeVllm(
        chosen.served_model_name,
        os.environ.get("VLLM_API_KEY", ""),
        tokens=int(os.environ.get("FAKE_VLLM_TOKENS", "5")),
        token_s=float(os.environ.get("FAKE_VLLM_TOKEN_S", "0")),
        adapters=[each.partition("=")[0] for each in chosen.lora_modules],
    )
    uvicorn.run(engine.app(), host=chosen.host, port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
