"""Answers that another process writes, or wrote until it died."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.chat import running, services
from apps.chat.jobs import CLOSE_INTERRUPTED
from apps.chat.models import Conversation, Turn
from apps.chat.queries import conversations
from apps.core.aio import in_thread
from apps.documents.models import Document
from apps.engines.adapters.fake import ScriptedGenerator
from apps.permissions.scope import entered
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.chat.talk import LAST, LONG, said, sql, talking
from tests.factories import make_document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_quick_pulse")]


@pytest.fixture(autouse=True)
def contract(collection: Collection) -> Document:
    return make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])


async def test_a_stop_from_another_process_is_heard(bob: User, slow: ScriptedGenerator) -> None:
    async with talking(bob) as talk:
        await talk.begin()
        await sql(Turn.objects.update, stop_requested=True)
        frames = await talk.until(*LAST)
    assert frames[-1]["type"] == "stopped"
    assert (await sql(Turn.objects.get)).state == "stopped"


async def test_the_partial_answer_is_in_sql_while_it_is_written(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        while not (row := await sql(Turn.objects.get)).answer:
            await talk.frame()
        assert row.state == "running"
        assert LONG.startswith(row.answer.strip())
        await talk.send(type="stop", turn=turn)
        await talk.until(*LAST)


async def test_an_answer_of_another_process_is_followed_through_sql(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        entry = running._running.pop(next(iter(running._running)))  # as another process sees it
        async with talking(bob) as elsewhere:
            await elsewhere.send(type="follow", turn=turn, after=0)
            first = await elsewhere.until("delta")
            entry.stop()
            rest = await elsewhere.until(*LAST)
        own = await talk.until(*LAST)
    frames = first + rest
    assert [frame["type"] for frame in frames[:3]] == ["started", "sources", "delta"]
    assert rest[-1]["type"] == "stopped"
    assert rest[-1]["text"] == own[-1]["text"]
    assert own[-1]["text"].startswith(said(frames).strip())
    numbers = [frame["n"] for frame in frames]
    assert numbers == sorted(set(numbers))


async def test_a_reader_who_comes_to_another_process_goes_on_where_they_were(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        while len(said(talk.seen)) < 100:
            await talk.frame()
        first, seen = said(talk.seen), talk.seen[-1]["n"]
        entry = running._running.pop(next(iter(running._running)))
        async with talking(bob) as elsewhere:
            await elsewhere.send(type="follow", turn=turn, after=seen)
            more = said(await elsewhere.until("delta"))
            entry.stop()
            await elsewhere.until(*LAST)
    assert more
    assert LONG.startswith((first + more).strip())


async def test_an_answer_whose_process_died_is_marked_and_keeps_what_was_said(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.send(type="stop", turn=turn)
        await talk.until(*LAST)
        running._running.clear()
        await asyncio.sleep(0.5)  # a last sign of life may still be on its way
        died = timezone.now() - timedelta(minutes=1)
        await sql(Turn.objects.update, state="running", answer="Ninety", heartbeat_at=died)
        frames = await talk.follow(turn)
    assert frames[-1]["code"] == "ANSWER_INTERRUPTED"
    assert frames[-1]["message"].startswith("The answer was interrupted")
    assert frames[-1]["text"] == "Ninety"
    row = await sql(Turn.objects.get)
    assert (row.state, row.answer) == ("failed", "Ninety")


async def test_an_answer_that_was_given_up_by_mistake_goes_on(
    bob: User, model: ScriptedGenerator
) -> None:
    model.delta_delay_s = 0.01
    model.script.append(" ".join(LONG.split()[:60]))
    async with talking(bob) as talk:
        await talk.begin()
        await sql(Turn.objects.update, state="failed", error_code="ANSWER_INTERRUPTED")
        frames = await talk.until(*LAST)
    assert frames[-1]["type"] == "done"
    row = await sql(Turn.objects.get)
    assert (row.state, row.error_code) == ("complete", "")
    assert row.answer.split() == LONG.split()[:60]


async def test_a_late_sign_of_life_does_not_undo_the_end(bob: User) -> None:
    async with talking(bob) as talk:
        done = (await talk.ask("What is the notice period?"))[-1]
    with entered(await in_thread(partial(scope_of, bob))):
        beat = partial(services.beat, turn_id=UUID(done["turn"]), answer="The no", thinking="")
        assert not await in_thread(beat)
    assert (await sql(Turn.objects.get)).answer == done["text"]


async def test_an_answer_that_still_beats_is_not_marked(bob: User, slow: ScriptedGenerator) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        assert await sql(services.close_interrupted) == 0
        await talk.send(type="stop", turn=turn)
        assert (await talk.until(*LAST))[-1]["type"] == "stopped"


async def test_deleting_the_conversation_stops_its_answer(
    bob: User, slow: ScriptedGenerator
) -> None:
    def delete() -> None:
        with entered(scope_of(bob)):
            services.delete_conversation(conversation=Turn.objects.get().conversation)

    async with talking(bob) as talk:
        await talk.begin()
        await in_thread(delete)
        frames = await talk.until(*LAST)
    assert frames[-1]["type"] in {"stopped", "error"}
    assert slow.closed == 1
    assert await sql(Turn.objects.count) == 0


def test_the_clock_ends_answers_whose_process_died(bob: User, inline_jobs: None) -> None:
    with entered(scope_of(bob)):
        dead = services.ask(question="What is the notice period?")
        alive = services.ask(question="What is the rent?")
        Turn.objects.filter(pk=dead.turn_id).update(
            heartbeat_at=timezone.now() - timedelta(minutes=1)
        )
    CLOSE_INTERRUPTED.enqueue()
    with entered(scope_of(bob)):
        assert Turn.objects.get(pk=dead.turn_id).error_code == "ANSWER_INTERRUPTED"
        assert Turn.objects.get(pk=alive.turn_id).state == "running"


def test_the_clock_forgets_what_was_not_to_stay_and_nobody_answers(
    bob: User, inline_jobs: None
) -> None:
    def asked(*, is_passing: bool) -> UUID:
        return services.ask(question="What is the rent?", is_passing=is_passing).conversation_id

    with entered(scope_of(bob)):
        left, stays, fresh, running = (asked(is_passing=each) for each in (True, False, True, True))
        assert [row.pk for row in conversations()] == [stays]
        long_ago = timezone.now() - timedelta(hours=2)
        Conversation.objects.exclude(pk=fresh).update(updated_at=long_ago)
        Turn.objects.exclude(conversation=running).update(heartbeat_at=long_ago)
    CLOSE_INTERRUPTED.enqueue()
    with entered(scope_of(bob)):
        assert set(Conversation.objects.values_list("pk", flat=True)) == {stays, fresh, running}
    assert left not in {stays, fresh, running}
