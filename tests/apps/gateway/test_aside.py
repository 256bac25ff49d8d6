"""Servers that are full, that are tried again, or that say nothing: nobody waits for them longer
than they ask for, and no other question is refused for them."""

import time
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from apps.engines.adapters.fake import ScriptedGenerator
from apps.gateway import generator, health
from apps.gateway.generator import Candidate, RoutedGenerator
from apps.gateway.routing.breaker import FAILURES, Health
from apps.rag.generate import Patience
from apps.rag.ports import Delta, EngineBusy, EngineError, EngineUnavailable, Turn

LONG = Patience(5, 5, 5)
SHORT = Patience(0.05, 5, 5)


class Engine(ScriptedGenerator):
    """Says one word; or fails with ``error``; or hangs. ``amid`` is called after the word."""

    def __init__(self, error: EngineError | None = None, *, hangs: bool = False) -> None:
        super().__init__()
        self.error, self.hangs, self.asked = error, hangs, 0
        self.amid = lambda: None

    async def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> AsyncIterator[Delta]:
        self.asked += 1
        if self.error:
            raise self.error
        yield Delta("Ninety")
        self.amid()
        yield Delta(" days.")

    async def odds(
        self, turns: Sequence[Turn], *, yes: Collection[str], no: Collection[str]
    ) -> float:
        self.asked += 1
        if self.hangs:
            await generator.asyncio.sleep(60)
        return 1.0


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    health.reset()
    generator.reset()


def _at(key: str, engine: Engine, *, rank: int = 0, patience: Patience = LONG) -> Candidate:
    return Candidate(key, key, "m", engine, patience, rank)


async def _said(*candidates: Candidate) -> str:
    stream = RoutedGenerator(candidates).stream([], max_tokens=9)
    return "".join([delta.text async for delta in stream])


def _failed(key: str) -> None:
    for _ in range(FAILURES):
        health.failed(key)


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time
    monkeypatch.setattr(health.time, "time", lambda: now() + seconds)


async def test_after_the_pause_that_a_full_server_asked_for_everybody_may_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = Engine(EngineBusy("full", retry_after=30))
    with pytest.raises(EngineBusy):
        await _said(_at("full", busy))
    with pytest.raises(EngineBusy) as raised:
        await _said(_at("full", busy))
    assert 0 < raised.value.retry_after <= 30
    assert busy.asked == 1
    _later(monkeypatch, 31)
    busy.error = None
    others: list[Health] = []
    busy.amid = lambda: others.append(health.health_of("full"))
    assert await _said(_at("full", busy)) == "Ninety days."
    assert others == [Health.CLOSED]


async def test_a_server_that_begins_to_answer_is_asked_by_others_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine()
    _failed("tried")
    _later(monkeypatch, 3600)
    others: list[Health] = []
    engine.amid = lambda: others.append(health.health_of("tried"))
    await _said(_at("tried", engine))
    assert others == [Health.CLOSED]


async def test_an_answer_from_before_does_not_end_the_pause_that_a_server_asked_for() -> None:
    engine = Engine()
    engine.amid = lambda: health.refused("full", wait_s=30)
    await _said(_at("full", engine))
    assert health.health_of("full") is Health.OPEN


async def test_no_connection_on_this_side_says_nothing_of_the_server() -> None:
    with pytest.raises(EngineBusy):
        await _said(_at("ours", Engine(EngineBusy("no connection", is_ours=True))))
    assert health.health_of("ours") is Health.CLOSED


async def test_a_server_that_was_not_needed_may_still_be_tried_when_the_other_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    well, back = Engine(), Engine()
    _failed("back")
    _later(monkeypatch, 3600)
    both = (_at("well", well), _at("back", back, rank=1))
    for _ in range(3):
        await _said(*both)
    assert (well.asked, back.asked) == (3, 0)
    well.error = EngineUnavailable("gone")
    assert await _said(*both) == "Ninety days."
    assert back.asked == 1
    assert health.health_of("back") is Health.CLOSED


async def test_a_trial_for_which_there_is_no_place_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _failed("tried")
    _later(monkeypatch, 3600)
    full = Candidate("tried", "tried", "m", Engine(), LONG, room=1, longest_line=0)
    async with generator.slots_of("tried").taken(room=1, longest_line=0, group=""):
        with pytest.raises(EngineBusy):
            await _said(full)
    assert await _said(full) == "Ninety days."


async def test_a_server_that_gives_no_opinion_is_stood_in_for_and_left_alone() -> None:
    hung, well = Engine(hangs=True), Engine()
    for _ in range(FAILURES + 1):
        judge = RoutedGenerator([_at("hung", hung, patience=SHORT), _at("well", well, rank=1)])
        assert await judge.odds([], yes=["yes"], no=["no"]) == 1.0
    assert (hung.asked, well.asked) == (FAILURES, FAILURES + 1)


async def test_who_waits_too_long_for_a_place_is_told_that_it_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generator, "LONGEST_WAIT_S", 0.02)
    one = Candidate("one", "one", "m", Engine(), LONG, room=1)
    async with generator.slots_of("one").taken(room=1, longest_line=9, group=""):
        with pytest.raises(EngineBusy):
            await _said(one)
    assert health.health_of("one") is Health.CLOSED
    assert await _said(one) == "Ninety days."


def test_a_trial_that_lasted_too_long_does_not_end_the_one_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "TRIAL_S", 0.05)
    slow = health.take_trial("server")
    time.sleep(0.1)
    monkeypatch.setattr(health, "TRIAL_S", 90)
    second = health.take_trial("server")
    assert slow
    assert second
    health.drop_trial("server", slow)
    assert not health.take_trial("server"), "a third would try it beside the second"
    health.drop_trial("server", second)
    assert health.take_trial("server")
