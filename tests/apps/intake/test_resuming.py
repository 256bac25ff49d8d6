"""A real client and a real web process that is killed in the middle: the file arrives whole."""

import base64
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apps.intake.conftest import PIECES
from tests.apps.intake.web import Web

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
PIECE = 2 * MIB


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path / "data")
    try:
        made.start()
        yield made
    finally:
        made.kill()


def text(size: int) -> bytes:
    words = random.Random(1).choices(["pump", "valve", "hall", "May", "inspected"], k=size // 5)
    return " ".join(words).encode()[:size]


def begin(client: httpx.Client, web: Web, size: int) -> str:
    name = base64.b64encode(b"halls/north.txt").decode()
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
    begun = client.post(f"/api/v1/collections/{web.collection}/uploads", headers=headers)
    assert begun.status_code == 201, begun.text
    return str(begun.headers["Location"])


def offset(client: httpx.Client, address: str) -> int:
    return int(client.head(address).headers["Upload-Offset"])


def send(client: httpx.Client, address: str, data: bytes, at: int, size: int = PIECE) -> None:
    headers = {"Upload-Offset": str(at), "Content-Type": PIECES}
    sent = client.patch(address, content=data[at : at + size], headers=headers)
    assert sent.status_code == 204, sent.text


def stored(client: httpx.Client, address: str) -> tuple[str, str]:
    """(name, sha256 of the bytes that a reader gets)."""
    state = client.get(address).json()
    assert state["state"] == "taken", state
    document = client.get(f"/api/v1/documents/{state['document']}").json()
    content = client.get(f"/api/v1/documents/{state['document']}/content").content
    return document["name"], hashlib.sha256(content).hexdigest()


def test_a_web_process_killed_between_and_inside_of_pieces_loses_nothing(web: Web) -> None:
    data = text(7 * MIB + 123)

    def until_it_dies() -> Iterator[bytes]:
        yield data[PIECE : PIECE + MIB]
        web.kill()
        yield data[PIECE + MIB : 2 * PIECE]

    with web.client() as client:
        address = begin(client, web, len(data))
        send(client, address, data, 0)
        headers = {"Upload-Offset": str(PIECE), "Content-Type": PIECES}
        with pytest.raises(httpx.TransportError):
            client.patch(address, content=until_it_dies(), headers=headers)
    web.start()
    with web.client() as client:
        at = offset(client, address)
        assert PIECE <= at < len(data), "what was acknowledged is there"
        while (at := offset(client, address)) < len(data):
            send(client, address, data, at)
        assert stored(client, address) == ("halls/north.txt", hashlib.sha256(data).hexdigest())


def test_a_connection_that_breaks_inside_a_piece_is_gone_on_with(web: Web) -> None:
    data = text(3 * MIB)

    def breaks() -> Iterator[bytes]:
        yield data[: 2 * MIB]
        raise ConnectionError

    with web.client() as client:
        address = begin(client, web, len(data))
        headers = {"Upload-Offset": "0", "Content-Type": PIECES, "Content-Length": str(len(data))}
        with pytest.raises(ConnectionError):
            client.patch(address, content=breaks(), headers=headers)
        at = offset(client, address)
        send(client, address, data, at, size=len(data))
        assert stored(client, address)[1] == hashlib.sha256(data).hexdigest()
