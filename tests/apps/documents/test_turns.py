"""Whose turn it is: workspaces take turns, and so do the people in one; what a person waits for
goes before what nobody does; and the page says how long it takes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from apps.accounts.models import User
from apps.core.leases import LeaseLost
from apps.documents import ingest
from apps.documents.deletion import reconcile
from apps.documents.models import DocumentVersion, IngestRun
from apps.documents.runs import queue, upkeep, waiting
from apps.documents.runs.leases import Work
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, Workspace
from tests import factories
from tests.apps.documents.conftest import As, add

Stage = IngestRun.Stage


@pytest.fixture
def elsewhere(carol: User) -> Collection:
    """A collection of another workspace, that carol manages."""
    with system_scope("test: hers"):
        return factories.make_collection(Workspace.objects.get(name="Elsewhere"), "Hers")


def upload(collection: Collection, *names: str) -> None:
    for name in names:
        add(collection, f"The text of {name}.".encode(), f"{name}.txt")


def taken(number: int, *stages: str) -> list[str]:
    """Names of the next documents that a worker gets."""
    names = []
    with system_scope("test: a worker"):
        for _ in range(number):
            work = Work.next(*(stages or (Stage.PARSE,)))
            if work is None:
                break
            names.append(work.run.document.name.removesuffix(".txt"))
    return names


def test_one_file_is_not_behind_the_many_of_another_department(
    as_: As, alice: User, carol: User, collection: Collection, elsewhere: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2", "a3", "a4")
    with as_(carol):
        upload(elsewhere, "c1", "c2")
    assert taken(6) == ["a1", "c1", "a2", "c2", "a3", "a4"]


def test_the_people_of_a_department_take_turns_too(
    as_: As, alice: User, dora: User, collection: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2", "a3")
    with as_(dora):
        upload(collection, "d1")
    assert taken(4) == ["a1", "d1", "a2", "a3"]


def test_many_people_of_one_department_do_not_push_another_one_back(
    as_: As, alice: User, dora: User, carol: User, collection: Collection, elsewhere: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2")
    with as_(dora):
        upload(collection, "d1", "d2")
    with as_(carol):
        upload(elsewhere, "c1", "c2")
    assert taken(6) == ["a1", "c1", "d1", "c2", "a2", "d2"]


def test_whoever_waited_in_one_stage_has_a_turn_in_the_next(
    as_: As, alice: User, carol: User, collection: Collection, elsewhere: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2", "a3")
    with as_(carol):
        upload(elsewhere, "c1")
    with system_scope("test: a worker"):
        for _ in range(4):
            ingest.parse()
    assert taken(4, Stage.EMBED) == ["c1", "a1", "a2", "a3"]


def test_what_nobody_waits_for_comes_last(as_: As, alice: User, collection: Collection) -> None:
    factories.make_document(collection, "lost.txt", is_indexed=False)
    with system_scope("test: the night"):
        reconcile.run(is_repairing=True)
    with as_(alice):
        upload(collection, "a1")
    with system_scope("test: a worker"):
        ingest.parse()
    assert taken(2, Stage.EMBED) == ["a1", "lost"]


def test_a_run_that_waits_for_a_server_lets_the_others_go_first(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2")
    with system_scope("test: a worker"):
        work = Work.next(Stage.PARSE)
        assert work is not None
        work.wait("ENGINE_WAIT", after=60.0)
    assert taken(3) == ["a2"]


def test_a_message_is_for_whoever_is_next(
    as_: As, alice: User, collection: Collection, sent_jobs: list[tuple[str, dict[str, Any]]]
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2")
    with system_scope("test: a worker"):
        ingest.parse()
        ingest.parse()
        ingest.parse()  # a message too many does nothing
        assert IngestRun.objects.filter(stage=Stage.EMBED).count() == 2


# --- places ---------------------------------------------------------------------------------------
def places(*collections: Collection) -> dict[str, int]:
    with system_scope("test: look at every place"):
        versions = DocumentVersion.objects.filter(collection__in=collections)
        found = waiting.places_of(list(versions.values_list("document", flat=True)))
        names = dict(versions.values_list("document", "filename"))
        return {names[pk].removesuffix(".txt"): place.place for pk, place in found.items()}


def test_the_places_are_those_in_which_the_runs_are_taken(
    as_: As, alice: User, dora: User, carol: User, collection: Collection, elsewhere: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1", "a2", "a3")
    with as_(dora):
        upload(collection, "d1")
    with as_(carol):
        upload(elsewhere, "c1", "c2")
    told = places(collection, elsewhere)
    order = taken(6)
    assert [told["a1"], told["c1"], told["d1"]] == [1, 1, 1]  # each the first of their own
    assert max(abs(told[name] - at) for at, name in enumerate(order, 1)) <= 2
    assert told["a1"] < told["a2"] < told["a3"]


def test_the_page_says_the_place_and_the_time(
    as_: As,
    alice: User,
    bob: User,
    collection: Collection,
    client_of: Callable[[User], Client],
    inline_jobs: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with as_(alice):
        upload(collection, "measured")
    monkeypatch.setattr("apps.core.jobs._send", lambda *_args, **_more: None)
    with as_(alice):
        upload(collection, "a1", "a2")
    page = client_of(bob).get(f"/k/{collection.pk}/").content.decode()
    assert "Place 1 in the queue, about 1 minute" in page
    assert "Place 2 in the queue" in page
    assert "done in about 1 minute" in page


def test_nobody_is_told_a_place_in_a_collection_that_they_cannot_open(
    as_: As, alice: User, carol: User, collection: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1")
        mine = list(DocumentVersion.objects.values_list("document", flat=True))
        assert len(waiting.places_of(mine)) == 1
    with as_(carol):
        assert waiting.places_of(mine) == {}
        assert waiting.seconds_left(collection) is None


def test_the_api_says_the_place(
    as_: As, alice: User, collection: Collection, client_of: Callable[[User], Client]
) -> None:
    with as_(alice):
        upload(collection, "a1")
        document = DocumentVersion.objects.get().document_id
    answer = client_of(alice).get(f"/api/v1/documents/{document}").json()
    assert answer["queue"] == {"place": 1, "seconds": None}
    balance = client_of(alice).get(f"/api/v1/collections/{collection.pk}/balance").json()
    assert balance["waiting"] == 1
    assert balance["seconds_left"] is None


def test_candidates_are_few_but_enough(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        upload(collection, *(f"a{n}" for n in range(queue.CANDIDATES + 2)))
    with system_scope("test: a worker"):
        assert len(list(queue.turns(Stage.PARSE))) == queue.CANDIDATES


# --- clocks ---------------------------------------------------------------------------------------
def test_a_clock_that_is_set_back_an_hour_stops_nothing(
    as_: As, alice: User, collection: Collection
) -> None:
    """What waits and what is held was written by a clock that was an hour ahead."""
    with as_(alice):
        upload(collection, "a1", "a2", "a3")
    with system_scope("test: a worker dies, then the clock is set back"):
        held = Work.next(Stage.PARSE)
        assert held is not None
        hour = timedelta(hours=1)
        IngestRun.objects.filter(state="queued").update(not_before=F("not_before") + hour)
        IngestRun.objects.filter(pk=held.run.pk).update(lease_until=F("lease_until") + hour)
        upkeep.sweep()
    assert sorted(taken(3)) == ["a1", "a2", "a3"]


def test_a_clock_that_jumps_ahead_takes_the_work_away_and_somebody_else_does_it(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        upload(collection, "a1")
    with system_scope("test: a worker that is still at work"):
        slow = Work.next(Stage.PARSE)
        assert slow is not None
        IngestRun.objects.update(lease_until=F("lease_until") - timedelta(hours=1))
        upkeep.sweep()
        other = Work.next(Stage.PARSE)
        assert other is not None
        other.hand_over(Stage.EMBED, total=1)
        with pytest.raises(LeaseLost):
            slow.hand_over(Stage.EMBED, total=1)
