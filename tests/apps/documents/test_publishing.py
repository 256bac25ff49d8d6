"""The old version answers until the new one is published; what was lost is sent again."""

from typing import Any

import pytest

from apps.accounts.models import User
from apps.documents import ingest, queries, services
from apps.documents.models import Document, IngestRun
from apps.documents.runs import indexing, upkeep
from apps.documents.runs.leases import Work
from apps.engines import factory
from apps.engines.adapters.memory_index import MemoryIndex
from apps.engines.profiles import current_profile
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add, searched
from tests.apps.documents.runs import Sent, Stage, State, due, lapse, run_of, worked_off


# --- publishing -----------------------------------------------------------------------------------
def test_the_old_version_answers_until_the_new_one_is_published(
    as_: As, alice: User, collection: Collection, system: object
) -> None:
    with as_(alice):
        old = add(collection)
    ingest.parse(old.run.pk)
    ingest.embed(old.run.pk)
    with as_(alice):
        new = add(collection, b"The notice period is sixty days.", on_existing="version")
    ingest.parse(new.run.pk)
    indexing.index_versions([new.version], profile=current_profile())
    with as_(alice):
        assert Document.objects.get().current_id == old.version.pk
    ingest.embed(new.run.pk)
    with as_(alice):
        assert Document.objects.get().current_id == new.version.pk
        assert "sixty" in searched("notice period", collection)
        assert "ninety" not in searched("notice period", collection)
    assert factory.index().count(str(old.version.pk)) == 0


def test_an_old_version_that_comes_late_does_not_replace_a_newer_one(
    as_: As, alice: User, collection: Collection, system: object
) -> None:
    with as_(alice):
        old = add(collection)
        new = add(collection, b"The notice period is sixty days.", on_existing="version")
    for added in (new, old):
        ingest.parse(added.run.pk)
        ingest.embed(added.run.pk)
    assert Document.objects.get().current_id == new.version.pk
    assert run_of(old).state == State.CANCELLED
    assert factory.index().count(str(old.version.pk)) == 0


def test_a_version_that_is_not_whole_in_the_index_is_not_published(
    added: services.Added, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.parse(added.run.pk)
    with monkeypatch.context() as broken:
        broken.setattr(MemoryIndex, "counts", lambda _, ids: dict.fromkeys(ids, 0))
        ingest.embed(added.run.pk)
    assert Document.objects.get().current_id is None
    assert run_of(added).stage == Stage.EMBED
    due()
    assert worked_off(run_of(added)).state == State.DONE


def test_a_document_deleted_while_it_is_embedded_leaves_no_rows(
    added: services.Added,
    as_: As,
    alice: User,
    system: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ingest.parse(added.run.pk)
    original = MemoryIndex.add

    def add_late(self: MemoryIndex, versions: Any) -> None:
        with as_(alice):
            services.delete_document(document=added.document)
        original(self, versions)

    monkeypatch.setattr(MemoryIndex, "add", add_late)
    ingest.embed(added.run.pk)
    assert factory.index().versions() == {}
    assert run_of(added).state == State.CANCELLED


def test_trying_again_starts_from_the_file(
    as_: As, alice: User, collection: Collection, system: object
) -> None:
    with as_(alice):
        added = add(collection)
    IngestRun.objects.filter(pk=added.run.pk).update(state=State.FAILED, error_code="GAVE_UP")
    with as_(alice):
        again = services.retry(document=added.document)
        assert services.retry(document=added.document).pk == again.pk
    assert worked_off_now(again).state == State.DONE
    with as_(alice):
        assert queries.state_of(added.document) == "ready"


def worked_off_now(run: IngestRun) -> IngestRun:
    due()
    return worked_off(run)


# --- the sweeper ----------------------------------------------------------------------------------
def test_a_lost_message_is_sent_again(
    added: services.Added, system: object, sent_jobs: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
    assert sent_jobs == []
    due()
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
        upkeep.sweep()
    assert sent_jobs == [("documents.parse", {"run_id": str(added.run.pk)})]


def test_a_lapsed_run_is_sent_again_to_the_queue_of_its_stage(
    added: services.Added, system: object, sent_jobs: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ingest.parse(added.run.pk)
    assert Work.claimed(added.run.pk, Stage.EMBED) is not None
    lapse(added.run.pk)
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
    assert sent_jobs == [("documents.embed", {"run_id": str(added.run.pk)})]
    assert run_of(added).state == State.QUEUED
