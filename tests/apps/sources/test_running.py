"""Whose rights a source has, when it runs, where it stops, and how it ends."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.documents.models import DeletionReceipt
from apps.permissions.scope import ScopeDenied, system_scope
from apps.sources import acting, services, upkeep
from apps.sources import sync as syncing
from apps.sources.models import Source, SourceEntry, SourceRun
from apps.workspaces.models import Collection, Member
from tests import factories
from tests.apps.sources.conftest import As, names, run, write

pytestmark = pytest.mark.django_db


# --- whose rights ---------------------------------------------------------------------------------
def test_an_owner_who_may_not_write_any_more_stops_the_source(
    folder: Source, share: Path, collection: Collection, alice: User
) -> None:
    write(share / "a.md")
    with system_scope("test: alice is a viewer now"):
        Member.objects.filter(user=alice).update(role="viewer")
    done = run(folder)
    assert (done.state, done.error_code) == ("failed", "SOURCE_OWNER")
    assert names(collection) == []


def test_an_owner_who_left_stops_the_source(folder: Source, share: Path, alice: User) -> None:
    write(share / "a.md")
    alice.is_active = False
    alice.save()
    assert run(folder).error_code == "SOURCE_OWNER"


def test_rights_that_end_in_the_middle_end_the_run(
    folder: Source,
    share: Path,
    collection: Collection,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acting, "RIGHTS_HOLD_S", 0.0)
    for n in range(4):
        write(share / f"{n}.md", f"text {n}")
    count = syncing.Following._count

    def meanwhile(self: Any, *args: Any) -> None:
        count(self, *args)
        Member.objects.filter(user=alice).update(role="viewer")

    monkeypatch.setattr(syncing.Following, "_count", meanwhile)
    done = run(folder)
    assert (done.error_code, done.added) == ("SOURCE_OWNER", 1)
    assert len(names(collection)) == 1


def test_whoever_saves_a_source_takes_it_over(
    folder: Source, share: Path, workspace: Any, alice: User, as_: As
) -> None:
    erin = factories.make_user("erin")
    factories.make_member(workspace, erin, role="manager")
    with as_(erin):
        services.update_source(
            source=Source.objects.get(),
            name="Handbook",
            values={"path": str(share)},
            schedule={"every_minutes": 60},
        )
    with system_scope("test: alice leaves"):
        alice.delete()
    write(share / "a.md")
    assert run(folder).added == 1


@pytest.mark.parametrize("who", ["bob", "carol", "admin", "dora"])
def test_only_managers_make_sources(
    who: str,
    follow: Callable[..., Source],
    share: Path,
    collection: Collection,
    request: pytest.FixtureRequest,
) -> None:
    if who == "dora":
        user = factories.make_user("dora")
        factories.make_grant(collection, user, role="contributor")
    else:
        user = request.getfixturevalue(who)
    with pytest.raises(ScopeDenied):
        follow("folder", {"path": str(share)}, by=user)


def test_readers_do_not_see_sources(folder: Source, as_: As, bob: User, carol: User) -> None:
    for user in (bob, carol):
        with as_(user):
            assert not Source.objects.exists()
            assert not SourceRun.objects.exists()


# --- limits and the clock -------------------------------------------------------------------------
def test_a_run_that_reaches_its_limit_removes_nothing_and_the_next_goes_on(
    folder: Source, share: Path, collection: Collection, settings: Any
) -> None:
    write(share / "0.md", "zero")
    run(folder)
    (share / "0.md").unlink()
    for n in range(1, 6):
        write(share / f"{n}.md", f"text {n}")
    settings.SOURCE_BYTES = 10
    done = run(folder)
    assert (done.error_code, done.removed) == ("SOURCE_LIMIT", 0)
    assert 0 < done.added < 5
    settings.SOURCE_BYTES = 1 << 30
    assert run(folder).error_code == ""
    assert len(names(collection)) == 5


def test_too_many_entries_stop_a_run(folder: Source, share: Path, settings: Any) -> None:
    for n in range(4):
        write(share / f"{n}.md", f"text {n}")
    settings.SOURCE_ENTRIES = 2
    done = run(folder)
    assert (done.error_code, done.added) == ("SOURCE_LIMIT", 2)


def test_the_clock_starts_what_is_due_once(folder: Source, sent_jobs: Any) -> None:
    run(folder)
    sent_jobs.clear()
    with system_scope("test: the clock"):
        upkeep.due()
        assert not SourceRun.objects.filter(state="queued").exists()
        Source.objects.update(next_run_at=timezone.now())
        upkeep.due()
        upkeep.due()
        assert SourceRun.objects.filter(state="queued").count() == 1
        folder.refresh_from_db()
        assert folder.next_run_at is not None
        assert folder.next_run_at > timezone.now() + timedelta(minutes=50)


@pytest.mark.parametrize(
    ("now", "following"),
    [("01:00", "2024-05-06 03:30"), ("03:30", "2024-05-07 03:30"), ("23:00", "2024-05-07 03:30")],
)
def test_a_daily_source_runs_at_its_time_of_the_day_there(
    folder: Source, now: str, following: str
) -> None:
    folder.every_minutes, folder.daily_at = 0, time(3, 30)
    with timezone.override("Asia/Shanghai"):
        at = timezone.make_aware(datetime.fromisoformat(f"2024-05-06 {now}"))
        found = services.next_run(folder, now=at)
        assert found is not None
        assert f"{timezone.localtime(found):%Y-%m-%d %H:%M}" == following


def test_a_paused_source_does_not_run_by_itself(folder: Source, as_: As, alice: User) -> None:
    run(folder)
    with as_(alice):
        services.switch(source=folder, is_on=False)
    with system_scope("test: the clock"):
        Source.objects.update(next_run_at=timezone.now())
        upkeep.due()
        assert not SourceRun.objects.filter(state="queued").exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_waits_while_others_hold_the_worker(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.sources import sync as task  # noqa: PLC0415 - registers the Celery task

    monkeypatch.setattr(upkeep, "RUNNING_AT_ONCE", 0)
    write(share / "a.md")
    with system_scope("test: look"):
        waiting = SourceRun.objects.get()
    task.apply(kwargs={"run_id": str(waiting.pk)}, throw=True)
    assert names(collection) == []
    monkeypatch.undo()


# --- the end --------------------------------------------------------------------------------------
def test_a_source_may_go_and_leave_its_documents(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    write(share / "a.md")
    run(folder)
    with as_(alice):
        services.delete_source(source=folder, keep_documents=True)
        assert not Source.objects.exists()
    assert names(collection) == ["a.md"]


def test_a_source_may_take_its_documents_along(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    for n in range(12):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    factories.make_document(collection, "other.txt", is_indexed=False)
    with as_(alice):
        services.delete_source(source=folder, keep_documents=False)
    with system_scope("test: a worker"):
        syncing.sync(SourceRun.objects.get(state="queued").pk)
        assert not Source.objects.exists()
    assert names(collection) == ["other.txt"]
    assert DeletionReceipt.objects.count() == 12


def test_a_collection_that_goes_takes_its_sources_along(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    from apps.workspaces.services import delete_collection  # noqa: PLC0415 - its only use

    write(share / "a.md")
    run(folder)
    with as_(alice):
        delete_collection(collection=collection)
    with system_scope("test: look"):
        assert not Source.objects.exists()
        assert not SourceEntry.objects.exists()
