"""A wiki that answers as Confluence does, in both editions: pages of answers, versions, links."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.apps.sources.served import Asked, Reply, Served

AT_ONCE = 2


@dataclass
class Wiki:
    """Pages by id: title, stored HTML, version, names and texts of attachments."""

    site: Served
    context: str = ""
    token: str = "Bearer geheim"
    pages: dict[int, dict[str, Any]] = field(default_factory=dict)

    def page(self, pk: int, title: str, body: str, *, version: int = 1, **files: str) -> None:
        named = {name.replace("_", "."): text for name, text in files.items()}
        self.pages[pk] = {"title": title, "body": body, "version": version, "files": named}

    def __call__(self, asked: Asked) -> Reply | None:
        parts = urlsplit(asked.path)
        path = parts.path.removeprefix(self.context)
        query = {name: each[0] for name, each in parse_qs(parts.query).items()}
        if asked.headers.get("authorization") != self.token:
            return 401, {}, b"who?"
        said = self._said(path, query)
        if isinstance(said, bytes):
            return 200, {}, said
        if said is None:
            return 404, {}, b"{}"
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def _said(self, path: str, query: dict[str, str]) -> Any:  # noqa: PLR0911 - one an address
        match path.strip("/").split("/"):
            case ["rest", "api", "space"]:
                return {"results": [{"key": "HR", "id": 7}]}
            case ["api", "v2", "spaces"]:
                return {"results": [{"key": "HR", "id": "7"}]}
            case ["rest", "api", "content"]:
                return self._paged(f"{path}?spaceKey=HR", query, self._of_server)
            case ["api", "v2", "spaces", "7", "pages"]:
                return self._paged(f"{self.context}{path}?limit=2", query, self._of_cloud)
            case ["api", "v2", "pages", pk, "attachments"]:
                files = self._files(int(pk))
                return {
                    "results": [
                        {**each, "downloadLink": each["_links"]["download"]} for each in files
                    ]
                }
            case ["rest", "api", "content", pk] | ["api", "v2", "pages", pk]:
                found = self.pages[int(pk)]
                body = {"storage": {"value": found["body"]}}
                return {"title": found["title"], "body": body}
            case ["download", pk, name]:
                return self.pages[int(pk)]["files"][name].encode()
        return None

    def _paged(self, address: str, query: dict[str, str], shown: Any) -> dict[str, Any]:
        start = int(query.get("start", 0))
        ids = sorted(self.pages)
        links = {"next": f"{address}&start={start + AT_ONCE}"} if start + AT_ONCE < len(ids) else {}
        return {"results": [shown(pk) for pk in ids[start : start + AT_ONCE]], "_links": links}

    def _of_server(self, pk: int) -> dict[str, Any]:
        children = {"attachment": {"results": self._files(pk), "_links": {}}}
        above = [{"title": "Top"}] if pk > 1 else []
        return {**self._of_cloud(pk), "ancestors": above, "children": children}

    def _of_cloud(self, pk: int) -> dict[str, Any]:
        found = self.pages[pk]
        return {
            "id": str(pk),
            "title": found["title"],
            "version": {"number": found["version"]},
            "_links": {"webui": f"/pages/{pk}"},
        }

    def _files(self, pk: int) -> list[dict[str, Any]]:
        return [
            {
                "id": f"att{pk}-{name}",
                "title": name,
                "version": {"number": 1},
                "_links": {"download": f"/download/{pk}/{name}"},
            }
            for name in self.pages[pk]["files"]
        ]
