"""What was deleted leaves a receipt that anybody with the right can read, and anybody can check."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core import blobs, hooks
from apps.documents import services
from apps.documents.deletion import erase, receipts
from apps.documents.models import Chunk, DeletionReceipt, DocumentVersion
from apps.engines import factory
from apps.permissions.roles import KeyScope, Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, Workspace
from tests import factories
from tests.apps.documents.conftest import As, add

SignIn = Callable[[User], Client]


@pytest.fixture
def program_of(db: None) -> Callable[..., Client]:
    """A program with a key of this person."""

    def made(user: User, scope: KeyScope = KeyScope.ALL) -> Client:
        _row, plain = factories.make_api_key(user, scope=scope)
        return Client(headers={"Authorization": f"Bearer {plain}"})

    return made


def receipt_of(client: Client, pk: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/deletions/{pk}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_the_answer_to_a_deletion_names_the_receipt_and_it_becomes_complete(
    inline_jobs: None, alice: User, collection: Collection, program_of: Callable[..., Client]
) -> None:
    document = factories.make_document(collection, "lease.txt")
    factories.make_turn(factories.make_conversation(alice), sources=[document])
    mine = program_of(alice)
    answer = mine.delete(f"/api/v1/documents/{document.pk}").json()
    found = receipt_of(mine, answer["id"])
    assert (found["kind"], found["name"], found["state"]) == ("document", "lease.txt", "complete")
    said = found["receipt"]
    assert said["requested_by"] == {"id": str(alice.pk), "name": alice.email}
    assert said["versions"] == [str(document.current_id)]
    assert said["removed"] == {
        "documents": 1,
        "versions": 1,
        "chunks": 2,
        "edits": 0,
        "vectors": 2,
        "files": 1,
        "files_kept": 0,
        "recognised": 0,
        "quotes": 1,
    }
    assert set(said["remaining"].values()) == {0}
    times = [step["at"] for step in said["steps"]]
    assert times == sorted(times)
    assert [step["step"] for step in said["steps"]] == [
        "hidden",
        "index_dropped",
        "quotes_erased",
        "passages_erased",
        "files_erased",
        "rows_erased",
        "index_purged",
        "database_purged",
    ]


def test_a_printed_receipt_can_be_checked_by_its_hash(
    inline_jobs: None,
    alice: User,
    collection: Collection,
    program_of: Callable[..., Client],
    client_of: SignIn,
) -> None:
    document = factories.make_document(collection, "合同 2024.txt")
    mine = program_of(alice)
    pk = mine.delete(f"/api/v1/documents/{document.pk}").json()["id"]
    found = receipt_of(mine, pk)
    # As `jq -cS` would: sorted, without spaces.
    printed = json.dumps(
        found["receipt"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert hashlib.sha256(printed.encode()).hexdigest() == found["sha256"]
    file = client_of(alice).get(f"/deletions/{pk}/receipt.json")
    assert hashlib.sha256(file.content).hexdigest() == found["sha256"]


def test_a_receipt_that_was_changed_later_says_so(
    inline_jobs: None, as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    document = factories.make_document(collection, "lease.txt")
    with as_(alice):
        pk = services.delete_document(document=document).pk
    assert b"is not what it was when" not in client_of(alice).get(f"/deletions/{pk}").content
    DeletionReceipt.objects.update(requested_by="somebody.else@example.com")
    assert b"is not what it was when" in client_of(alice).get(f"/deletions/{pk}").content


def test_a_receipt_holds_nothing_of_the_content(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, b"The secret ingredient is saffron.", "recipe.txt").document
        pk = services.delete_document(document=document).pk
    row = json.dumps(DeletionReceipt.objects.filter(pk=pk).values()[0], default=str)
    assert "saffron" not in row
    assert hashlib.sha256(b"The secret ingredient is saffron.").hexdigest() not in row


def test_out_of_every_search_in_less_than_a_second(
    as_: As, alice: User, collection: Collection, program_of: Callable[..., Client]
) -> None:
    document = factories.make_document(collection)
    mine = program_of(alice)
    query = {"query": "notice period"}
    assert mine.post("/api/v1/search", query, content_type="application/json").json()["hits"]
    began = time.monotonic()
    mine.delete(f"/api/v1/documents/{document.pk}")
    assert mine.post("/api/v1/search", query, content_type="application/json").json()["hits"] == []
    assert time.monotonic() - began < 1


def test_a_collection_leaves_one_receipt_of_everything_in_it(
    inline_jobs: None,
    alice: User,
    bob: User,
    collection: Collection,
    program_of: Callable[..., Client],
) -> None:
    documents = [factories.make_document(collection, f"{n}.txt") for n in range(3)]
    factories.make_turn(factories.make_conversation(bob), sources=documents)
    files = list(blobs.path_of("0" * 64).parents[1].glob("??/*"))
    assert files
    mine = program_of(alice)
    answer = mine.delete(f"/api/v1/collections/{collection.pk}")
    assert answer.status_code == 204
    found = mine.get(answer["Deletion-Receipt"]).json()
    assert (found["kind"], found["name"], found["state"]) == ("collection", "Contracts", "complete")
    removed = found["receipt"]["removed"]
    assert (removed["documents"], removed["chunks"], removed["vectors"]) == (3, 6, 6)
    assert (removed["files"], removed["quotes"]) == (1, 3)
    assert not [path for path in files if path.exists()]
    assert factory.index().versions() == {}


def test_a_workspace_leaves_one_receipt_that_administrators_find(
    inline_jobs: None,
    alice: User,
    admin: User,
    carol: User,
    workspace: Workspace,
    collection: Collection,
    client_of: SignIn,
    program_of: Callable[..., Client],
) -> None:
    factories.make_document(collection)
    answer = program_of(alice).delete(f"/api/v1/workspaces/{workspace.slug}")
    found = program_of(admin).get(answer["Deletion-Receipt"]).json()
    assert (found["kind"], found["state"]) == ("workspace", "complete")
    assert found["receipt"]["removed"]["collections"] == 1
    assert workspace.name.encode() in client_of(admin).get("/deletions").content
    assert program_of(carol).get(answer["Deletion-Receipt"]).status_code == 404
    assert workspace.name.encode() not in client_of(carol).get("/deletions").content


def test_a_document_that_waits_for_its_erasure_when_its_collection_goes_is_erased_too(
    as_: As,
    alice: User,
    collection: Collection,
    sent_jobs: list[tuple[str, Any]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    from apps.workspaces.services import delete_collection  # noqa: PLC0415 - the same

    document = factories.make_document(collection)
    sha256 = _sha256_of(document)
    with as_(alice):
        first = services.delete_document(document=document).pk
        second = delete_collection(collection=collection)
    with system_scope("test: as the job"):
        erase.clean_up(first)
        erase.clean_up(second)
        assert not Chunk.objects.exists()
    assert {row.state for row in DeletionReceipt.objects.all()} == {"complete"}
    assert factory.index().versions() == {}
    assert not blobs.path_of(sha256).exists()


def _sha256_of(document: Any) -> str:
    with system_scope("test: which file"):
        return DocumentVersion.objects.get(document=document).sha256


def test_managers_administrators_and_who_deleted_read_a_receipt_and_nobody_else(
    alice: User,
    bob: User,
    carol: User,
    admin: User,
    collection: Collection,
    as_: As,
    client_of: SignIn,
    program_of: Callable[..., Client],
) -> None:
    dora = factories.make_user("dora")
    factories.make_grant(collection, dora, role=Role.CONTRIBUTOR)
    document = factories.make_document(collection, "Redundancies 2027.txt")
    writing = program_of(dora, KeyScope.WRITE)
    pk = writing.delete(f"/api/v1/documents/{document.pk}").json()["id"]
    addresses = (f"/api/v1/deletions/{pk}", f"/deletions/{pk}", f"/deletions/{pk}/receipt.json")
    for user, status in ((alice, 200), (dora, 200), (admin, 200), (bob, 404), (carol, 404)):
        assert {client_of(user).get(address).status_code for address in addresses} == {status}, user
    assert writing.get(f"/api/v1/deletions/{pk}").status_code == 200
    lists = (f"/k/{collection.pk}/deletions", "/deletions", "/api/v1/deletions")
    for address in lists:
        assert b"Redundancies" in client_of(alice).get(address).content, address
        assert b"Redundancies" not in client_of(bob).get(address).content, address
        assert b"Redundancies" not in client_of(carol).get(address).content, address


def test_the_page_of_a_receipt_is_in_both_languages(
    inline_jobs: None, as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    document = factories.make_document(collection, "lease.txt")
    with as_(alice):
        pk = services.delete_document(document=document).pk
    browser = client_of(alice)
    assert "Receipt of a deletion" in browser.get(f"/deletions/{pk}").content.decode()
    browser.post("/me/language", {"language": "zh-hans"})
    assert "删除凭证" in browser.get(f"/deletions/{pk}").content.decode()


def test_a_receipt_is_not_complete_while_something_is_left(
    inline_jobs: None,
    as_: As,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = factories.make_document(collection)
    factories.make_turn(factories.make_conversation(alice), sources=[document])
    monkeypatch.setattr(hooks.document_erased, "_listeners", [])  # nobody blanks the quotes
    with as_(alice):
        pk = services.delete_document(document=document).pk
    left = DeletionReceipt.objects.get(pk=pk)
    assert (left.state, left.sha256, left.remaining["quotes"]) == ("pending", "", 1)


def test_a_worker_that_was_overtaken_does_not_write_to_a_complete_receipt(
    as_: As,
    alice: User,
    collection: Collection,
    sent_jobs: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = factories.make_document(collection)
    with as_(alice):
        pk = services.delete_document(document=document).pk
    slow = erase.erase_files

    def meanwhile(hashes: set[str]) -> tuple[int, int]:
        """The lease lapses, and another worker does it all."""
        monkeypatch.setattr(erase, "erase_files", slow)
        DeletionReceipt.objects.update(lease_until=timezone.now() - erase.LEASE)
        erase.clean_up(pk)
        return slow(hashes)

    monkeypatch.setattr(erase, "erase_files", meanwhile)
    with system_scope("test: as the job"):
        erase.clean_up(pk)
    done = DeletionReceipt.objects.get(pk=pk)
    assert (done.state, done.attempt) == ("complete", 2)
    assert receipts.is_intact(done)


def test_deleted_rows_are_overwritten_on_every_connection_to_sqlite(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite only")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone() == (1,)
