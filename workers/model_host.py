"""The model host: the local embedding and reranking models, in OpenAI's dialect.

    python -m workers.model_host --models-dir DIR --port 8011

Two lanes: questions never wait behind documents. Prefixes are the caller's business.
"""

import argparse
import asyncio
import base64
import contextlib
import logging
import threading
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.core import lines
from apps.engines.adapters.fake import HashEmbedder, OverlapReranker
from apps.engines.adapters.token_engine import Numbers, TokenEngine
from apps.rag.ports import EngineBusy, EngineError, Reranker
from workers import hosting
from workers.lanes import Lane

logger = logging.getLogger(__name__)

_LARGEST_BODY = 32 * 1024 * 1024
_MOST_INPUTS = 2_048
_LONGEST_INPUT = 1_000_000
_MOST_DOCUMENTS = 1_000
# A question in any language; longer single texts are taken for documents.
_QUERY_TOKENS = 96
_QUERY_WAITING = 256


class HashEngine:
    """The fake model behind ``--fake``: a token is a character."""

    def __init__(self, dimensions: int) -> None:
        self._embedder = HashEmbedder(dimensions)
        self.dimensions = dimensions

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``TokenEngine``."""
        return [[*map(ord, text[:2_000])] or [0] for text in texts]

    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        """See ``TokenEngine``."""
        texts = ["".join(map(chr, row)) for row in batch]
        return [array("f", vector) for vector in self._embedder.embed_passages(texts)]


@dataclass(frozen=True, slots=True)
class Names:
    """The names that the models answer to; an embedding model may have several."""

    embedding: tuple[str, ...]
    rerank: str = ""


class Rerank:
    """One reranker, loaded at the start in a thread, asked by one request after the other."""

    def __init__(self, load: Callable[[], Reranker] | None) -> None:
        self._load = load
        self._model: Reranker | None = None
        self._one_at_a_time = asyncio.Semaphore(1)
        self.waiting = 0

    def start(self) -> None:
        """Load in the background."""
        if self._load:
            threading.Thread(target=self._loaded, args=[self._load], daemon=True).start()

    def _loaded(self, load: Callable[[], Reranker]) -> None:
        self._model = load()

    async def score(self, query: str, texts: list[str]) -> list[float]:
        """Scores in the order of the texts. Raises EngineBusy."""
        if self._model is None or self.waiting >= 16:
            raise EngineBusy("the reranker is busy", retry_after=1.0)
        self.waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(self._model.score, query, texts)
        finally:
            self.waiting -= 1


class ModelHost:
    """The endpoints."""

    def __init__(self, names: Names, bulk: Lane, query: Lane, rerank: Rerank) -> None:
        self._names, self._bulk, self._query, self._rerank = names, bulk, query, rerank
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "model_request_seconds", "Time of a request", ["lane"], registry=self.registry
        )
        self._refused = Counter(
            "model_refused_total", "Requests not carried out", ["code"], registry=self.registry
        )
        for lane in (bulk, query):
            self._watch(lane)

    def _watch(self, lane: Lane) -> None:
        label = lane.name.replace(" ", "_")
        figures: dict[str, Callable[[], float]] = {
            "waiting_texts": lambda: lane.waiting,
            "batches": lambda: lane.batches,
            "tokens": lambda: lane.tokens,
        }
        for name, read in figures.items():
            gauge = Gauge(f"model_{label}_{name}", f"{name} of {lane.name}", registry=self.registry)
            gauge.set_function(read)

    async def embeddings(self, request: Request) -> Response:
        """OpenAI's ``/v1/embeddings``."""
        body = await hosting.read_json(request, limit=_LARGEST_BODY)
        self._check_model(body.get("model"), self._names.embedding)
        texts = _inputs(body.get("input"))
        is_base64 = _encoding(body) == "base64"
        rows = await asyncio.to_thread(self._bulk.engine.tokenize, texts)
        lane = self._lane(request, rows)
        with self._seconds.labels(lane.name).time():
            vectors = await asyncio.wrap_future(lane.submit(rows))
        data = [
            {"object": "embedding", "index": i, "embedding": _written(row, is_base64=is_base64)}
            for i, row in enumerate(vectors)
        ]
        tokens = sum(map(len, rows))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        answer = {"object": "list", "data": data, "model": self._names.embedding[0]}
        return JSONResponse(answer | {"usage": usage})

    def _lane(self, request: Request, rows: list[list[int]]) -> Lane:
        wanted = request.headers.get("x-lane", "")
        is_short = len(rows) == 1 and len(rows[0]) <= _QUERY_TOKENS
        is_question = wanted == "query" and len(rows) <= 4
        return self._query if is_question or (is_short and wanted != "bulk") else self._bulk

    async def rerank(self, request: Request) -> Response:
        """``/v1/rerank`` in Jina's shape."""
        body = await hosting.read_json(request, limit=_LARGEST_BODY)
        self._check_model(body.get("model"), (self._names.rerank,) if self._names.rerank else ())
        query, texts = _question(body), _documents(body.get("documents"))
        with self._seconds.labels("rerank").time():
            scores = await self._rerank.score(query, texts)
        best = sorted(range(len(texts)), key=lambda i: -scores[i])[: _top(body, len(texts))]
        with_text = body.get("return_documents", True) is not False
        results = [
            {"index": i, "relevance_score": scores[i]}
            | ({"document": {"text": texts[i]}} if with_text else {})
            for i in best
        ]
        usage = {"total_tokens": sum(map(len, texts)) // 3}
        return JSONResponse({"model": self._names.rerank, "results": results, "usage": usage})

    async def models(self, request: Request) -> Response:
        """The names to ask for."""
        del request
        names = [*self._names.embedding, *filter(None, [self._names.rerank])]
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in names
        ]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, request: Request) -> Response:
        """Whether both lanes have their model."""
        del request
        lanes = (self._bulk, self._query)
        if any(lane.problem for lane in lanes):
            return JSONResponse({"status": "down", "problems": ["MODEL_UNREADABLE"]}, 503)
        is_ready = all(lane.is_ready.is_set() for lane in lanes)
        waiting = sum(lane.waiting for lane in lanes)
        answer = {"status": "ok" if is_ready else "starting", "waiting": waiting}
        return JSONResponse(answer, 200 if is_ready else 503)

    def _check_model(self, name: object, known: tuple[str, ...]) -> None:
        if not isinstance(name, str) or name not in known:
            raise HTTPException(404, f"The model {str(name)[:100]!r} does not exist here.")

    async def refuse(self, request: Request, error: Exception) -> Response:
        """A failure in OpenAI's shape."""
        del request
        status, code, headers = _meaning(error)
        self._refused.labels(code).inc()
        message = error.detail if isinstance(error, HTTPException) else str(error)[:300]
        kind = "invalid_request_error" if status < 429 else "server_error"
        body = {"message": message, "type": kind, "param": None, "code": code}
        return JSONResponse({"error": body}, status, headers)


def _meaning(error: Exception) -> tuple[int, str, dict[str, str]]:
    match error:
        case HTTPException(status_code=404):
            return 404, "model_not_found", {}
        case HTTPException():
            return error.status_code, "invalid_value", {}
        case EngineBusy():
            return 429, "rate_limit_exceeded", {"Retry-After": f"{error.retry_after:.0f}"}
        case _:
            logger.error("a fault", exc_info=error)
            return 500, "internal_error", {}


def _inputs(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise HTTPException(400, "input must be a text or a list of texts.")
    if not texts or not all(texts):
        raise HTTPException(400, "input must not be empty.")
    if len(texts) > _MOST_INPUTS:
        raise HTTPException(400, f"input may hold {_MOST_INPUTS} texts at most.")
    # The model reads the beginning only; the tokenizer need not see a whole book.
    return [text[:_LONGEST_INPUT] for text in texts]


def _encoding(body: dict[str, Any]) -> str:
    encoding = body.get("encoding_format") or "float"
    if encoding not in {"float", "base64"}:
        raise HTTPException(400, "encoding_format must be float or base64.")
    return str(encoding)


def _written(row: Numbers, *, is_base64: bool) -> str | list[float]:
    return base64.b64encode(row.tobytes()).decode("ascii") if is_base64 else row.tolist()


def _question(body: dict[str, Any]) -> str:
    query = body.get("query")
    if not isinstance(query, str) or not query:
        raise HTTPException(400, "query must be a text.")
    return query[:_LONGEST_INPUT]


def _documents(value: object) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_DOCUMENTS:
        raise HTTPException(400, f"documents must be a list of 1 to {_MOST_DOCUMENTS} texts.")
    texts = [item.get("text") if isinstance(item, dict) else item for item in value]
    if not all(isinstance(text, str) for text in texts):
        raise HTTPException(400, "documents must be texts.")
    return [str(text)[:20_000] for text in texts]


def _top(body: dict[str, Any], count: int) -> int:
    top = body.get("top_n")
    if top is None:
        return count
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise HTTPException(400, "top_n must be a whole number above 0.")
    return top


def application(
    host: ModelHost, threads: Sequence[Lane], rerank: Rerank, token: str
) -> hosting.TokenGuard:
    """The ASGI application."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        for lane in threads:
            lane.start()
        rerank.start()
        yield
        for lane in threads:
            await asyncio.to_thread(lane.finish)

    routes = [
        Route("/v1/embeddings", host.embeddings, methods=["POST"]),
        Route("/v1/rerank", host.rerank, methods=["POST"]),
        Route("/v1/models", host.models),
        Route("/health", host.health),
        Route("/metrics", hosting.metrics_of(host.registry)),
    ]
    failures = dict.fromkeys((HTTPException, EngineError, Exception), host.refuse)
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=failures)
    return hosting.TokenGuard(app, token)


def build(chosen: argparse.Namespace, token: str) -> hosting.TokenGuard:
    """The application with the models that the arguments name."""
    bulk_tokens, load_bulk, load_query = _engines(chosen)
    bulk = Lane("bulk", load_bulk, batch_tokens=bulk_tokens, most_waiting=chosen.queue)
    query = Lane("query", load_query, batch_tokens=512, most_waiting=_QUERY_WAITING)
    names = Names((f"multilingual-{chosen.model}", chosen.model), _rerank_name(chosen))
    rerank = Rerank(_reranker(chosen))
    return application(ModelHost(names, bulk, query, rerank), (bulk, query), rerank, token)


_Load = Callable[[], TokenEngine]


def _engines(chosen: argparse.Namespace) -> tuple[int, _Load, _Load]:
    """Tokens per bulk batch, and how either lane loads its model."""
    if chosen.fake:
        engine = HashEngine(chosen.dimensions)
        return 2_048, lambda: engine, lambda: engine
    folder = chosen.models_dir / chosen.model
    if not (folder / "tokenizer.json").is_file():
        hosting.fail(
            f"The model {chosen.model} is not in {chosen.models_dir}. Fetch it with: "
            f"python -m apps.engines.catalogue.fetch --models-dir {chosen.models_dir} {chosen.model}"
        )
    if chosen.device == "cpu" and any(folder.glob("onnx/*.onnx")):
        from apps.engines.adapters.onnx_embedder import OnnxModel  # noqa: PLC0415 - heavy

        threads = chosen.threads
        return (
            2_048,
            lambda: OnnxModel(folder, threads=threads),
            lambda: OnnxModel(folder, threads=1),
        )
    from apps.engines.adapters.torch_embedder import TorchModel  # noqa: PLC0415 - heavy: torch

    model = TorchModel(folder, device=None if chosen.device == "auto" else chosen.device)
    return model.batch_tokens, lambda: model, lambda: model


def _rerank_name(chosen: argparse.Namespace) -> str:
    if chosen.reranker:
        return str(chosen.reranker.name)
    return "overlap" if chosen.fake else ""


def _reranker(chosen: argparse.Namespace) -> Callable[[], Reranker] | None:
    if chosen.fake:
        return OverlapReranker
    if not chosen.reranker:
        return None

    def load() -> Reranker:
        from apps.engines.adapters.cross_encoder import LocalReranker  # noqa: PLC0415 - heavy: torch

        return LocalReranker(
            chosen.reranker, device=None if chosen.device == "auto" else chosen.device
        )

    return load


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = hosting.arguments("The model host of Footnote.", port=8011)
    parser.add_argument("--models-dir", type=Path, default=Path(), help="folder of fetched models")
    parser.add_argument("--model", default="e5-small", help="embedding model in that folder")
    parser.add_argument("--reranker", type=Path, help="folder of a sentence-transformers reranker")
    parser.add_argument("--threads", type=int, default=2, help="threads of the bulk lane")
    parser.add_argument("--queue", type=int, default=2_048, help="texts that may wait")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--fake", action="store_true", help="hash vectors instead of a model")
    parser.add_argument("--dimensions", type=int, default=384, help="length of the hash vectors")
    chosen = parser.parse_args(argv)
    lines.begin(chosen.log_level, chosen.log_format)
    hosting.serve(build(chosen, hosting.token_of(chosen)), chosen)


if __name__ == "__main__":
    main()
