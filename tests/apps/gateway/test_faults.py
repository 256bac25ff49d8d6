"""Real servers that fail in every way: the question ends in a clear state, another server answers
where nothing was said yet, and a server that fails is left alone until it works."""

import asyncio
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from apps.accounts.models import User
from apps.chat.models import Turn
from apps.gateway import generator, health
from apps.gateway.routing.breaker import FAILURES, Health
from tests.apps.chat.talk import LAST, sql, talking
from tests.apps.gateway.conftest import SENTENCE, Using
from tests.fake_openai import Behaviour, FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What is the notice period?"
ANSWER = f"{SENTENCE} [1]"
BEFORE = [Behaviour.HANG, Behaviour.FAILING, Behaviour.BUSY, Behaviour.LOADING]
AMID = [
    Behaviour.BROKEN,
    Behaviour.SILENT,
    Behaviour.DRIP,
    Behaviour.GARBAGE,
    Behaviour.ERROR_EVENT,
]


async def _route() -> list[dict[str, Any]]:
    turn = await sql(Turn.objects.order_by("created_at").last)
    return list(turn.trace["route"]["servers"])


async def _both(using: Using, first: FakeOpenAI, second: FakeOpenAI, **values: Any) -> None:
    """``first`` is where the next conversation would go: the other one only stands in."""
    await sql(partial(using, first.base_url, **values))
    await sql(partial(using, second.base_url, model="another-model"))


@pytest.mark.parametrize("behaviour", BEFORE)
async def test_a_server_that_fails_before_the_first_word_is_stood_in_for(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI, behaviour: Behaviour
) -> None:
    await _both(using, first, second)
    first.behaviour = behaviour
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["text"] == ANSWER
    assert [tried["outcome"] == "OK" for tried in await _route()] == [False, True]


@pytest.mark.parametrize("behaviour", AMID)
async def test_what_was_said_is_never_said_twice(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI, behaviour: Behaviour
) -> None:
    await _both(using, first, second)
    first.behaviour = behaviour
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert (frames[-1]["type"], frames[-1]["code"]) == ("error", "ENGINE_UNAVAILABLE")
    assert SENTENCE.startswith(frames[-1]["text"].strip())
    assert second.requests == []
    turn = await sql(Turn.objects.get)
    assert (turn.state, turn.error_code) == ("failed", "ENGINE_UNAVAILABLE")


@pytest.mark.parametrize("address", ["https", "http://127.0.0.1:1/v1"])
async def test_broken_tls_and_a_server_that_is_gone_are_stood_in_for(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI, address: str
) -> None:
    wrong = first.base_url.replace("http:", "https:") if address == "https" else address
    await sql(partial(using, wrong))
    await sql(partial(using, second.base_url, model="another-model"))
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["text"] == ANSWER


async def test_a_refusal_is_not_carried_to_another_server(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    await _both(using, first, second)
    first.behaviour = Behaviour.REJECT
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["code"] == "ENGINE_REJECTED"
    assert second.requests == []


async def test_a_server_that_fails_is_left_alone_and_used_again_when_it_works(
    bob: User, using: Using, first: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await sql(partial(using, first.base_url))
    first.behaviour = Behaviour.FAILING
    async with talking(bob) as talk:
        for _ in range(FAILURES):
            await talk.ask(QUESTION)
        assert health.health_of(str(row.pk)) is Health.OPEN
        asked = len(first.requests)
        frames = await talk.ask(QUESTION)
        assert frames[-1]["code"] == "ENGINE_UNAVAILABLE"
        assert len(first.requests) == asked
        first.behaviour = Behaviour.OK
        later = SimpleNamespace(time=lambda: time.time() + 3600)
        monkeypatch.setattr(health, "time", later)
        frames = await talk.ask(QUESTION)
    assert frames[-1]["text"] == ANSWER
    assert health.health_of(str(row.pk)) is Health.CLOSED


async def test_other_processes_are_told_that_a_server_fails(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    row = await sql(partial(using, first.base_url))
    await sql(partial(using, second.base_url, model="another-model"))
    for _ in range(FAILURES):
        await sql(partial(health.failed, str(row.pk)))
    health.reset()  # as a process that saw none of this
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["text"] == ANSWER
    assert first.requests == []


async def test_a_server_that_asks_to_be_left_alone_is(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    await _both(using, first, second)
    first.behaviour, first.retry_after = Behaviour.BUSY, "60"
    async with talking(bob) as talk:
        await talk.ask(QUESTION)
        await talk.ask(QUESTION)
    assert (len(first.requests), len(second.requests)) == (1, 2)


async def test_a_conversation_stays_with_its_server(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    for server in (first, second):
        await sql(partial(using, server.base_url))
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
        for _ in range(3):
            await talk.ask(QUESTION, conversation=frames[0]["conversation"])
    assert sorted([len(first.requests), len(second.requests)]) == [0, 4]
    assert {tried["reason"] for tried in await _route()} == {"home"}


async def test_a_full_server_is_waited_for_and_every_place_comes_back(
    bob: User, using: Using, first: FakeOpenAI
) -> None:
    row = await sql(partial(using, first.base_url, concurrency=1, first_token_s=30))
    first.first_token_s = 0.2
    async with talking(bob) as one, talking(bob) as other:
        await asyncio.gather(one.ask(QUESTION), other.ask(QUESTION))
    assert one.seen[-1]["text"] == other.seen[-1]["text"] == ANSWER
    slots = generator.slots_of(str(row.pk))
    assert (slots.running, slots.waiting) == (0, 0)
    turns = await sql(lambda: list(Turn.objects.all()))
    assert sum(turn.trace["route"]["servers"][0]["waited_ms"] > 50 for turn in turns) == 1


async def test_a_stopped_answer_gives_its_place_back_and_blames_nobody(
    bob: User, using: Using, first: FakeOpenAI
) -> None:
    row = await sql(partial(using, first.base_url, concurrency=1))
    first.tokens, first.token_s = 500, 0.02
    async with talking(bob) as talk:
        turn = await talk.begin()
        await talk.send(type="stop", turn=turn)
        assert (await talk.until(*LAST))[-1]["type"] == "stopped"
    assert generator.slots_of(str(row.pk)).running == 0
    assert health.health_of(str(row.pk)) is Health.CLOSED
    assert (await _route())[0]["outcome"] == "STOPPED"
