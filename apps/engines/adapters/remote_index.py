"""The index host, from the side of web and worker processes."""

import base64
import json
from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import httpx

from apps.engines.adapters import http
from apps.engines.adapters.index_values import IndexStats, profile_name
from apps.rag.ports import (
    EmbeddedChunk,
    EmbeddedVersion,
    EngineRejected,
    EngineUnavailable,
    Hit,
    Reach,
)

# Requests stay near this many characters of text and numbers; one version is never cut in two.
_REQUEST_SIZE = 8_000_000


class RemoteIndex:
    """See ``IndexStore``. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str,
        profile: str = "default",
        dimensions: int = 384,
        read_s: float = 30.0,
    ) -> None:
        self._root = base_url.rstrip("/")
        self._address = f"{self._root}/v1/{profile_name(profile)}"
        self._dimensions = dimensions
        timeout = httpx.Timeout(read_s, connect=3.0, write=60.0)
        self._client = http.client(self._root, token=token, timeout=timeout)
        # Writes wait for a commit and upkeep for a whole table.
        self._slow = httpx.Timeout(max(read_s, 120.0), connect=3.0)
        self._upkeep = httpx.Timeout(600.0, connect=3.0)

    def add(self, versions: Sequence[EmbeddedVersion]) -> None:
        """See ``apps.rag.ports.Index``."""
        for group in _groups(versions, self._dimensions):
            body = {"dimensions": self._dimensions, "versions": [_packed(v) for v in group]}
            self._post("add", body, timeout=self._slow)

    def drop(self, version_ids: Collection[str]) -> None:
        """See ``apps.rag.ports.Index``."""
        if version_ids:
            self._post("drop", {"version_ids": sorted(version_ids)}, timeout=self._slow)

    def count(self, version_id: str) -> int:
        """See ``apps.rag.ports.Index``."""
        return self.counts([version_id])[version_id]

    def counts(self, version_ids: Collection[str]) -> dict[str, int]:
        """See ``IndexStore``."""
        answer = self._post("count", {"version_ids": sorted(version_ids)})
        return {name: int(answer["counts"].get(name, 0)) for name in version_ids}

    def versions(self) -> dict[str, int]:
        """See ``IndexStore``."""
        return {str(name): int(rows) for name, rows in self._get("versions")["versions"].items()}

    def embedded(self, version_id: str) -> list[EmbeddedChunk]:
        """See ``IndexStore``."""
        found = self._post("embedded", {"version_id": version_id}, timeout=self._slow)
        numbers = array("f", base64.b64decode(found["vectors"]))
        size = len(numbers) // max(len(found["chunks"]), 1)
        return [
            EmbeddedChunk(chunk, document, text, numbers[at * size : (at + 1) * size])
            for at, (chunk, document, text) in enumerate(found["chunks"])
        ]

    def stats(self) -> IndexStats:
        """See ``IndexStore``."""
        found = self._get("stats")
        return IndexStats(
            rows=int(found["rows"]),
            versions=int(found["versions"]),
            unindexed=int(found["unindexed"]),
            has_vector_index=bool(found["has_vector_index"]),
        )

    def optimize(self, *, purge: bool = False) -> None:
        """See ``IndexStore``."""
        self._post("optimize", {"purge": purge}, timeout=self._upkeep)

    def drop_all(self) -> None:
        """See ``IndexStore``."""
        self._send("DELETE", self._address, timeout=self._slow)

    def health(self) -> dict[str, Any]:
        """What the host says of itself. Raises EngineError when it is down."""
        return self._send("GET", f"{self._root}/health", timeout=httpx.Timeout(3.0))

    def by_vector(self, vector: Sequence[float], reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        return self.search_both(vector, None, reach, limit=limit)[0]

    def by_words(self, text: str, reach: Reach, *, limit: int) -> list[Hit]:
        """See ``apps.rag.ports.Index``."""
        return self.search_both(None, text, reach, limit=limit)[1]

    def search_both(
        self, vector: Sequence[float] | None, text: str | None, reach: Reach, *, limit: int
    ) -> tuple[list[Hit], list[Hit]]:
        """See ``IndexStore``."""
        if not reach.collection_ids or limit < 1:
            return [], []
        body = {
            "dimensions": self._dimensions,
            "collection_ids": sorted(reach.collection_ids),
            "vector": None if vector is None else _numbers(vector),
            "text": None if text is None else text[:10_000],
            "limit": limit,
        }
        answer = self._post("search", body)
        return _hits(answer["dense"]), _hits(answer["keyword"])

    def close(self) -> None:
        """Close the pooled connections."""
        self._client.close()

    def _get(self, name: str) -> dict[str, Any]:
        return self._send("GET", f"{self._address}/{name}")

    def _post(
        self, name: str, body: dict[str, Any], *, timeout: httpx.Timeout | None = None
    ) -> dict[str, Any]:
        return self._send("POST", f"{self._address}/{name}", body, timeout=timeout)

    def _send(
        self,
        method: str,
        url: str,
        body: dict[str, Any] | None = None,
        *,
        timeout: httpx.Timeout | None = None,
    ) -> dict[str, Any]:
        with http.failures("index"):
            response = self._client.request(
                method,
                url,
                timeout=timeout or self._client.timeout,
                **({} if body is None else http.body(body)),
            )
        http.check_status("index", response, response.content)
        try:
            answer: dict[str, Any] = json.loads(response.content)
        except ValueError as error:
            raise EngineUnavailable("index: no JSON") from error
        return answer


def _groups(
    versions: Sequence[EmbeddedVersion], dimensions: int
) -> Iterator[list[EmbeddedVersion]]:
    group: list[EmbeddedVersion] = []
    size = 0
    for version in versions:
        weight = sum(6 * dimensions + len(chunk.text) for chunk in version.chunks)
        if group and size + weight > _REQUEST_SIZE:
            yield group
            group, size = [], 0
        group.append(version)
        size += weight
    if group:
        yield group


def _packed(version: EmbeddedVersion) -> dict[str, Any]:
    return {
        "version_id": version.version_id,
        "collection_id": version.collection_id,
        "chunks": [[chunk.id, chunk.document_id, chunk.text] for chunk in version.chunks],
        "sizes": [len(chunk.vector) for chunk in version.chunks],
        "vectors": _numbers([x for chunk in version.chunks for x in chunk.vector]),
    }


def _numbers(values: Sequence[float]) -> str:
    """Little-endian 32-bit floats as base64: a third of the size of digits, and exact."""
    try:
        return base64.b64encode(array("f", values).tobytes()).decode("ascii")
    except (TypeError, OverflowError) as error:
        raise EngineRejected("no vector of numbers") from error


def _hits(rows: list[list[Any]]) -> list[Hit]:
    return [
        Hit(str(chunk), str(version), float(score), is_cjk)
        for chunk, version, score, is_cjk in rows
    ]
