"""Any server that speaks OpenAI's dialect: vLLM, Xinference, TEI, and this product's own hosts."""

import asyncio
import base64
import binascii
import copy
import json
import math
import random
import time
from array import array
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from apps.engines.adapters import chat_messages, http, sse
from apps.engines.adapters.thinking import ThinkingSplitter
from apps.rag.evidence import odds_of
from apps.rag.ports import (
    Delta,
    EngineBusy,
    EngineRejected,
    EngineUnavailable,
    Generator,
    Tuning,
    Turn,
)

_LARGEST_BATCH_CHARS = 60_000
_QUERY_PATIENCE_S = 8.0
# Tokens whose probability is asked for.
_LIKELY = 12


class OpenAIGenerator:
    """Streams answers from ``/chat/completions``. Leaving the stream makes the server abort."""

    def __init__(  # noqa: PLR0913 - the values of one server, by keyword
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        temperature: float = 0.1,
        connect_s: float = 5.0,
        first_token_s: float = 180.0,
        read_s: float = 60.0,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self._address = http.base_address(base_url)
        self._settings = {"model": model, "temperature": temperature, **(extra or {})}
        self._tools: dict[str, Any] = {}
        self._token = api_key
        self._first_token_s, self._read_s = first_token_s, read_s
        self._timeout = httpx.Timeout(first_token_s, connect=connect_s, write=30.0, pool=5.0)
        # A client lives on one loop: jobs that open a loop of their own get another client.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def tuned(self, tuning: Tuning) -> Generator:
        """See ``apps.rag.ports.TunableGenerator``. Shares the connections of this one."""
        wishes = {
            "temperature": tuning.temperature,
            "top_p": tuning.top_p,
            "stop": list(tuning.stop) or None,
        }
        other = copy.copy(self)
        vars(other)["_settings"] = {
            **self._settings,
            **{name: value for name, value in wishes.items() if value is not None},
        }
        # Apart from the settings: a yes or no is asked for without them.
        vars(other)["_tools"] = chat_messages.tools_of(tuning)
        return other

    async def stream(
        self, turns: Sequence[Turn], *, max_tokens: int
    ) -> AsyncGenerator[Delta, None]:
        """See ``apps.rag.ports.Generator``."""
        reader, splitter = sse.StreamReader(), ThinkingSplitter()
        with http.failures("chat"):
            async with self._opened(turns, max_tokens) as pieces:
                async for payload in sse.data_lines(pieces):
                    for delta in reader.read(payload):
                        if delta.call and not self._tools:
                            continue  # a tool that nobody offered
                        for part in splitter.split(delta):
                            yield part
                    if reader.is_done:
                        await sse.drain(pieces)
                        break
        for part in splitter.rest():
            yield part
        yield reader.end()

    async def odds(
        self, turns: Sequence[Turn], *, yes: Collection[str], no: Collection[str]
    ) -> float:
        """See ``apps.rag.ports.Judge``. EngineRejected where a server tells no probabilities."""
        body = {
            **self._settings,
            "messages": chat_messages.messages(turns),
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": _LIKELY,
        }
        with http.failures("chat"):
            response = await self._client().post(
                f"{self._address}/chat/completions", **http.body(body)
            )
        http.check_status("chat", response, response.content)
        try:
            first = json.loads(response.content)["choices"][0]["logprobs"]["content"][0]
            likely = {str(each["token"]): float(each["logprob"]) for each in first["top_logprobs"]}
        except (ValueError, LookupError, TypeError) as error:
            raise EngineRejected("chat: no log probabilities") from error
        return odds_of(likely, yes, no)

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def _opened(
        self, turns: Sequence[Turn], max_tokens: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        body = {
            **self._settings,
            "messages": chat_messages.messages(turns),
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._tools,
        }
        url = f"{self._address}/chat/completions"
        async with self._client().stream("POST", url, **http.body(body)) as response:
            if not response.is_success:
                http.check_status("chat", response, await response.aread())
            pieces = sse.within(
                response.aiter_bytes(), first_s=self._first_token_s, then_s=self._read_s
            )
            async with aclosing(pieces):  # type: ignore[type-var]
                yield pieces

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None or client.is_closed:
            client = http.async_client(self._address, token=self._token, timeout=self._timeout)
            self._clients[loop] = client
        return client


class _Endpoint:
    """POST of JSON to one server, with patience for a busy one."""

    def __init__(self, base_url: str, *, api_key: str, read_s: float, engine: str) -> None:
        self._engine = engine
        self._address = http.base_address(base_url)
        self._read_s = read_s
        timeout = httpx.Timeout(read_s, connect=5.0)
        self._client = http.client(self._address, token=api_key, timeout=timeout)

    def post(
        self, path: str, body: Mapping[str, Any], *, patience_s: float, lane: str = "bulk"
    ) -> dict[str, Any]:
        """The answer as an object. Raises EngineError; a busy server is asked again for a while.
        In the query lane a person waits: a silent server is given up after the same time."""
        read_s = min(self._read_s, patience_s) if lane == "query" else self._read_s
        ask = partial(self._once, path, body, {"X-Lane": lane}, read_s)
        deadline = time.monotonic() + patience_s
        for pause in _growing_pauses():
            try:
                return ask()
            except EngineBusy as busy:
                wait = max(pause, busy.retry_after)
                if time.monotonic() + wait > deadline:
                    raise
                time.sleep(wait)
        raise AssertionError  # the pauses never end

    def close(self) -> None:
        """Close the pooled connections."""
        self._client.close()

    def _once(
        self, path: str, body: Mapping[str, Any], headers: dict[str, str], read_s: float
    ) -> dict[str, Any]:
        timeout = httpx.Timeout(read_s, connect=5.0)
        with http.failures(self._engine):
            request = http.body(body)
            request["headers"] |= headers
            response = self._client.post(self._address + path, timeout=timeout, **request)
        http.check_status(self._engine, response, response.content)
        try:
            answer = json.loads(response.content)
        except ValueError as error:
            raise EngineUnavailable(f"{self._engine}: no JSON") from error
        if not isinstance(answer, dict):
            raise EngineUnavailable(f"{self._engine}: no object")
        return answer


def _growing_pauses() -> Iterator[float]:
    pause = 0.25
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, keeps no secret
        pause = min(pause * 2, 5.0)


class RemoteEmbedder:
    """Embeds through ``/embeddings``, in batches, putting the model's prefixes in front."""

    def __init__(  # noqa: PLR0913 - the values of one server, by keyword
        self,
        base_url: str,
        *,
        model: str,
        dimensions: int,
        api_key: str = "",
        query_prefix: str = "",
        passage_prefix: str = "",
        batch_size: int = 64,
        read_s: float = 120.0,
        patience_s: float = 60.0,
    ) -> None:
        self._endpoint = _Endpoint(base_url, api_key=api_key, read_s=read_s, engine="embeddings")
        self._model, self._dimensions = model, dimensions
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix
        self._batch_size, self._patience_s = batch_size, patience_s

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``apps.rag.ports.Embedder``."""
        prefixed = [self._passage_prefix + text for text in texts]
        vectors: list[list[float]] = []
        for batch in _batches(prefixed, self._batch_size):
            vectors += self._embed(batch, patience_s=self._patience_s, lane="bulk")
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """See ``apps.rag.ports.Embedder``. Gives up sooner than a batch: a person waits."""
        patience_s = min(self._patience_s, _QUERY_PATIENCE_S)
        return self._embed([self._query_prefix + text], patience_s=patience_s, lane="query")[0]

    def close(self) -> None:
        """Close the pooled connections."""
        self._endpoint.close()

    def _embed(self, texts: list[str], *, patience_s: float, lane: str) -> list[list[float]]:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        answer = self._endpoint.post("/embeddings", body, patience_s=patience_s, lane=lane)
        rows = _in_order(answer.get("data"), len(texts), "embeddings")
        return [self._vector(row.get("embedding")) for row in rows]

    def _vector(self, value: object) -> list[float]:
        try:
            vector = _decoded(value) if isinstance(value, str) else list(map(float, value))  # type: ignore[call-overload]
        except (TypeError, ValueError, binascii.Error) as error:
            raise EngineUnavailable("embeddings: no vector") from error
        if len(vector) != self._dimensions:
            raise EngineRejected(f"embeddings: {len(vector)} numbers, not {self._dimensions}")
        length = math.sqrt(sum(x * x for x in vector))
        if not 0 < length < math.inf:
            raise EngineUnavailable("embeddings: a vector without direction")
        return [x / length for x in vector]


def _decoded(text: str) -> list[float]:
    return array("f", base64.b64decode(text, validate=True)).tolist()


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    """Batches bounded by count and by characters: servers limit the body."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == size or chars + len(text) > _LARGEST_BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch


def _in_order(rows: object, count: int, engine: str) -> list[dict[str, Any]]:
    """Rows by their ``index``. Servers may answer in another order; each index must be there once."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise EngineUnavailable(f"{engine}: an answer of another shape")
    by_index = {row.get("index", place): row for place, row in enumerate(rows)}
    if len(rows) != count or set(by_index) != set(range(count)):
        raise EngineUnavailable(f"{engine}: {len(rows)} results for {count} texts")
    return [by_index[place] for place in range(count)]


class RemoteReranker:
    """Scores through ``/rerank`` in Jina's shape."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        read_s: float = 60.0,
        patience_s: float = 5.0,
    ) -> None:
        self._endpoint = _Endpoint(base_url, api_key=api_key, read_s=read_s, engine="rerank")
        self._model, self._patience_s = model, patience_s

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """See ``apps.rag.ports.Reranker``."""
        if not passages:
            return []
        body = {
            "model": self._model,
            "query": query,
            "documents": list(passages),
            "top_n": len(passages),
            "return_documents": False,
        }
        answer = self._endpoint.post("/rerank", body, patience_s=self._patience_s)
        rows = _in_order(answer.get("results"), len(passages), "rerank")
        try:
            return [float(row["relevance_score"]) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable("rerank: no score") from error

    def close(self) -> None:
        """Close the pooled connections."""
        self._endpoint.close()
