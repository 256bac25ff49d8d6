"""The index host: the one process that writes to the LanceDB folder, and answers searches in it.

    python -m workers.index_host --folder DIR --port 8012

Callers bring the token; ``apps.engines.adapters.remote_index`` is the other side.
"""

import argparse
import asyncio
import base64
import binascii
import contextlib
import fcntl
import logging
import threading
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.core import lines
from apps.engines.adapters.index_values import profile_name
from apps.engines.adapters.lancedb_index import LanceIndex
from apps.rag.ports import (
    EmbeddedChunk,
    EmbeddedVersion,
    EngineBusy,
    EngineError,
    EngineRejected,
    Hit,
    Reach,
)
from workers import heap, hosting
from workers.group_writer import GroupWriter

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LARGEST_BODY = 512 * 1024 * 1024
_READERS = 8


class Tables:
    """The tables of a folder, one per profile, each with its writer."""

    def __init__(self, folder: Path, *, cache_mb: int) -> None:
        self._folder, self._cache_mb = folder, cache_mb
        self._lock = threading.Lock()
        self._open: dict[str, tuple[LanceIndex, GroupWriter]] = {}

    def names(self) -> list[str]:
        """Profiles that have a table on the disk or are open."""
        on_disk = {path.stem for path in self._folder.glob("*.lance")}
        return sorted(on_disk | set(self._open))

    def get(self, profile: str, dimensions: int | None = None) -> tuple[LanceIndex, GroupWriter]:
        """The table of a profile. Raises EngineError."""
        with self._lock:
            known = self._open.get(profile_name(profile))
            if known is None:
                table = LanceIndex(
                    self._folder, profile=profile, dimensions=dimensions, cache_mb=self._cache_mb
                )
                known = (table, GroupWriter(table, name=profile))
                known[1].start()
                self._open[profile] = known
        known[0].expect(dimensions)
        return known

    def writers(self) -> list[GroupWriter]:
        """Every running writer."""
        return [writer for _, writer in self._open.values()]

    def problems(self) -> dict[str, str]:
        """Profiles whose table cannot be read, with a code."""
        found = {}
        for name in self.names():
            try:
                self.get(name)[0].check()
            except EngineError as error:
                logger.warning("profile %s: %s", name, error)
                found[name] = error.code
        return found


class IndexHost:
    """The endpoints. Writes go to the table's writer, reads to a few threads beside it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "index_request_seconds", "Time of a request", ["call"], registry=self.registry
        )
        self._refused = Counter(
            "index_refused_total", "Requests not carried out", ["code"], registry=self.registry
        )
        self._rows = Counter("index_rows_written_total", "Rows committed", registry=self.registry)
        waiting = Gauge("index_rows_waiting", "Rows not committed yet", registry=self.registry)
        waiting.set_function(lambda: sum(w.waiting_rows for w in tables.writers()))
        commits = Gauge("index_commits", "Commits since the start", registry=self.registry)
        commits.set_function(lambda: sum(w.commits for w in tables.writers()))

    async def add(self, request: Request) -> Response:
        """Versions with their rows: committed and counted when this answers."""
        body = await hosting.read_json(request, limit=_LARGEST_BODY)
        dimensions = _whole(body, "dimensions", most=16_384)
        versions = await self._read(lambda: _versions(body, dimensions))
        _, writer = await self._table(request, dimensions)
        await asyncio.wrap_future(writer.write({v.version_id: v for v in versions}))
        rows = sum(len(version.chunks) for version in versions)
        self._rows.inc(rows)
        return JSONResponse({"rows": rows})

    async def drop(self, request: Request) -> Response:
        """Whole versions go."""
        ids = _ids(await hosting.read_json(request, limit=_LARGEST_BODY), "version_ids")
        _, writer = await self._table(request)
        await asyncio.wrap_future(writer.write(dict.fromkeys(ids)))
        return JSONResponse({})

    async def count(self, request: Request) -> Response:
        """Rows per version."""
        ids = _ids(await hosting.read_json(request, limit=_LARGEST_BODY), "version_ids")
        table, _ = await self._table(request)
        return JSONResponse({"counts": await self._read(lambda: table.counts(ids))})

    async def embedded(self, request: Request) -> Response:
        """The rows of one version with their vectors."""
        body = await hosting.read_json(request, limit=1_000)
        (name,) = _ids({"ids": [body.get("version_id")]}, "ids")
        table, _ = await self._table(request)
        return JSONResponse(await self._read(lambda: _packed(table.embedded(name))))

    async def search(self, request: Request) -> Response:
        """Both sides, beside each other."""
        body = await hosting.read_json(request, limit=8 * 1024 * 1024)
        table, _ = await self._table(request, body.get("dimensions"))
        reach = Reach(frozenset(_ids(body, "collection_ids")))
        limit = _whole(body, "limit", most=1_000)
        vector, text = _vector(body.get("vector")), body.get("text")
        if not isinstance(text, str | None):
            raise HTTPException(400, "The text is no text.")
        dense, keyword = await asyncio.gather(
            self._read(lambda: table.by_vector(vector, reach, limit=limit) if vector else []),
            self._read(lambda: table.by_words(text, reach, limit=limit) if text else []),
        )
        return JSONResponse({"dense": _rows(dense), "keyword": _rows(keyword)})

    async def optimize(self, request: Request) -> Response:
        """Compact now; with ``purge`` nothing deleted stays on the disk."""
        body = await hosting.read_json(request, limit=1_000)
        _, writer = await self._table(request)
        await asyncio.wrap_future(writer.upkeep(purge=body.get("purge") is True))
        return JSONResponse({})

    async def versions(self, request: Request) -> Response:
        """Every version with its rows, for comparing with SQL."""
        table, _ = await self._table(request)
        return JSONResponse({"versions": await self._read(table.versions)})

    async def stats(self, request: Request) -> Response:
        """Size and state of the table."""
        table, writer = await self._table(request)
        found = asdict(await self._read(table.stats))
        return JSONResponse(found | {"waiting_rows": writer.waiting_rows})

    async def drop_all(self, request: Request) -> Response:
        """The whole profile goes."""
        _, writer = await self._table(request)
        await asyncio.wrap_future(writer.drop_all())
        return JSONResponse({})

    async def health(self, request: Request) -> Response:
        """Whether every table can be read."""
        del request
        problems = await self._read(self._tables.problems)
        status = "degraded" if problems else "ok"
        codes = sorted(set(problems.values()))
        return JSONResponse(
            {"status": status, "profiles": len(self._tables.names()), "problems": codes}
        )

    def finish(self) -> None:
        """Commit what was taken in, then end the threads."""
        for writer in self._tables.writers():
            writer.finish()
        self._readers.shutdown()

    async def refuse(self, request: Request, error: Exception) -> Response:
        """A failure, with the code and status that the other side knows."""
        del request
        status, code, headers = _meaning(error)
        self._refused.labels(code).inc()
        message = error.detail if isinstance(error, HTTPException) else str(error)[:500]
        return JSONResponse({"error": {"code": code, "message": message}}, status, headers)

    async def _table(
        self, request: Request, dimensions: int | None = None
    ) -> tuple[LanceIndex, GroupWriter]:
        profile = request.path_params["profile"]
        return await self._read(lambda: self._tables.get(profile, dimensions))

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def timed(self, call: str, endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """The endpoint, with its time measured."""

        async def measured(request: Request) -> Response:
            with self._seconds.labels(call).time():
                response: Response = await endpoint(request)
            return response

        return measured


def _meaning(error: Exception) -> tuple[int, str, dict[str, str]]:
    match error:
        case HTTPException():
            return error.status_code, "BAD_REQUEST", {}
        case EngineBusy():
            return 503, error.code, {"Retry-After": f"{error.retry_after:g}"}
        case EngineRejected():
            return 422, error.code, {}
        case EngineError():
            return 500, error.code, {}
        case _:
            logger.error("a fault", exc_info=error)
            return 500, "FAULT", {}


def _whole(body: dict[str, Any], name: str, *, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise HTTPException(400, f"{name} must be a whole number from 1 to {most}.")
    return value


def _ids(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise HTTPException(400, f"{name} must be a list of ids.")
    return value


def _vector(value: object) -> Sequence[float] | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise HTTPException(400, "A vector is base64 of 32-bit floats.")
    try:
        return array("f", base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError) as error:
        raise HTTPException(400, "A vector is base64 of 32-bit floats.") from error


def _versions(body: dict[str, Any], dimensions: int) -> list[EmbeddedVersion]:
    try:
        return [_version(item, dimensions) for item in body["versions"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HTTPException(400, "The versions have another shape.") from error


def _version(item: dict[str, Any], dimensions: int) -> EmbeddedVersion:
    numbers = _vector(item["vectors"]) or array("f")
    if any(size != dimensions for size in item["sizes"]):
        raise EngineRejected(f"a vector does not have {dimensions} numbers")
    if len(numbers) != dimensions * len(item["chunks"]):
        raise EngineRejected(f"{len(numbers)} numbers for {len(item['chunks'])} chunks")
    chunks = [
        EmbeddedChunk(str(chunk_id), str(document_id), str(text), numbers[at : at + dimensions])
        for at, (chunk_id, document_id, text) in zip(
            range(0, len(numbers), dimensions), item["chunks"], strict=True
        )
    ]
    return EmbeddedVersion(str(item["version_id"]), str(item["collection_id"]), chunks)


def _packed(chunks: Sequence[EmbeddedChunk]) -> dict[str, Any]:
    numbers = array("f", [value for chunk in chunks for value in chunk.vector])
    return {
        "chunks": [(chunk.id, chunk.document_id, chunk.text) for chunk in chunks],
        "vectors": base64.b64encode(numbers.tobytes()).decode("ascii"),
    }


def _rows(hits: Sequence[Hit]) -> list[tuple[str, str, float, bool | None]]:
    return [(hit.chunk_id, hit.version_id, hit.score, hit.is_cjk) for hit in hits]


def application(folder: Path, token: str, *, cache_mb: int = 512) -> hosting.TokenGuard:
    """The ASGI application over one folder."""
    host = IndexHost(Tables(folder, cache_mb=cache_mb))

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        await asyncio.to_thread(host.finish)

    calls: dict[str, tuple[str, Callable[[Request], Any]]] = {
        "add": ("POST", host.add),
        "drop": ("POST", host.drop),
        "count": ("POST", host.count),
        "embedded": ("POST", host.embedded),
        "search": ("POST", host.search),
        "optimize": ("POST", host.optimize),
        "versions": ("GET", host.versions),
        "stats": ("GET", host.stats),
    }
    routes = [
        Route(f"/v1/{{profile}}/{name}", host.timed(name, endpoint), methods=[method])
        for name, (method, endpoint) in calls.items()
    ]
    routes += [
        Route("/v1/{profile}", host.timed("drop_all", host.drop_all), methods=["DELETE"]),
        Route("/health", host.health),
        Route("/metrics", hosting.metrics_of(host.registry)),
    ]
    failures = dict.fromkeys((HTTPException, EngineError, Exception), host.refuse)
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=failures)
    return hosting.TokenGuard(app, token)


def owned(folder: Path) -> IO[str]:
    """Lock the folder for this process. The lock lives as long as the returned file is open."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / ".owner").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        hosting.fail(
            f"Another index host works in {folder}. Stop it first; only one may write there."
        )
    return lock


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = hosting.arguments("The index host of Footnote.", port=8012)
    parser.add_argument("--folder", type=Path, required=True, help="folder of the LanceDB tables")
    parser.add_argument("--cache-mb", type=int, default=512, help="memory for parts of the tables")
    chosen: argparse.Namespace = parser.parse_args(argv)
    heap.use_few_arenas()
    lines.begin(chosen.log_level, chosen.log_format)
    token = hosting.token_of(chosen)
    if not token:
        hosting.fail("The index host needs a token: set FOOTNOTE_TOKEN or give --token-file.")
    with owned(chosen.folder):
        hosting.serve(application(chosen.folder, token, cache_mb=chosen.cache_mb), chosen)


if __name__ == "__main__":
    main()
