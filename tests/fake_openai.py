"""An OpenAI-compatible server with chosen behaviour: for tests, and by hand as a module.

python -m tests.fake_openai --port 0 --first-token-ms 50 --token-ms 10
"""

import argparse
import asyncio
import base64
import contextlib
import json
import threading
from array import array
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from apps.engines.adapters.fake import HashEmbedder, OverlapReranker, pieces, quote_first_source
from apps.rag.ports import Speaker, Turn

MODEL = "fake-model"
DIMENSIONS = 384


class Behaviour(StrEnum):
    """What the server does with the next requests."""

    OK = "ok"
    HANG = "hang"  # accepts and never answers
    SILENT = "silent"  # says half and then nothing more
    BROKEN = "broken"  # says half and closes the connection
    DRIP = "drip"  # says half and then keeps the line open with comments, without a word
    GARBAGE = "garbage"
    ERROR_EVENT = "error"  # an error inside the stream
    BUSY = "429"
    LOADING = "503"
    FAILING = "500"
    REJECT = "reject"  # 400
    NO_KEY = "401"


_PLAIN = {"429": 429, "503": 503, "500": 500, "reject": 400, "401": 401}


@dataclass
class FakeServer:
    """What the server does and what it saw."""

    behaviour: Behaviour = Behaviour.OK
    first_token_s: float = 0.0
    token_s: float = 0.0
    tokens: int = 0
    retry_after: str = "0"
    thinking: str = ""
    likely: dict[str, float] = field(default_factory=dict)  # first tokens: log probabilities
    answers: deque[str | list[dict[str, Any]]] = field(default_factory=deque)  # a list: calls
    busy_times: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    open_streams: int = 0
    aborted_streams: int = 0

    async def chat(self, request: Request) -> Response:
        body = await self._seen(request)
        if refusal := await self._refusal():
            return refusal
        turns = [Turn(Speaker(m["role"]), m["content"] or "") for m in body["messages"]]
        answer = self.answers.popleft() if self.answers else self._answer(turns)
        if not isinstance(answer, str):
            return StreamingResponse(_calling(answer), media_type="text/event-stream")
        usage = {
            "prompt_tokens": sum(len(pieces(t.text)) for t in turns),
            "completion_tokens": len(pieces(answer)),
        }
        if not body.get("stream"):
            await asyncio.sleep(self.first_token_s)
            message = {"role": "assistant", "content": answer}
            choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "stop"}
            if body.get("logprobs") and self.likely:
                choice["logprobs"] = {"content": [self._first_token()]}
            return JSONResponse(
                {
                    "id": "c",
                    "object": "chat.completion",
                    "model": MODEL,
                    "choices": [choice],
                    "usage": usage,
                }
            )
        return StreamingResponse(self._stream(answer, usage), media_type="text/event-stream")

    def _first_token(self) -> dict[str, Any]:
        top = [{"token": token, "logprob": value} for token, value in self.likely.items()]
        return {**max(top, key=lambda each: each["logprob"]), "top_logprobs": top}

    def _answer(self, turns: Sequence[Turn]) -> str:
        return (
            " ".join(f"word{i}" for i in range(self.tokens))
            if self.tokens
            else quote_first_source(turns)
        )

    async def _stream(self, answer: str, usage: dict[str, int]) -> AsyncIterator[bytes]:
        self.open_streams += 1
        is_whole = False
        try:
            await asyncio.sleep(self.first_token_s)
            async for event in self._events(answer):
                yield event
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            yield _event({"choices": [], "usage": usage})
            yield b"data: [DONE]\n\n"
            is_whole = True
        finally:
            self.open_streams -= 1
            self.aborted_streams += not is_whole

    async def _events(self, answer: str) -> AsyncIterator[bytes]:
        if self.thinking:
            yield _said({"reasoning_content": self.thinking})
        said = pieces(answer)
        for place, piece in enumerate(said):
            if place == len(said) // 2:
                async for event in self._accident():
                    yield event
            yield _said({"content": piece})
            await asyncio.sleep(self.token_s)

    async def _accident(self) -> AsyncIterator[bytes]:
        match self.behaviour:
            case Behaviour.SILENT:
                await asyncio.sleep(3600)
            case Behaviour.DRIP:
                while True:
                    yield b": still there\n\n"
                    await asyncio.sleep(0.05)
            case Behaviour.BROKEN:
                raise ConnectionResetError
            case Behaviour.GARBAGE:
                yield b"data: {not json\n\n"
            case Behaviour.ERROR_EVENT:
                yield _event({"error": {"message": "out of memory", "code": 500}})
            case _:
                return

    async def embeddings(self, request: Request) -> Response:
        body = await self._seen(request)
        if refusal := await self._refusal():
            return refusal
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = HashEmbedder(DIMENSIONS).embed_passages(texts)
        is_base64 = body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": i,
                "embedding": base64.b64encode(array("f", v).tobytes()).decode() if is_base64 else v,
            }
            for i, v in enumerate(vectors)
        ]
        # Some servers answer in another order: the index counts, not the place.
        data.reverse()
        return JSONResponse(
            {
                "object": "list",
                "data": data,
                "model": MODEL,
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        )

    async def rerank(self, request: Request) -> Response:
        body = await self._seen(request)
        if refusal := await self._refusal():
            return refusal
        scores = OverlapReranker().score(body["query"], body["documents"])
        results = [{"index": i, "relevance_score": s} for i, s in enumerate(scores)]
        return JSONResponse(
            {"model": MODEL, "results": sorted(results, key=lambda r: -r["relevance_score"])}
        )

    async def models(self, request: Request) -> Response:
        del request
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _seen(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(await request.body())
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        return body

    async def _refusal(self) -> Response | None:
        if self.busy_times > 0:
            self.busy_times -= 1
            return JSONResponse(
                {"error": {"message": "full"}}, 429, {"Retry-After": self.retry_after}
            )
        if self.behaviour is Behaviour.HANG:
            await asyncio.sleep(3600)
        status = _PLAIN.get(self.behaviour.value)
        if status is None:
            return None
        headers = {"Retry-After": self.retry_after} if status in {429, 503} else {}
        return JSONResponse({"error": {"message": "no", "code": status}}, status, headers)

    def app(self) -> Starlette:
        routes = [
            Route(f"{root}/{path}", endpoint, methods=["POST"])
            for root in ("/v1", "/other/v3")
            for path, endpoint in (
                ("chat/completions", self.chat),
                ("embeddings", self.embeddings),
                ("rerank", self.rerank),
            )
        ]
        return Starlette(routes=[*routes, Route("/v1/models", self.models)])


def _event(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


def _said(delta: dict[str, Any]) -> bytes:
    return _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


async def _calling(calls: list[dict[str, Any]]) -> AsyncIterator[bytes]:
    """Calls as servers stream them: a head each, then their arguments in pieces, side by side."""
    for index, call in enumerate(calls):
        function = {"name": call["name"], "arguments": ""}
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        yield _said({"tool_calls": [head]})
    longest = max(len(call["arguments"]) for call in calls)
    for at in range(0, longest, 3):
        for index, call in enumerate(calls):
            if piece := call["arguments"][at : at + 3]:
                yield _said({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    yield _event({"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 9}})
    yield b"data: [DONE]\n\n"


class FakeOpenAI(FakeServer):
    """The server in a thread of this process: ``with FakeOpenAI() as server: server.base_url``."""

    base_url: str = ""

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        root = self._stack.enter_context(served(self.app()))
        self.base_url = f"{root}/v1"
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Any ASGI application on a free port, in a thread; gives its address."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def announced(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announced  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--first-token-ms", type=float, default=0)
    parser.add_argument("--token-ms", type=float, default=0)
    parser.add_argument(
        "--tokens", type=int, default=0, help="words of every answer; 0: quote a source"
    )
    parser.add_argument("--behaviour", type=Behaviour, default=Behaviour.OK)
    chosen = parser.parse_args()
    server = FakeServer(
        behaviour=chosen.behaviour,
        first_token_s=chosen.first_token_ms / 1000,
        token_s=chosen.token_ms / 1000,
        tokens=chosen.tokens,
    )
    from workers import hosting  # noqa: PLC0415 - only by hand

    chosen.host, chosen.with_parent, chosen.log_level = "127.0.0.1", True, "warning"
    hosting.serve(server.app(), chosen)


if __name__ == "__main__":
    main()
