"""An answer as a stream, with time-outs and guards."""

import asyncio
from contextlib import aclosing

import pytest

from apps.rag.generate import Patience, generate
from apps.rag.ports import Delta, DeltaKind, EngineBusy, EngineUnavailable, Speaker, Turn, Usage

TURNS = [Turn(Speaker.USER, "?")]
HURRIED = Patience(first_token_s=0.05, between_tokens_s=0.05, total_s=5)


class Engine:
    """Streams what it was given; a float is a pause in seconds, an exception is raised."""

    def __init__(self, *script):
        self.script = script
        self.asked = []
        self.is_closed = False

    async def stream(self, turns, *, max_tokens):
        self.asked.append((turns, max_tokens))
        try:
            for step in self.script:
                match step:
                    case Exception():
                        raise step
                    case float() | int():
                        await asyncio.sleep(step)
                    case str():
                        yield Delta(step)
                    case _:
                        yield step
        finally:
            self.is_closed = True


def stream(engine, **options):
    options = {"max_tokens": 64, "patience": Patience(), "max_chars": 10_000} | options
    return generate(TURNS, engine, **options)


async def everything(engine, **options):
    async with aclosing(stream(engine, **options)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas, kind=DeltaKind.TEXT):
    return "".join(delta.text for delta in deltas if delta.kind is kind)


async def test_deltas_pass_through_with_usage_and_finish_at_the_end():
    usage = Usage(10, 2)
    engine = Engine("Hel", "lo", Delta("", usage=usage, finish="stop"))
    deltas = await everything(engine)
    assert text_of(deltas) == "Hello"
    assert (deltas[-1].usage, deltas[-1].finish) == (usage, "stop")
    assert engine.asked == [(TURNS, 64)]
    assert engine.is_closed


async def test_thinking_in_the_text_and_thinking_of_the_engine_come_as_thinking():
    engine = Engine(
        Delta("Let me see.", DeltaKind.THINKING), "<thi", "nk>Hm", "m</think>", "\n\nThree <"
    )
    deltas = await everything(engine)
    assert text_of(deltas) == "Three <"
    assert text_of(deltas, DeltaKind.THINKING) == "Let me see.Hmm"


async def test_a_held_beginning_of_a_tag_comes_before_the_finish():
    deltas = await everything(Engine("a <", Delta("", finish="stop")))
    assert text_of(deltas) == "a <"
    assert deltas[-1].finish == "stop"


# --- time-outs --------------------------------------------------------------------------------


async def test_an_engine_that_says_nothing_is_unavailable_and_its_stream_closed():
    engine = Engine(Delta(""), 30.0, "too late")
    with pytest.raises(EngineUnavailable):
        await everything(engine, patience=HURRIED)
    assert engine.is_closed


async def test_an_engine_that_falls_silent_is_unavailable_after_what_it_said():
    engine = Engine("One", 30.0, "two")
    async with aclosing(stream(engine, patience=HURRIED)) as deltas:
        assert (await anext(deltas)).text == "One"
        with pytest.raises(EngineUnavailable):
            await anext(deltas)
    assert engine.is_closed


async def test_a_slow_first_word_is_waited_for_longer_than_the_next():
    patience = Patience(first_token_s=5, between_tokens_s=0.05, total_s=5)
    assert text_of(await everything(Engine(0.2, "late"), patience=patience)) == "late"


async def test_an_answer_without_an_end_is_ended():
    engine = Engine(*["w", 0.01] * 1000)
    with pytest.raises(EngineUnavailable):
        await everything(engine, patience=Patience(5, 5, total_s=0.1))
    assert engine.is_closed


async def test_an_error_of_the_engine_is_passed_on():
    with pytest.raises(EngineBusy):
        await everything(Engine("a", EngineBusy("full")))


# --- stopping ---------------------------------------------------------------------------------


async def test_leaving_early_closes_the_stream():
    engine = Engine("a", "b", "c")
    async with aclosing(stream(engine)) as deltas:
        async for _ in deltas:
            break
    assert engine.is_closed


async def test_cancelling_while_waiting_closes_the_stream():
    engine = Engine("a", 30.0)
    task = asyncio.create_task(everything(engine))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.is_closed


async def test_a_stream_that_cannot_be_closed_is_read_all_the_same():
    class Plain:
        def __init__(self):
            self.rest = [Delta("a"), Delta("b")]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.rest:
                raise StopAsyncIteration
            return self.rest.pop(0)

    class PlainEngine:
        def stream(self, turns, *, max_tokens):
            return Plain()

    assert text_of(await everything(PlainEngine())) == "ab"


# --- guards -----------------------------------------------------------------------------------


async def test_an_answer_is_cut_at_its_longest_and_the_engine_stopped():
    engine = Engine(*[f"word{n} " for n in range(1000)], 30.0)
    deltas = await everything(engine, max_chars=50)
    assert len(text_of(deltas)) == 50
    assert deltas[-1].finish == "length"
    assert engine.is_closed


async def test_an_answer_of_exactly_the_longest_is_whole():
    deltas = await everything(Engine("12345", Delta("", finish="stop")), max_chars=5)
    assert text_of(deltas) == "12345"
    assert deltas[-1].finish == "stop"


async def test_thinking_does_not_use_up_the_room_of_the_answer():
    engine = Engine("<think>" + "abcdefgh " * 5 + "</think>", "Short.")
    assert text_of(await everything(engine, max_chars=50)) == "Short."


async def test_a_model_that_goes_round_in_circles_is_stopped():
    engine = Engine(*["The period is three months. "] * 500)
    deltas = await everything(engine)
    assert deltas[-1].finish == "loop"
    assert len(text_of(deltas)) < 400
    assert engine.is_closed


async def test_circular_thinking_is_stopped_too():
    engine = Engine("<think>", *["Wait, let me think again. "] * 500)
    deltas = await everything(engine)
    assert deltas[-1].finish == "loop"
    assert text_of(deltas) == ""
