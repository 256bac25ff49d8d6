"""The client that waits."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from footnote_client import calls
from footnote_client.calls import Answer, Call, Frame, Row, Speaker
from footnote_client.errors import error_of
from footnote_client.signing import Signer


class Client:
    """``with Client("https://kb.example.com", key) as footnote: footnote.ask("…")``.

    What may be sent again is, ``retries`` times: after a lost connection, 429 and 503. Writes carry
    an ``Idempotency-Key``, so that nothing happens twice.
    """

    def __init__(
        self, address: str, key: str, *, retries: int = 3, http: httpx.Client | None = None
    ) -> None:
        self._speaker = Speaker(address, key)
        self._retries = retries
        self._http = http or httpx.Client(timeout=httpx.Timeout(120.0, connect=10.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def on_behalf_of(self, employee: str, signer: Signer) -> "Client":
        """The same connection, asking for this employee (an application's key)."""
        other = Client(
            self._speaker.address, self._speaker.key, retries=self._retries, http=self._http
        )
        other._speaker.signer, other._speaker.employee = signer, employee
        return other

    # --- sending ---------------------------------------------------------------------------------
    def send(self, call: Call) -> httpx.Response:
        """Any call of the API; raises FootnoteError."""
        response: httpx.Response | None = None
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries or not call.is_safe
            try:
                response = self._http.request(**self._speaker.request(call))
            except httpx.TransportError:
                if is_last:
                    raise
                response = None
            if response is not None and (is_last or response.status_code not in calls.RETRIED):
                break
            time.sleep(calls.wait_before(attempt, response))
        assert response is not None  # noqa: S101 - the last one is answered or raises
        if response.is_error:
            raise error_of(response)
        return response

    def _json(self, call: Call) -> Any:
        return self.send(call).json()

    def rows(self, path: str, **params: Any) -> Iterator[Row]:
        """Every row of a list, page after page."""
        page = self._json(calls.read(path, **params))
        yield from page["items"]
        while page["next"]:
            page = self._json(calls.read(page["next"]))
            yield from page["items"]

    # --- reading ---------------------------------------------------------------------------------
    def me(self) -> Row:
        return dict(self._json(calls.read("/me")))

    def workspaces(self) -> Iterator[Row]:
        return self.rows("/workspaces")

    def collections(self, workspace: str) -> Iterator[Row]:
        return self.rows(f"/workspaces/{workspace}/collections")

    def documents(self, collection: str, **filters: str) -> Iterator[Row]:
        return self.rows(f"/collections/{collection}/documents", **filters)

    def document(self, document: str) -> Row:
        return dict(self._json(calls.read(f"/documents/{document}")))

    def search(self, query: str, **wishes: Any) -> list[Row]:
        """``wishes``: workspaces, collections, limit."""
        found = Call("POST", "/search", is_safe=True, body={"query": query, **wishes})
        return list(self._json(found)["hits"])

    # --- asking ----------------------------------------------------------------------------------
    def ask(self, message: str, *, idempotency_key: str | None = None, **wishes: Any) -> Answer:
        """``wishes``: workspaces, collections, conversation, parent, mode."""
        asked = calls.question(message, stream=False, key=idempotency_key, wishes=wishes)
        answer: Answer = self._json(asked)
        return answer

    def stream(
        self, message: str, *, idempotency_key: str | None = None, **wishes: Any
    ) -> Iterator[Frame]:
        """The answer as it is said. Leaving does not stop it."""
        asked = calls.question(message, stream=True, key=idempotency_key, wishes=wishes)
        with self._http.stream(**self._speaker.request(asked)) as response:
            if response.is_error:
                response.read()
                raise error_of(response)
            for line in response.iter_lines():
                if (frame := calls.frame_in(line)) is not None:
                    yield frame

    # --- writing ---------------------------------------------------------------------------------
    def add(
        self,
        collection: str,
        name: str,
        content: bytes,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Row:
        """Add a document. ``fields``: external_id, on_existing, metadata, wait."""
        call = calls.document(collection, name, content, fields, idempotency_key)
        return dict(self._json(call)["documents"][0])

    def upload(
        self,
        collection: str,
        file: Path,
        *,
        piece: int = calls.PIECE,
        said: Mapping[str, str] | None = None,
    ) -> Row:
        """Add a large file in pieces; after a lost connection it goes on where the server is.
        ``said``: external_id, on_existing, metadata (JSON)."""
        size = file.stat().st_size
        begun = calls.upload(collection, size, {"filename": file.name, **(said or {})})
        address = self.send(begun).headers["Location"]
        with file.open("rb") as source:
            offset, lost = 0, 0
            while offset < size:
                source.seek(offset)
                try:
                    self.send(calls.piece(address, offset, source.read(piece)))
                    offset, lost = min(offset + piece, size), 0
                except httpx.TransportError:
                    if (lost := lost + 1) > self._retries:
                        raise
                    offset = int(self.send(calls.progress(address)).headers["Upload-Offset"])
        return dict(self._json(calls.read(address)))

    def delete(self, document: str) -> Row:
        """Remove a document; the receipt."""
        return dict(self._json(Call("DELETE", f"/documents/{document}", is_safe=True)))
