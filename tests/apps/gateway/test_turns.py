"""At a full server departments are served in turn, people before batches, up to a number."""

import asyncio

import pytest

from apps.gateway.routing.turns import Line
from apps.gateway.slots import Slots
from apps.rag.ports import EngineBusy


def test_a_department_that_asks_much_does_not_hold_up_the_others() -> None:
    line: Line[str] = Line()
    for name in ("law 1", "law 2", "law 3"):
        line.join(name, group="law")
    line.join("tax 1", group="tax")
    line.join("night", group="tax", is_batch=True)
    line.join("tax 2", group="tax")
    assert [line.ahead("tax 1"), line.ahead("night")] == [1, 5]
    served = [line.next() for _ in range(6)]
    assert served == ["law 1", "tax 1", "law 2", "tax 2", "law 3", "night"]
    assert line.next() is None


async def test_more_than_there_is_room_for_wait_and_too_many_are_told_so() -> None:
    slots, order = Slots(), []

    async def ask(name: str) -> None:
        async with slots.taken(room=1, longest_line=2, group=name):
            order.append(name)
            await asyncio.sleep(0)

    async with slots.taken(room=1, longest_line=2, group="first"):
        waiting = [asyncio.create_task(ask(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        assert slots.waiting == 2
        with pytest.raises(EngineBusy):
            await ask("one too many")
    await asyncio.gather(*waiting)
    assert order == ["second", "third"]
    assert (slots.running, slots.waiting) == (0, 0)


async def test_whoever_leaves_the_line_or_is_stopped_gives_the_place_back() -> None:
    slots = Slots()

    async def ask() -> None:
        async with slots.taken(room=1, longest_line=9, group="x"):
            await asyncio.sleep(3600)

    running, gone, next_one = (asyncio.create_task(ask()) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    running.cancel()
    await asyncio.wait([running, gone])
    await asyncio.sleep(0)
    assert (slots.running, slots.waiting) == (1, 0)
    next_one.cancel()
    await asyncio.wait([next_one])
    assert slots.running == 0
