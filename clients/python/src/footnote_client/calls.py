"""What is asked and how it is asked again, without a connection: both clients send these."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from footnote_client.signing import Signer

BASE = "/api/v1"
PIECE = 8 * 1024 * 1024
TUS = {"Tus-Resumable": "1.0.0"}
# A row of a list as the server says it; docs/openapi.yaml has the fields.
Row = dict[str, Any]


class Answer(TypedDict):
    """An answer with its sources; ``citations`` are those that it cites."""

    conversation: str
    turn: str
    state: str
    answer: str
    refused: bool
    citations: list[Row]
    sources: list[Row]


class Unpacking(TypedDict):
    """An archive that becomes documents: ``state`` is ``queued``, ``running``, ``done`` or
    ``failed``; ``found`` = ``taken`` + ``same`` + ``left``, once it is done."""

    id: str
    collection: str
    name: str
    size: int
    state: str
    found: int
    taken: int
    same: int
    left: int
    left_out: list[Row]
    error: Row | None
    created_at: str
    finished_at: str | None


class Frame(TypedDict, total=False):
    """One piece of a streamed answer: ``started``, ``sources``, ``delta``, then ``done``,
    ``stopped`` or ``error``, whose ``text`` takes the place of what was streamed."""

    type: str
    n: int
    text: str
    kind: str
    sources: list[Row]
    cited: list[int]
    refused: bool
    code: str


@dataclass(frozen=True)
class Call:
    """One request. ``is_safe``: sent twice it does nothing twice, so it may be sent again."""

    method: str
    path: str
    is_safe: bool
    body: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    files: Any = None
    data: Mapping[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def read(path: str, **params: Any) -> Call:
    kept = {name: value for name, value in params.items() if value is not None}
    # Not an empty mapping: httpx takes that for "no query", and drops the one in the address.
    return Call("GET", path, is_safe=True, params=kept or None)


def write(path: str, body: Mapping[str, Any] | None, key: str | None = None) -> Call:
    """A POST that happens once however often it is sent: by the ``Idempotency-Key``."""
    named = {"Idempotency-Key": key or str(uuid.uuid4())}
    return Call("POST", path, is_safe=True, body=body or {}, headers=named)


def question(message: str, *, stream: bool, key: str | None, wishes: Mapping[str, Any]) -> Call:
    return write("/chat", {"message": message, "stream": stream, **wishes}, key)


def document(
    collection: str, name: str, content: bytes, fields: Mapping[str, Any], key: str | None
) -> Call:
    said = {name: value for name, value in fields.items() if value is not None}
    if isinstance(said.get("metadata"), Mapping):
        said["metadata"] = json.dumps(said["metadata"])
    return Call(
        "POST",
        f"/collections/{collection}/documents",
        is_safe=True,
        files={"file": (name, content)},
        data=said,
        headers={"Idempotency-Key": key or str(uuid.uuid4())},
    )


def added(said: Mapping[str, Any]) -> Row | Unpacking:
    """The document; of an archive the unpacking, since its documents come later."""
    found: list[Row] = [*said["documents"], *said.get("unpackings", ())]
    return found[0]


def upload(collection: str, size: int, said: Mapping[str, str]) -> Call:
    pairs = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in said.items())
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": pairs}
    # Begun twice, one is never filled and ends by itself.
    return Call("POST", f"/collections/{collection}/uploads", is_safe=True, headers=headers)


def piece(address: str, offset: int, content: bytes) -> Call:
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return Call("PATCH", address, is_safe=False, content=content, headers={**TUS, **kind})


def finish(address: str) -> Call:
    """That a file which has come whole be taken in; done twice it changes nothing."""
    return Call("POST", f"{address}/finish", is_safe=True, body={})


def progress(address: str) -> Call:
    return Call("HEAD", address, is_safe=True, headers=TUS)


class Speaker:
    """Address, key and for whom: what every request of a client has in common."""

    def __init__(
        self, address: str, key: str, *, signer: Signer | None = None, employee: str = ""
    ) -> None:
        self.address, self.key = address.rstrip("/"), key
        self.signer, self.employee = signer, employee

    def request(self, call: Call) -> dict[str, Any]:
        """What httpx is given. A statement is signed anew each time."""
        path = call.path if call.path.startswith(BASE) else BASE + call.path
        headers = {"Authorization": f"Bearer {self.key}", **call.headers}
        if self.signer is not None:
            headers["X-On-Behalf-Of"] = self.signer.statement(self.employee)
        made = {
            "method": call.method,
            "url": self.address + path,
            "headers": headers,
            "params": call.params,
            "json": call.body,
            "files": call.files,
            "data": call.data,
            "content": call.content,
            # Never to another place with the key, nor a POST as a GET.
            "follow_redirects": False,
        }
        return {name: value for name, value in made.items() if value is not None}


class Frames:
    """The frames in an event stream, as its bytes come. A line feed alone ends a line: Python's
    ``splitlines`` (and httpx's ``iter_lines``) also break at characters that answers have in them,
    U+2028 for one."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, piece: bytes) -> Iterator[Frame]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if (frame := frame_in(line)) is not None:
                yield frame


def frame_in(line: bytes) -> Frame | None:
    """What a line of an event stream says; None for the lines around it."""
    if not line.startswith(b"data: "):
        return None
    found: Frame = json.loads(line.removeprefix(b"data: ").decode())
    return found
