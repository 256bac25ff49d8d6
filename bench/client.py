"""A user of the public API: what every measurement goes through."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

BATCH = 40
TRIES = 7
MANY = 200
_KEY_VARIABLE = "FOOTNOTE_KEY"


class Client:
    """One signed-in program. Writes carry on through a busy moment; anything else is raised."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(600, connect=10),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.http.close()

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = self.http.request(method, path, **kwargs)
        for _again in range(TRIES):
            if response.status_code not in {429, 503}:
                break
            time.sleep(float(response.headers.get("Retry-After", 1)))
            response = self.http.request(method, path, **kwargs)
        if response.is_error:
            msg = f"{method} {path}: {response.status_code} {response.text[:500]}"
            raise SystemExit(msg)
        return response.json() if response.content else None

    def workspace(self, name: str, **fields: Any) -> dict[str, Any]:
        """A fresh workspace of this name."""
        made: dict[str, Any] = self.call("POST", "workspaces", json={"name": name, **fields})
        return made

    def collection(self, workspace: Mapping[str, Any], name: str) -> str:
        path = f"workspaces/{workspace['slug']}/collections"
        return str(self.call("POST", path, json={"name": name})["id"])

    def upload_texts(self, collection: str, documents: Mapping[str, str]) -> dict[str, str]:
        """Each text as a file of its own; id of the document → name."""
        files = {f"{name}.txt": text.encode() for name, text in documents.items()}
        ids = self.upload_files(collection, files)
        return {each: name.removesuffix(".txt") for each, name in ids.items()}

    def upload_files(self, collection: str, contents: Mapping[str, bytes]) -> dict[str, str]:
        """Many files, some of them with each request; id of the document → name of the file."""
        names = list(contents)
        ids: dict[str, str] = {}
        for start in range(0, len(names), BATCH):
            files = [
                ("file", (name, contents[name], "application/octet-stream"))
                for name in names[start : start + BATCH]
            ]
            taken = self.call("POST", f"collections/{collection}/documents", files=files)
            _no_refusal(taken["refused"])
            ids |= {each["id"]: each["name"] for each in taken["documents"]}
        return ids

    def upload_file(self, collection: str, name: str, content: bytes) -> dict[str, Any]:
        files = [("file", (name, content, "application/octet-stream"))]
        taken = self.call("POST", f"collections/{collection}/documents", files=files)
        added: dict[str, Any] = taken["documents"][0]
        return added

    def wait(self, collection: str, *, every_s: float = 2.0) -> None:
        """Until every document of the collection is searchable. Ends the program if one failed."""
        said, began = 0, time.perf_counter()
        while left := self._waiting(collection):
            if left != said:
                note(f"  {left} documents are being read")
            said = left
            # Asking is work too: of what takes long, the end need not be known to the moment.
            time.sleep(max(every_s, (time.perf_counter() - began) / 50))

    def _waiting(self, collection: str) -> int:
        counts = self.call("GET", f"collections/{collection}/balance")
        if counts["failed"]:
            path = f"collections/{collection}/documents"
            failed = self.call("GET", path, params={"state": "failed", "limit": 5})["items"]
            _no_refusal([{"name": each["name"], "error": each["error"]} for each in failed])
        return int(counts["waiting"])

    def items(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        found = self.call("GET", path, params={"limit": MANY, **params})
        yield from found["items"]
        while found["next"]:
            found = self.call("GET", found["next"].removeprefix("/api/v1/"))
            yield from found["items"]

    def search(self, query: str, *, collections: list[str], limit: int) -> list[dict[str, Any]]:
        body = {"query": query, "collections": collections, "limit": limit}
        hits: list[dict[str, Any]] = self.call("POST", "search", json=body)["hits"]
        return hits

    @contextmanager
    def asked(self, message: str, **where: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """The frames of an answer as they come."""
        body = {"message": message, "stream": True, **where}
        with self.http.stream("POST", "chat", json=body) as response:
            if response.is_error:
                response.read()
                msg = f"POST chat: {response.status_code} {response.text[:500]}"
                raise SystemExit(msg)
            yield _frames(response.iter_lines())

    def remove(self, workspace: Mapping[str, Any]) -> None:
        self.call("DELETE", f"workspaces/{workspace['slug']}")


def _frames(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _no_refusal(refused: list[dict[str, Any]]) -> None:
    if refused:
        msg = f"refused or failed: {refused[:3]}"
        raise SystemExit(msg)


def note(text: str) -> None:
    """For whoever watches; figures alone go to stdout."""
    print(text, file=sys.stderr, flush=True)


def figure(bench: str, name: str, value: float, **details: Any) -> None:
    """One line of the result."""
    line = {"bench": bench, "figure": name, "value": round(value, 4), **details}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def arguments(about: str) -> argparse.ArgumentParser:
    """What every measurement takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the instance under test")
    parser.add_argument(
        "--key",
        default=os.environ.get(_KEY_VARIABLE, ""),
        help=f"API key of an administrator (manage.py create_api_key); or {_KEY_VARIABLE}",
    )
    parser.add_argument("--keep", action="store_true", help="leave the documents where they are")
    return parser


@contextmanager
def room(client: Client, name: str, *, keep: bool, **fields: Any) -> Iterator[dict[str, Any]]:
    """A workspace of its own for one measurement, removed at the end."""
    workspace = client.workspace(name, **fields)
    try:
        yield workspace
    finally:
        if not keep:
            client.remove(workspace)
