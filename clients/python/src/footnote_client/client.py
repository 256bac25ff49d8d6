"""The client that waits."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from footnote_client import calls, uploads
from footnote_client.calls import Answer, Call, Frame, Row, Speaker, Unpacking
from footnote_client.errors import FootnoteError, error_of, is_refusal
from footnote_client.retrying import Tries
from footnote_client.signing import Signer


class Client:
    """``with Client("https://kb.example.com", key) as footnote: footnote.ask("…")``.

    What may be sent again is, ``retries`` times: after a lost connection, 429, 502, 503 and 504,
    and not before ``Retry-After``; one of more than a minute is raised instead. Writes carry an
    ``Idempotency-Key``, so that nothing happens twice. A connection given as ``http`` stays open.
    """

    def __init__(
        self, address: str, key: str, *, retries: int = 3, http: httpx.Client | None = None
    ) -> None:
        self._speaker = Speaker(address, key)
        self._retries = retries
        self._owns_http = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(120.0, connect=10.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if it is this client's own."""
        if self._owns_http:
            self._http.close()

    def on_behalf_of(self, employee: str, signer: Signer) -> "Client":
        """The same connection, asking for this employee (an application's key). It stays open
        until this client is closed."""
        other = Client(
            self._speaker.address, self._speaker.key, retries=self._retries, http=self._http
        )
        other._speaker.signer, other._speaker.employee = signer, employee
        return other

    # --- sending ---------------------------------------------------------------------------------
    def send(self, call: Call) -> httpx.Response:
        """Any call of the API; raises FootnoteError."""
        tries = Tries(call, self._retries)
        while True:
            try:
                response = self._http.request(**self._speaker.request(tries.call))
            except httpx.TransportError:
                if (wait := tries.after_loss()) is None:
                    raise
            else:
                if (wait := tries.after(response)) is None:
                    return tries.settled(response)
            time.sleep(wait)

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
            if is_refusal(response):
                response.read()
                raise error_of(response)
            frames = calls.Frames()
            for piece in response.iter_bytes():
                yield from frames.of(piece)

    # --- writing ---------------------------------------------------------------------------------
    def add(
        self,
        collection: str,
        name: str,
        content: bytes,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Row | Unpacking:
        """Add a document. ``fields``: external_id, on_existing, metadata, wait. An archive (ZIP,
        TAR, 7Z) gives its ``Unpacking``, which alone has ``found``: see ``unpacking``."""
        call = calls.document(collection, name, content, fields, idempotency_key)
        return calls.added(self._json(call))

    def unpacking(self, unpacking: str) -> Unpacking:
        """How far an archive is, and what was left out of it."""
        found: Unpacking = self._json(calls.read(f"/unpackings/{unpacking}"))
        return found

    def upload(
        self,
        collection: str,
        file: Path,
        *,
        piece: int = calls.PIECE,
        said: Mapping[str, str] | None = None,
    ) -> Row:
        """Add a large file in pieces; after a lost connection, and when the server is busy, it goes
        on where the server is. ``said``: external_id, on_existing, metadata (JSON). The row says in
        ``state`` what became of it: ``taken``, ``asks`` or ``refused``."""
        sending = uploads.steps(
            collection, file, piece=piece, said=said or {}, retries=self._retries
        )
        try:
            step = next(sending)
            while True:
                if isinstance(step, float):
                    time.sleep(step)
                    step = sending.send(None)
                    continue
                try:
                    response = self.send(step)
                except (httpx.TransportError, FootnoteError) as error:
                    step = sending.throw(error)
                else:
                    step = sending.send(response)
        except StopIteration as end:
            row: Row = end.value
            return row
        finally:
            sending.close()

    def delete(self, document: str) -> Row:
        """Remove a document; the receipt. Where the answer was lost and the document is gone at the
        next try, only which ``document`` it was."""
        try:
            return dict(self._json(Call("DELETE", f"/documents/{document}", is_safe=True)))
        except FootnoteError as error:
            if error.status == 404 and error.may_be_done:
                return {"document": document}
            raise
