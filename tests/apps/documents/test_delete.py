"""Deleting: out of search at once, then erased everywhere, with a receipt."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.core import blobs, hooks
from apps.documents import services
from apps.documents.deletion import erase
from apps.documents.models import Chunk, DeletionReceipt, Document, DocumentVersion, IngestRun
from apps.documents.runs import upkeep
from apps.engines import factory
from apps.engines.adapters.memory_index import MemoryIndex
from apps.engines.media_types import MediaType
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineUnavailable
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.conftest import NOTICE, As, Killed, add, nothing_stored, searched


def parsed_files() -> list[Path]:
    return [path for path in Path(settings.PARSED_DIR).rglob("*") if path.is_file()]


def test_a_deleted_document_is_out_of_search_before_anything_is_erased(
    as_: As, alice: User, collection: Collection
) -> None:
    document = factories.make_document(collection, "contract.txt")
    with as_(alice):
        services.delete_document(document=document)
        assert searched("notice period", collection) == ""
        assert not Document.objects.filter(pk=document.pk).exists()


def test_nothing_of_it_is_left_but_a_receipt(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        add(collection)
        document = add(collection, b"Sixty days.", on_existing="version").document
        assert parsed_files()
        services.delete_document(document=document)
    assert nothing_stored()
    assert parsed_files() == []
    assert factory.index().versions() == {}
    with system_scope("test: read the receipt"):
        receipt = DeletionReceipt.objects.get(object_id=document.pk)
    assert receipt.done_at is not None
    assert receipt.requested_by_id == alice.pk
    assert receipt.removed == {
        "documents": 1,
        "versions": 2,
        "chunks": 2,
        "edits": 0,
        "vectors": 1,
        "files": 2,
        "files_kept": 0,
        "recognised": 0,
        "quotes": 0,
    }
    assert set(receipt.remaining.values()) == {0}


def test_higher_apps_are_told_to_forget_it(
    inline_jobs: None,
    as_: As,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(hooks.document_erased, "_listeners", [told.append])
    with as_(alice):
        document = add(collection).document
        services.delete_document(document=document)
    assert told == [document.pk]


def test_quotes_in_old_answers_go_with_the_document(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    document = factories.make_document(collection, "contract.txt")
    turn = factories.make_turn(factories.make_conversation(alice), sources=[document])
    with as_(alice):
        services.delete_document(document=document)
        assert [citation.quote for citation in turn.citations.all()] == [""]


def test_bytes_that_another_document_has_stay(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first, second = add(collection), add(collection, name="copy.txt")
        services.delete_document(document=first.document)
        assert blobs.path_of(second.version.sha256).exists()
        assert "ninety" in searched("notice period", collection)


def test_the_name_is_free_at_once(
    as_: As, alice: User, collection: Collection, sent_jobs: object
) -> None:
    with as_(alice):
        first = add(collection, external_id="ERP-1")
        services.delete_document(document=first.document)
        again = add(collection, external_id="ERP-1")
    assert again.document.pk != first.document.pk
    assert not again.is_duplicate


def test_a_run_under_way_is_cancelled(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        added = add(collection)
        services.delete_document(document=added.document)
        assert IngestRun.objects.get().state == IngestRun.State.CANCELLED


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (MemoryIndex, "drop"),
        (MemoryIndex, "optimize"),
        (erase, "_erase_chunks"),
        (erase, "_erase_rows"),
        (erase, "erase_files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clean_up_killed_at_any_step_is_finished_by_the_next(
    collection: Collection,
    as_: As,
    alice: User,
    system: object,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
) -> None:
    document = factories.make_document(collection)
    sha256 = DocumentVersion.objects.get().sha256
    with as_(alice):
        job = services.delete_document(document=document)
    with monkeypatch.context() as deadly:

        def kill(*_args: object, **_kwargs: object) -> None:
            raise Killed

        deadly.setattr(owner, name, kill)
        with pytest.raises(Killed):
            erase.clean_up(job.pk)
    erase.clean_up(job.pk)
    assert DeletionReceipt.objects.get().done_at is None, "the first one's lease is respected"
    DeletionReceipt.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    erase.clean_up(job.pk)
    assert DeletionReceipt.objects.get().done_at is not None
    assert not Chunk.objects.exists()
    assert not Document.with_deleted.exists()
    assert factory.index().versions() == {}
    assert not blobs.path_of(sha256).exists()


def test_an_index_that_is_down_delays_the_receipt(
    as_: As,
    alice: User,
    collection: Collection,
    system: object,
    sent_jobs: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    document = factories.make_document(collection)
    with as_(alice):
        job = services.delete_document(document=document)

    def down(*_args: object) -> None:
        raise EngineUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(MemoryIndex, "drop", down)
        erase.clean_up(job.pk)
    assert DeletionReceipt.objects.get().done_at is None
    DeletionReceipt.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
    assert ("documents.clean_up", {"receipt_id": str(job.pk)}) in sent_jobs


def test_deleting_twice_is_one_deletion(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        document = add(collection, NOTICE).document
        first = services.delete_document(document=document)
        assert services.delete_document(document=document).pk == first.pk


def test_an_upload_keeps_bytes_that_a_clean_up_removes_at_that_moment(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes were there for a document that is being deleted."""
    sniff = services.media_type_of

    def removed_meanwhile(path: Path, name: str) -> MediaType:
        for sha256 in list(blobs.stored()):
            blobs.remove(sha256)
        return sniff(path, name)

    with as_(alice):
        add(collection, b"the same", "old.txt")
        monkeypatch.setattr(services, "media_type_of", removed_meanwhile)
        added = add(collection, b"the same", "new.txt")
    assert blobs.path_of(added.version.sha256).read_bytes() == b"the same"
