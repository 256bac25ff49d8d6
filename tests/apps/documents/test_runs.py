"""Runs: claimed once, extended, killed anywhere, tried again, given up; the old version answers
until the new one is published."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import ErrorCode, Transient
from apps.core.leases import LEASE, LeaseLost
from apps.documents import ingest, queries, services
from apps.documents.models import Chunk, Document, IngestRun
from apps.documents.passages import cutting
from apps.documents.runs import indexing, parsed, publishing, upkeep
from apps.documents.runs.leases import MOST_ATTEMPTS, MOST_READS, Work
from apps.engines import factory
from apps.engines.adapters.memory_index import MemoryIndex
from apps.permissions.scope import entered, system_scope
from apps.rag.embed import embed_chunks
from apps.rag.ports import EngineBusy, EngineRejected, EngineUnavailable
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.documents.conftest import As, Killed, add
from tests.apps.documents.runs import (
    Stage,
    State,
    due,
    is_searchable_once,
    lapse,
    run_of,
    worked_off,
)


# --- claims ---------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_run(alice: User, collection: Collection) -> None:
    with entered(scope_of(alice)):
        run = add(collection).run

    def claim(_: int) -> bool:
        try:
            with system_scope("test: race"):
                return IngestRun.claim(run.pk, stages=[Stage.PARSE]) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_a_run_that_is_held_is_left_alone(added: services.Added, system: object) -> None:
    assert Work.claimed(added.run.pk, Stage.PARSE) is not None
    ingest.parse(added.run.pk)
    assert run_of(added).attempt == 1
    assert not Chunk.objects.exists()


def test_a_run_is_not_worked_on_at_another_stage(added: services.Added, system: object) -> None:
    ingest.embed(added.run.pk)
    assert run_of(added).state == State.QUEUED


def test_a_worker_slower_than_its_lease_changes_nothing(
    added: services.Added, system: object
) -> None:
    slow = Work.claimed(added.run.pk, Stage.PARSE)
    assert slow is not None
    lapse(added.run.pk)
    fast = Work.claimed(added.run.pk, Stage.PARSE)
    assert fast is not None
    for late in (
        partial(slow.fail, "UNREADABLE"),
        partial(slow.hand_over, Stage.EMBED, total=1),
        partial(slow.extend, 1, 2),
        slow.finish,
        slow.held,
    ):
        slow._lease._extended -= 60
        with pytest.raises(LeaseLost):
            late()
    assert run_of(added).state == State.RUNNING


def test_two_runs_of_one_document_never_overlap(
    as_: As, alice: User, collection: Collection, system: object
) -> None:
    with as_(alice):
        first = add(collection)
        second = add(collection, b"The notice period is sixty days.", on_existing="version")
    assert Work.claimed(first.run.pk, Stage.PARSE) is not None
    assert Work.claimed(second.run.pk, Stage.PARSE) is None
    assert run_of(second).state == State.QUEUED


def test_a_long_stage_keeps_its_lease(added: services.Added, system: object) -> None:
    work = Work.claimed(added.run.pk, Stage.PARSE)
    assert work is not None
    IngestRun.objects.filter(pk=added.run.pk).update(
        lease_until=timezone.now() + timedelta(seconds=2)
    )
    work._lease._until = run_of(added).lease_until  # type: ignore[assignment] # it was set just now
    work._lease._extended -= 60
    work.extend(3, 10)
    run = run_of(added)
    assert run.lease_until is not None
    assert run.lease_until > timezone.now() + LEASE / 2
    assert (run.done, run.total) == (3, 10)


# --- killed anywhere ------------------------------------------------------------------------------
def killed_once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, *, after: bool) -> None:
    """The first call of ``owner.name`` ends the worker, before or after it has done its work."""
    original = getattr(owner, name)
    calls = []

    def deadly(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        result = original(*args, **kwargs) if after or len(calls) > 1 else None
        if len(calls) == 1:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, deadly)


def parsed_and_embedded(run_id: UUID) -> None:
    ingest.parse(run_id)
    ingest.embed(run_id)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ingest, "_read"),
        (parsed, "keep"),
        (ingest, "chunk"),
        (cutting, "save"),
        (indexing, "embed_chunks"),
        (MemoryIndex, "add"),
        (Work, "advance_together"),
        (MemoryIndex, "counts"),
        (publishing, "publish"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(
    added: services.Added,
    alice: User,
    collection: Collection,
    system: object,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    after: bool,  # noqa: FBT001 - a parameter of the table above
) -> None:
    killed_once(monkeypatch, owner, name, after=after)
    with pytest.raises(Killed):
        parsed_and_embedded(added.run.pk)
    lapse(added.run.pk)
    due()
    run = worked_off(run_of(added))
    assert (run.state, run.error_code) == (State.DONE, "")
    assert is_searchable_once(added, alice, collection)


def test_every_stage_may_run_twice(
    added: services.Added, alice: User, collection: Collection, system: object
) -> None:
    ingest.parse(added.run.pk)
    IngestRun.objects.filter(pk=added.run.pk).update(stage=Stage.PARSE, state=State.QUEUED)
    ingest.parse(added.run.pk)
    ids = set(Chunk.objects.values_list("pk", flat=True))
    ingest.embed(added.run.pk)
    IngestRun.objects.filter(pk=added.run.pk).update(stage=Stage.EMBED, state=State.QUEUED)
    ingest.embed(added.run.pk)
    assert set(Chunk.objects.values_list("pk", flat=True)) == ids
    assert is_searchable_once(added, alice, collection)


def test_a_file_whose_worker_was_killed_twice_while_reading_it_is_set_aside(
    added: services.Added, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(*_args: object) -> None:
        raise Killed

    monkeypatch.setattr(ingest, "_read", deadly)
    for _ in range(MOST_READS):
        with pytest.raises(Killed):
            ingest.parse(added.run.pk)
        lapse(added.run.pk)
    upkeep.sweep()
    run = run_of(added)
    assert (run.state, run.error_code) == (State.FAILED, "GAVE_UP")
    ingest.parse(added.run.pk)
    assert run_of(added).state == State.FAILED


def test_a_file_given_up_does_not_stop_the_others(
    added: services.Added, as_: As, alice: User, collection: Collection, system: object
) -> None:
    IngestRun.objects.filter(pk=added.run.pk).update(
        state=State.RUNNING, attempt=MOST_ATTEMPTS, lease_until=timezone.now() - LEASE
    )
    with as_(alice):
        other = add(collection, b"The other contract has no notice period.", "other.txt")
    due()
    assert worked_off(run_of(other)).state == State.DONE
    assert run_of(added).error_code == "GAVE_UP"


# --- waiting --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineUnavailable("down"), "ENGINE_WAIT"),
        (EngineBusy("full", retry_after=7), "ENGINE_WAIT"),
        (Transient(ErrorCode.ENGINE_WAIT), "ENGINE_WAIT"),
        (OSError(28, "No space left on device"), "DISK_FULL"),
        (OperationalError("database or disk is full"), "DISK_FULL"),
    ],
    ids=["down", "full", "transient", "disk", "database"],
)
def test_what_is_not_the_files_fault_does_not_use_up_its_attempts(
    added: services.Added,
    alice: User,
    collection: Collection,
    system: object,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: str,
) -> None:
    ingest.parse(added.run.pk)

    def failing(*_args: object) -> None:
        raise error

    with monkeypatch.context() as while_down:
        while_down.setattr(indexing, "embed_chunks", failing)
        for _ in range(3 * MOST_ATTEMPTS):
            ingest.embed(added.run.pk)
            run = run_of(added)
            assert (run.state, run.attempt, run.error_code) == (State.QUEUED, 0, code)
            assert run.not_before is not None
            assert run.not_before > timezone.now()
        document = queries.with_state(Document.objects.all()).get()
        assert (document.state, document.error_code) == ("embedding", code)
    ingest.embed(added.run.pk)
    assert run_of(added).error_code == ""
    assert is_searchable_once(added, alice, collection)


def test_a_waiting_run_is_sent_again_later_and_later(
    added: services.Added,
    system: object,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(
        "apps.core.jobs._send", lambda job, kwargs, *, countdown=0: waits.append(countdown)
    )

    def down(*_args: object) -> None:
        raise EngineUnavailable

    monkeypatch.setattr(indexing, "embed_chunks", down)
    with django_capture_on_commit_callbacks(execute=True):
        ingest.parse(added.run.pk)
        for _ in range(12):
            ingest.embed(added.run.pk)
    delays = [wait for wait in waits if wait]
    assert len(delays) == 12
    assert delays[0] < 3
    assert delays[4] > delays[0] * 4
    assert max(delays) <= 300 * 1.25


def test_a_model_server_that_refuses_fails_the_run_in_the_end(
    added: services.Added, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.parse(added.run.pk)

    def refusing(*_args: object) -> None:
        raise EngineRejected("HTTP 401: secret text of a server")

    monkeypatch.setattr(indexing, "embed_chunks", refusing)
    for _ in range(MOST_ATTEMPTS + 1):
        ingest.embed(added.run.pk)
    run = run_of(added)
    assert (run.state, run.error_code) == (State.FAILED, "ENGINE_REJECTED")
    assert "secret" not in str(run.error_detail)


# --- together -------------------------------------------------------------------------------------
def small(as_: As, alice: User, collection: Collection, count: int) -> list[services.Added]:
    """Small documents that wait to be embedded."""
    with as_(alice):
        made = [
            add(collection, f"The notice period of contract {n} is {n} days.".encode(), f"{n}.txt")
            for n in range(count)
        ]
    for one in made:
        ingest.parse(one.run.pk)
    return made


def test_small_files_that_wait_are_indexed_with_one_write(
    as_: As, alice: User, collection: Collection, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = small(as_, alice, collection, 5)
    writes: list[int] = []
    original = MemoryIndex.add

    def counted(self: MemoryIndex, versions: Any) -> None:
        writes.append(len(versions))
        original(self, versions)

    monkeypatch.setattr(MemoryIndex, "add", counted)
    ingest.embed(made[2].run.pk)
    assert writes == [5]
    assert {run_of(one).state for one in made} == {State.DONE}
    for one in made:
        ingest.embed(one.run.pk)
    assert writes == [5]
    assert Document.objects.filter(current__isnull=False).count() == 5


def test_a_text_that_the_model_refuses_does_not_fail_its_neighbours(
    as_: As, alice: User, collection: Collection, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = small(as_, alice, collection, 4)
    original = embed_chunks

    def choosy(chunks: Any, embedder: Any) -> Any:
        if any("contract 3" in one.text for one in chunks):
            raise EngineRejected("too much")
        return original(chunks, embedder)

    monkeypatch.setattr(indexing, "embed_chunks", choosy)
    for _ in range(MOST_ATTEMPTS + 1):
        for one in made:
            ingest.embed(one.run.pk)
    states = [(run_of(one).state, run_of(one).error_code) for one in made]
    assert states == [(State.DONE, "")] * 3 + [(State.FAILED, "ENGINE_REJECTED")]


def test_one_of_several_deleted_meanwhile_leaves_no_rows_and_stops_no_other(
    as_: As, alice: User, collection: Collection, system: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = small(as_, alice, collection, 3)
    original = MemoryIndex.add

    def add_late(self: MemoryIndex, versions: Any) -> None:
        with as_(alice):
            services.delete_document(document=made[1].document)
        original(self, versions)

    monkeypatch.setattr(MemoryIndex, "add", add_late)
    ingest.embed(made[0].run.pk)
    kept = {str(one.version.pk) for one in (made[0], made[2])}
    assert set(factory.index().versions()) == kept
    assert [run_of(one).state for one in made] == [State.DONE, State.CANCELLED, State.DONE]
