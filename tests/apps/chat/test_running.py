"""An answer belongs to nobody's socket: it can be followed, left, found again and stopped."""

import asyncio
import threading
from contextlib import aclosing
from functools import partial

import pytest

from apps.accounts.models import User
from apps.chat import running, services
from apps.chat.consumers import ChatConsumer
from apps.chat.models import Turn
from apps.core.aio import in_thread
from apps.documents.models import Document
from apps.engines import factory
from apps.engines.adapters.fake import ScriptedGenerator
from apps.permissions.scope import entered
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.chat.talk import LAST, LONG, said, sql, talking
from tests.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def contract(collection: Collection) -> Document:
    return make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])


async def test_stop_is_heard_while_the_answer_streams_and_keeps_what_was_said(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.send(type="stop", turn=turn)
        frames = await talk.until(*LAST)
    assert frames[-1]["type"] == "stopped"
    assert frames[-1]["text"] == said(talk.seen).strip()
    assert LONG.startswith(frames[-1]["text"])
    assert len(frames) < 40, "the stop came after a few words, not at the end"
    assert slow.closed == 1, "the stream of the model server was closed"
    row = await sql(Turn.objects.get)
    assert (row.state, row.answer) == ("stopped", frames[-1]["text"])


async def test_stopping_twice_changes_nothing(bob: User, slow: ScriptedGenerator) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.send(type="stop", turn=turn)
        await talk.send(type="stop", turn=turn)
        frames = await talk.until(*LAST)
        await talk.send(type="stop", turn=turn)
        assert await talk.is_silent()
    row = await sql(Turn.objects.get)
    assert (row.state, row.answer) == ("stopped", frames[-1]["text"])


async def test_an_answer_that_is_stopped_before_its_first_frame_is_recorded(
    bob: User, slow: ScriptedGenerator
) -> None:
    with entered(await in_thread(partial(scope_of, bob))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        turn = await running.start(opened)
        running._running[turn].stop()
        collected = await running.collect(turn)
    assert collected.state == "stopped"
    assert (await sql(Turn.objects.get)).state == "stopped"


async def test_closing_the_tab_does_not_stop_the_answer(
    bob: User, model: ScriptedGenerator
) -> None:
    model.delta_delay_s = 0.01
    model.script.append(" ".join(LONG.split()[:30]))
    async with talking(bob) as talk:
        turn = await talk.begin()
    async with talking(bob) as again:
        frames = await again.follow(turn)
    assert [frame["type"] for frame in frames[:3]] == ["started", "sources", "delta"]
    assert frames[-1]["type"] == "done"
    assert said(frames).split() == LONG.split()[:30]
    assert (await sql(Turn.objects.get)).state == "complete"


async def test_two_tabs_see_the_same_answer(bob: User, slow: ScriptedGenerator) -> None:
    async with talking(bob) as one, talking(bob) as two:
        turn = await one.begin()
        await two.send(type="follow", turn=turn, after=0)
        await two.until("delta")
        await two.send(type="stop", turn=turn)
        last_of_two = (await two.until(*LAST))[-1]
        last_of_one = (await one.until(*LAST))[-1]
    assert last_of_one == last_of_two
    assert said(one.seen) == said(two.seen)


async def test_following_goes_on_where_the_reader_was(bob: User, model: ScriptedGenerator) -> None:
    model.delta_delay_s = 0.01
    model.script.append("abcdefghijklmnopqrstuvwxyz " * 8)
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.until("delta")
        seen = talk.seen[-1]["n"]
    first = said(talk.seen)
    async with talking(bob) as again:
        rest = await again.follow(turn, after=seen)
    assert all(frame["n"] > seen for frame in rest)
    assert (first + said(rest)).strip() == rest[-1]["text"]


async def test_following_one_turn_twice_in_a_socket_gives_it_once(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.send(type="follow", turn=turn, after=talk.seen[-1]["n"])
        await talk.until("delta")
        await talk.send(type="stop", turn=turn)
        await talk.until(*LAST)
        assert await talk.is_silent()
    numbers = [frame["n"] for frame in talk.seen if frame["type"] == "delta"]
    assert len(set(numbers)) >= len(numbers) - 1


async def test_a_finished_answer_can_be_followed(bob: User) -> None:
    async with talking(bob) as talk:
        live = await talk.ask("What is the notice period?")
    running._running.clear()  # as after a minute, or in another process
    async with talking(bob) as again:
        stored = await again.follow(live[0]["turn"])
    assert [frame["type"] for frame in stored] == ["started", "sources", "done"]
    assert stored[1]["sources"] == live[1]["sources"]
    kept = ("text", "cited", "unsupported", "refused", "took_ms", "first_token_ms", "model")
    assert [stored[-1][key] for key in kept] == [live[-1][key] for key in kept]
    assert stored[0]["title"] == live[0]["title"]


async def test_stopping_the_server_records_what_was_said(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        await talk.begin()
        await running.stop_all()
        row = await sql(Turn.objects.get)
        frames = await talk.until(*LAST)
    assert row.state == "stopped"
    assert row.answer
    assert frames[-1] == {**frames[-1], "type": "stopped", "text": row.answer}


async def test_a_cancel_while_the_end_is_recorded_loses_nothing(
    bob: User, slow: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        turn = await talk.begin()
        for entry in running._running.values():
            entry.stop()
            await asyncio.sleep(0)
            entry.stop()
            await asyncio.sleep(0)
            entry.stop()
        frames = await talk.until(*LAST)
    assert frames[-1]["type"] == "stopped"
    assert str((await sql(Turn.objects.get)).pk) == turn


# --- the sum ------------------------------------------------------------------------------------


async def test_an_answer_can_be_had_as_one_piece(bob: User, contract) -> None:
    with entered(await in_thread(partial(scope_of, bob))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        answer = await running.answer_once(opened)
        again = await running.collect(opened.turn_id)
    assert answer.text == "The notice period is ninety days. [1]"
    assert answer.cited == [1]
    assert answer.sources[0]["document"] == str(contract.pk)
    assert (answer.state, answer.error_code, answer.is_refused) == ("complete", "", False)
    assert answer.completion_tokens > 0
    assert again == answer


async def test_a_socket_that_is_gone_without_a_word_ends_its_following(
    bob: User, slow: ScriptedGenerator
) -> None:
    consumer = ChatConsumer()
    consumer.followed = {}

    async def gone(message: object) -> None:
        raise OSError

    consumer.base_send = gone
    with entered(await in_thread(partial(scope_of, bob))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        turn = await running.start(opened)
        consumer._follow(turn)
        await asyncio.wait_for(consumer.followed[turn], timeout=10)
        assert consumer.followed == {}
        assert not running._running[turn].is_over
        await running.stop(turn)


async def test_leaving_a_followed_answer_early_is_harmless(
    bob: User, slow: ScriptedGenerator
) -> None:
    with entered(await in_thread(partial(scope_of, bob))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        turn = await running.start(opened)
        async with aclosing(running.follow(turn)) as frames:
            async for frame in frames:
                if frame["type"] == "delta":
                    break
        assert not running._running[turn].is_over
        await running.stop(turn)
        assert (await running.collect(turn)).state == "stopped"


async def test_stop_is_heard_before_the_first_word(bob: User, model: ScriptedGenerator) -> None:
    model.first_delay_s = 3600
    async with talking(bob) as talk:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("sources"))[0]["turn"]
        await talk.send(type="stop", turn=turn)
        stopped = (await talk.until(*LAST))[-1]
    assert (stopped["type"], stopped["text"]) == ("stopped", "")
    assert model.closed <= 1
    assert (await sql(Turn.objects.get)).state == "stopped"


async def test_stop_is_heard_while_the_search_hangs(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, goes_on = threading.Event(), threading.Event()
    index = factory.fakes().index
    honest = index.by_words

    def slowly(*args, **kwargs):
        hanging.set()
        goes_on.wait(10)
        return honest(*args, **kwargs)

    monkeypatch.setattr(index, "by_words", slowly)
    async with talking(bob) as talk:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("started"))[0]["turn"]
        await asyncio.to_thread(hanging.wait, 10)
        await talk.send(type="stop", turn=turn)
        assert (await talk.until(*LAST))[-1]["type"] == "stopped"
        goes_on.set()
    assert model.prompts == []
    assert (await sql(Turn.objects.get)).state == "stopped"


async def test_a_finished_answer_leaves_the_memory_after_a_while(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "KEPT_S", 0)
    async with talking(bob) as talk:
        await talk.ask("What is the notice period?")
        await asyncio.sleep(0.01)
        assert running._running == {}
