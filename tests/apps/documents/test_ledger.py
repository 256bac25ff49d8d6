"""What happened to each file, stage by stage, and that what is called searchable is found."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import ErrorCode
from apps.documents import ingest, services
from apps.documents.models import DocumentVersion, IngestRun, LedgerEntry
from apps.documents.runs import probe, publishing
from apps.documents.runs.leases import MOST_ATTEMPTS
from apps.engines import factory
from apps.engines.adapters.memory_index import MemoryIndex
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.conftest import As, add

SignIn = Callable[[User], Client]
STAGES = ["received", "checked", "parsed", "chunked", "embedded", "indexed", "verified"]


def ledger_of(client: Client, document: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/documents/{document.pk}/ledger")
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def newest_run(document: Any) -> IngestRun:
    with system_scope("test: its run"):
        return IngestRun.objects.filter(document=document).order_by("-created_at")[0]


def test_a_searchable_document_has_passed_every_stage(
    inline_jobs: None, as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    with as_(alice):
        document = add(collection).document
    lines = ledger_of(client_of(alice), document)
    assert [line["stage"] for line in lines] == STAGES
    assert {line["attempt"] for line in lines} == {1}
    assert all(line["count"] and line["error"] is None for line in lines)
    times = [line["at"] for line in lines]
    assert times == sorted(times)
    page = client_of(alice).get(f"/d/{document.pk}").content.decode()
    assert "Found by its own words" in page


def test_a_failure_is_in_the_ledger_with_its_reason_and_attempt(
    inline_jobs: None, as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    with as_(alice):
        document = add(collection, b"<html><body></body></html>", "empty.html").document
    last = ledger_of(client_of(alice), document)[-1]
    assert (last["stage"], last["error"]["code"], last["attempt"]) == ("parsed", "NO_TEXT", 1)


def test_the_ledger_of_a_document_is_for_its_readers(
    inline_jobs: None,
    as_: As,
    alice: User,
    bob: User,
    carol: User,
    collection: Collection,
    client_of: SignIn,
) -> None:
    with as_(alice):
        document = add(collection).document
    assert len(ledger_of(client_of(bob), document)) == len(STAGES)
    assert client_of(carol).get(f"/api/v1/documents/{document.pk}/ledger").status_code == 404


def test_the_ledger_goes_with_the_document(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        services.delete_document(document=add(collection).document)
    with system_scope("test: look everywhere"):
        assert not LedgerEntry.objects.exists()


def test_what_a_search_does_not_find_never_becomes_searchable(
    as_: As,
    alice: User,
    collection: Collection,
    system: object,
    client_of: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with as_(alice):
        document = add(collection).document
    ingest.parse(newest_run(document).pk)
    with monkeypatch.context() as blind:
        for side in ("by_words", "by_vector"):
            blind.setattr(MemoryIndex, side, lambda *_args, **_more: [])
        for _ in range(MOST_ATTEMPTS):
            ingest.embed(newest_run(document).pk)
    run = newest_run(document)
    assert (run.state, run.error_code) == ("failed", ErrorCode.NOT_FOUND_AGAIN)
    document.refresh_from_db()
    assert document.current_id is None
    last = ledger_of(client_of(alice), document)[-1]
    assert (last["stage"], last["attempt"]) == ("verified", MOST_ATTEMPTS)
    balance = client_of(alice).get(f"/api/v1/collections/{collection.pk}/balance").json()
    counts = {name: balance[name] for name in ("received", "searchable", "waiting", "failed")}
    assert counts == {"received": 1, "searchable": 0, "waiting": 0, "failed": 1}


def test_after_a_failed_search_another_attempt_makes_it_searchable(
    as_: As, alice: User, collection: Collection, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_(alice):
        document = add(collection).document
    ingest.parse(newest_run(document).pk)
    with monkeypatch.context() as blind:
        blind.setattr(probe, "_finds", lambda *_args: False)
        ingest.embed(newest_run(document).pk)
    assert (newest_run(document).state, newest_run(document).stage) == ("queued", "embed")
    ingest.embed(newest_run(document).pk)
    document.refresh_from_db()
    assert document.current_id is not None


def test_each_version_is_published_once(
    inline_jobs: None, as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    is_found = publishing.is_found  # type: ignore[attr-defined] # counted where it is called

    def counted(version: DocumentVersion, cut: str, **more: Any) -> bool:
        asked.append(str(version.pk))
        return bool(is_found(version, cut, **more))

    monkeypatch.setattr(publishing, "is_found", counted)
    with as_(alice):
        version = add(collection).version
    assert asked == [str(version.pk)]


def test_a_passage_without_words_is_found_by_its_vector(collection: Collection) -> None:
    document = factories.make_document(collection, texts=["— — —"])
    with system_scope("test: as a job"):
        assert probe.is_found(DocumentVersion.objects.get(document=document))


def test_one_of_many_copies_of_a_text_counts_as_found(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "NEAR", 2)
    monkeypatch.setattr(probe, "FAR", 4)
    documents = [factories.make_document(collection) for _ in range(8)]
    with system_scope("test: as a job"):
        versions = DocumentVersion.objects.filter(document__in=documents)
        assert all(probe.is_found(version) for version in versions)


def test_the_probe_looks_into_its_own_collection_only(
    collection: Collection, other_collection: Collection
) -> None:
    elsewhere = factories.make_document(other_collection)
    factories.make_document(collection, texts=["Quite another text about pumps."])
    with system_scope("test: as a job"):
        version = DocumentVersion.objects.get(document=elsewhere)
        factory.index().drop([str(version.pk)])
        assert not probe.is_found(version)


def test_an_upload_that_waited_says_that_its_run_is_done(
    inline_jobs: None, alice: User, collection: Collection
) -> None:
    _row, plain = factories.make_api_key(alice)
    program = Client(headers={"Authorization": f"Bearer {plain}"})
    answer = program.post(
        f"/api/v1/collections/{collection.pk}/documents",
        {"text": "The notice period is ninety days.", "name": "notice.md", "wait": 5},
        content_type="application/json",
    ).json()["documents"][0]
    assert (answer["state"], answer["run"]["state"]) == ("ready", "done")


def test_try_these_again_skips_what_cannot_change_by_trying(
    as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    with as_(alice):
        added = {
            code: add(collection, code.encode(), f"{code}.txt").document
            for code in ("ENCRYPTED", "UNSUPPORTED", "EMPTY", "NO_TEXT", "GAVE_UP")
        }
        for code, document in added.items():
            IngestRun.objects.filter(document=document).update(state="failed", error_code=code)
    browser = client_of(alice)
    assert "Try these again" in browser.get(f"/k/{collection.pk}/").content.decode()
    browser.post(f"/k/{collection.pk}/retry")
    states = {code: newest_run(document).state for code, document in added.items()}
    assert states.pop("GAVE_UP") == "queued"
    assert set(states.values()) == {"failed"}
    with as_(alice):
        services.delete_document(document=added["GAVE_UP"])
    assert "Try these again" not in browser.get(f"/k/{collection.pk}/").content.decode()
