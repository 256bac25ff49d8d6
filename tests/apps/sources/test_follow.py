"""Following: what is new comes, what changed becomes a version, what is gone goes, carefully."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import ErrorCode
from apps.documents import services as documents
from apps.documents.models import DeletionReceipt, Document, IngestRun
from apps.permissions.scope import system_scope
from apps.sources import leases, services, upkeep
from apps.sources import sync as syncing
from apps.sources.connectors.base import Gap
from apps.sources.connectors.folder import Folder
from apps.sources.models import Source, SourceEntry, SourceRun
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.sources.conftest import As, codes, differences, names, run, write

pytestmark = pytest.mark.django_db


def test_files_come_once_with_their_folders_in_the_name(
    folder: Source, share: Path, collection: Collection, alice: User
) -> None:
    write(share / "Opening.md")
    write(share / "HR" / "2024" / "Leave.md", "Thirty days of leave.")
    done = run(folder)
    assert (done.state, differences(done)) == ("done", (2, 0, 0))
    assert names(collection) == ["HR/2024/Leave.md", "Opening.md"]
    with system_scope("test: look"):
        document = Document.objects.get(name__contains="Leave")
    assert document.metadata["folder"] == "HR/2024"
    assert document.metadata["source"] == "Handbook"
    assert document.external_id == f"source:{folder.pk}:HR/2024/Leave.md"
    assert document.owner_id == alice.pk
    with system_scope("test: look"):
        assert {each.priority for each in document.runs.all()} == {IngestRun.Priority.UPKEEP}
    again = run(folder)
    assert (differences(again), again.unchanged, again.bytes) == ((0, 0, 0), 2, 0)


def test_a_changed_file_becomes_a_version_and_a_touched_one_does_not(
    folder: Source, share: Path
) -> None:
    write(share / "a.md", "one")
    write(share / "b.md", "two")
    run(folder)
    write(share / "a.md", "one, changed", ago=30)
    write(share / "b.md", "two", ago=20)
    done = run(folder)
    assert (differences(done), done.unchanged) == ((0, 1, 0), 1)
    with system_scope("test: look"):
        assert Document.objects.get(name="a.md").versions.count() == 2
        assert Document.objects.get(name="b.md").versions.count() == 1


def test_a_removed_file_takes_its_document_along_with_a_receipt(
    folder: Source, share: Path, collection: Collection
) -> None:
    for n in range(6):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    (share / "3.md").unlink()
    done = run(folder)
    assert (done.state, differences(done)) == ("done", (0, 0, 1))
    assert "3.md" not in names(collection)
    assert DeletionReceipt.objects.get().name == "3.md"


def test_many_removals_wait_for_a_person(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    for n in range(20):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    for n in range(12):
        (share / f"{n}.md").unlink()
    done = run(folder)
    assert (done.state, done.to_remove, done.removed) == ("asking", 12, 0)
    assert len(names(collection)) == 20
    with as_(alice):
        services.confirm_removals(run=done, remove=12)
    assert run(folder).removed == 12
    assert len(names(collection)) == 8


def test_a_yes_to_some_is_no_yes_to_more(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    for n in range(20):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    for n in range(12):
        (share / f"{n}.md").unlink()
    asked = run(folder)
    with as_(alice):
        services.confirm_removals(run=asked, remove=12)
    (share / "15.md").unlink()
    done = run(folder)
    assert (done.state, done.to_remove) == ("asking", 13)
    assert len(names(collection)) == 20


def test_an_empty_folder_asks_however_few_there_were(
    folder: Source, share: Path, collection: Collection
) -> None:
    """A share that is not mounted looks like that."""
    for n in range(3):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    for n in range(3):
        (share / f"{n}.md").unlink()
    assert run(folder).state == "asking"
    assert len(names(collection)) == 3


def test_nothing_is_removed_when_the_folder_is_gone(
    folder: Source, share: Path, collection: Collection
) -> None:
    write(share / "a.md")
    run(folder)
    share.rename(share.with_name("elsewhere"))
    done = run(folder)
    assert (done.state, done.error_code) == ("failed", "SOURCE_MISSING")
    assert names(collection) == ["a.md"]


def test_nothing_is_removed_when_a_part_could_not_be_listed(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share / "a.md")
    write(share / "b.md", "b")
    run(folder)
    (share / "a.md").unlink()
    complete = Folder.list

    def with_a_gap(self: Folder) -> Any:
        yield from complete(self)
        yield Gap("closed", ErrorCode.SOURCE_NOT_ALLOWED)

    monkeypatch.setattr(Folder, "list", with_a_gap)
    done = run(folder)
    assert (done.error_code, done.removed) == ("SOURCE_INCOMPLETE", 0)
    assert len(names(collection)) == 2


def test_a_listing_that_breaks_in_the_middle_keeps_what_came_and_removes_nothing(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share / "a.md")
    run(folder)
    (share / "a.md").unlink()
    write(share / "b.md", "b")
    complete = Folder.list

    def broken(self: Folder) -> Any:
        yield from complete(self)
        raise services.AppError(ErrorCode.SOURCE_UNREACHABLE)

    monkeypatch.setattr(Folder, "list", broken)
    done = run(folder)
    assert (done.state, done.error_code, done.added) == ("failed", "SOURCE_UNREACHABLE", 1)
    assert names(collection) == ["a.md", "b.md"]


def test_bad_files_say_why_and_do_not_stop_the_others(folder: Source, share: Path) -> None:
    write(share / "a.exe", "MZ")
    write(share / "b.pdf", "this is no PDF")
    write(share / "c.md", "fine")
    write(share / "d.md", "")
    write(share / "e.zip", "PK")
    done = run(folder)
    assert (done.added, done.skipped, done.failed) == (1, 1, 3)
    said = {"a.exe": "UNSUPPORTED", "b.pdf": "UNREADABLE", "d.md": "EMPTY"}
    assert codes(done) == {**said, "e.zip": "UNREADABLE"}
    again = run(folder)
    assert (again.added, again.bytes, codes(again)) == (0, 0, codes(done))


def test_a_document_deleted_by_hand_stays_away_until_everything_is_taken_again(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    write(share / "a.md")
    write(share / "b.md", "b")
    run(folder)
    with as_(alice):
        documents.delete_document(document=Document.objects.get(name="a.md"))
    write(share / "a.md", "changed", ago=10)
    done = run(folder)
    assert codes(done) == {"a.md": "REMOVED_BY_HAND"}
    assert names(collection) == ["b.md"]
    assert run(folder, is_full=True).added == 1
    assert names(collection) == ["a.md", "b.md"]


def test_a_document_changed_by_hand_is_said_so_and_outlives_its_file(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    for n in range(6):
        write(share / f"{n}.md", f"text {n}")
    run(folder)

    def by_hand(name: str, text: bytes) -> None:
        documents.add_version(
            collection=collection, file=BytesIO(text), name=name, on_existing="version"
        )

    with as_(alice):
        by_hand("1.md", b"better")
        by_hand("2.md", b"mine")
    write(share / "1.md", "newer", ago=10)
    (share / "2.md").unlink()
    done = run(folder)
    assert codes(done) == {"1.md": "CHANGED_BY_HAND", "2.md": "CHANGED_BY_HAND"}
    assert (done.changed, done.removed) == (1, 0)
    assert "2.md" in names(collection)


def test_a_name_that_is_taken_gets_a_number(
    folder: Source, share: Path, collection: Collection
) -> None:
    factories.make_document(collection, "a.md")
    write(share / "a.md")
    run(folder)
    assert names(collection) == ["a (2).md", "a.md"]


def test_a_run_that_was_killed_is_done_again_without_doubles(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    for n in range(5):
        write(share / f"{n}.md", f"text {n}")
    kept = syncing.Following._kept
    calls: list[int] = []

    def dies(self: Any, *args: Any, **values: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        kept(self, *args, **values)

    monkeypatch.setattr(syncing.Following, "_kept", dies)
    with pytest.raises(Killed):
        run(folder)
    monkeypatch.undo()
    with system_scope("test: the lease lapses"):
        past = timezone.now() - timedelta(seconds=1)
        SourceRun.objects.update(lease_until=past)
        upkeep.due()
        left = SourceRun.objects.get()
        assert left.state == "queued"
        syncing.sync(left.pk)
    assert len(names(collection)) == 5
    assert run(folder).unchanged == 5


def test_a_run_that_kills_its_worker_again_and_again_is_given_up(folder: Source) -> None:
    with system_scope("test: a worker"):
        left = SourceRun.objects.get()
        for _ in range(leases.MOST_ATTEMPTS):
            assert SourceRun.claim(left.pk)
            past = timezone.now() - timedelta(seconds=1)
            SourceRun.objects.update(lease_until=past)
        upkeep.due()
        left.refresh_from_db()
    assert (left.state, left.error_code) == ("failed", "GAVE_UP")


def test_two_workers_do_one_run_once(folder: Source, share: Path, collection: Collection) -> None:
    write(share / "a.md")
    with system_scope("test: a worker"):
        only = SourceRun.objects.get()
        assert SourceRun.claim(only.pk) is not None
        syncing.sync(only.pk)
    assert names(collection) == []


def test_run_now_twice_is_one_run(folder: Source, as_: As, alice: User) -> None:
    with as_(alice):
        first = services.run_now(source=folder)
        assert services.run_now(source=folder).pk == first.pk


def test_a_worker_that_lost_its_run_stops_without_a_trace(
    folder: Source, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share / "a.md")
    take = syncing.Following._take

    def meanwhile(self: Any, *args: Any) -> None:
        later = timezone.now() + timedelta(minutes=5)
        SourceRun.objects.update(lease_until=later)
        take(self, *args)

    monkeypatch.setattr(syncing.Following, "_take", meanwhile)
    assert run(folder).state == "running"
    with system_scope("test: look"):
        assert not SourceEntry.objects.exists()
