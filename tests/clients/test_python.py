"""``footnote-client`` against a real web process."""

import asyncio
import io
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from footnote_client import AsyncClient, Client, FootnoteError, Signer
from footnote_client.calls import Call
from tests.apps.chat.test_served import Served, serve

pytestmark = pytest.mark.slow
# The address that an installation without KB_PUBLIC_URL believes it has.
AUDIENCE = "http://127.0.0.1:8000"
QUESTION = "What is the notice period?"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = serve(tmp_path_factory.mktemp("client"), "--quick")
    yield server
    server.end()
    assert server.process.stdout is not None
    server.process.stdout.close()


@pytest.fixture
def address(served: Served) -> str:
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture
def client(served: Served, address: str) -> Iterator[Client]:
    with Client(address, served.key) as made:
        yield made


@pytest.fixture
def collection(client: Client) -> str:
    (room,) = client.workspaces()
    return str(next(client.collections(room["slug"]))["id"])


def _post(path: str, body: dict[str, Any]) -> Call:
    return Call("POST", path, is_safe=False, body=body)


def test_a_question_is_answered_with_what_it_cites(client: Client) -> None:
    said = client.ask(QUESTION)
    assert "ninety days" in said["answer"]
    assert [source["document_name"] for source in said["citations"]] == ["lease.pdf"]
    assert client.search(QUESTION)[0]["text"] == "The notice period is ninety days."


def test_a_streamed_answer_comes_in_frames(client: Client) -> None:
    frames = list(client.stream(QUESTION))
    assert [frame["type"] for frame in frames[:2]] == ["started", "sources"]
    assert "ninety days" in frames[-1]["text"]


async def test_lists_are_followed_page_after_page_with_their_filters(
    served: Served, client: Client, address: str, collection: str
) -> None:
    for number in range(3):
        client.add(collection, f"page {number}.txt", b"words %d" % number)
    path = f"/collections/{collection}/documents"
    whole = [row["name"] for row in client.rows(path, state="queued", limit=200)]
    assert {f"page {number}.txt" for number in range(3)} <= set(whole)
    assert "lease.pdf" not in whole
    assert [row["name"] for row in client.rows(path, state="queued", limit=1)] == whole
    async with AsyncClient(address, served.key) as other:
        names = [row["name"] async for row in other.rows(path, state="queued", limit=1)]
    assert names == whole


def test_an_archive_gives_its_unpacking(client: Client, collection: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in a box.txt", "boxed words")
    added = client.add(collection, "box.zip", packed.getvalue())
    assert (added["name"], added["error"]) == ("box.zip", None)
    assert client.unpacking(added["id"])["found"] in {0, 1}


def test_a_write_that_is_sent_again_happens_once(client: Client, collection: str) -> None:
    key = str(uuid.uuid4())
    rows = [client.add(collection, "once.txt", b"once", idempotency_key=key) for _ in range(2)]
    assert rows[0]["id"] == rows[1]["id"]
    assert client.delete(rows[0]["id"])["document"] == rows[0]["id"]


def test_a_lost_connection_is_tried_again(served: Served, address: str) -> None:
    lost = iter([True, True])

    def answer(request: httpx.Request) -> httpx.Response:
        if next(lost, False):
            raise httpx.ConnectError("lost")
        return httpx.Response(200, json={"id": "x"})

    with Client(address, served.key, http=httpx.Client(transport=httpx.MockTransport(answer))) as c:
        assert c.me() == {"id": "x"}


def test_a_large_file_goes_in_pieces_and_on_after_a_loss(
    client: Client, collection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large.txt"
    file.write_bytes(b"One line of a large file.\n" * 5_000)
    # The second and the last of three.
    send, lost = client.send, iter([False, True, True])

    def unsteady(call: Call) -> httpx.Response:
        response = send(call)
        if call.method == "PATCH" and next(lost, False):
            raise httpx.ReadError("lost after it was taken")
        return response

    monkeypatch.setattr(client, "send", unsteady)
    taken = client.upload(collection, file, piece=50_000)
    assert (taken["state"], taken["offset"]) == ("taken", file.stat().st_size)


def test_refusals_say_why(client: Client, address: str) -> None:
    with pytest.raises(FootnoteError) as refused:
        client.document(str(uuid.uuid4()))
    assert (refused.value.status, refused.value.code) == (404, "NOT_FOUND")
    with Client(address, "fn_wrong") as wrong, pytest.raises(FootnoteError) as refused:
        wrong.me()
    assert refused.value.status == 401


def test_an_application_asks_on_behalf_of_an_employee(client: Client, address: str) -> None:
    made = client.send(
        _post("/applications", {"name": "ERP", "reach": "person", "acts": "people"})
    ).json()
    path = f"/applications/{made['id']}"
    key = client.send(_post(f"{path}/keys", {"name": "one"})).json()["key"]
    private = ECKey.generate_key("P-256")
    public = private.as_pem(private=False).decode()
    client.send(_post(f"{path}/public-keys", {"text": public}))
    signer = Signer(
        application=made["id"], audience=AUDIENCE, private_key=private.as_pem(private=True).decode()
    )
    with Client(address, key) as erp:
        alice = erp.on_behalf_of("alice@example.com", signer)
        assert "ninety days" in alice.ask(QUESTION)["answer"]
        assert alice.me()["acting"]["application"]
        with pytest.raises(FootnoteError) as refused:
            erp.on_behalf_of("nobody@example.com", signer).me()
        assert refused.value.details == {"reason": "subject"}


async def test_the_other_client_does_the_same_meanwhile(served: Served, address: str) -> None:
    async with AsyncClient(address, served.key) as client:
        rooms = [room async for room in client.workspaces()]
        answers = await asyncio.gather(client.ask(QUESTION), client.ask(QUESTION))
        frames = [frame async for frame in client.stream(QUESTION)]
    assert len(rooms) == 1
    assert all("ninety days" in said["answer"] for said in answers)
    assert frames[-1]["type"] == "done"
