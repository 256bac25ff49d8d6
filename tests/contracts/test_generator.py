"""The adapter for language models, against a server that behaves well and badly."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from apps.engines.adapters import sse
from apps.engines.adapters.fake import ScriptedGenerator
from apps.engines.adapters.openai_compatible import OpenAIGenerator
from apps.engines.adapters.thinking import ThinkingSplitter
from apps.rag.ports import (
    Delta,
    DeltaKind,
    EngineBusy,
    EngineRejected,
    EngineUnavailable,
    Speaker,
    Turn,
)
from tests.fake_openai import Behaviour, FakeOpenAI

QUESTION = [
    Turn(Speaker.SYSTEM, "Answer from the sources."),
    Turn(
        Speaker.USER,
        '<source n="1" title="合同">\n通知期为三十天。其他略。\n</source>\n\n通知期多长？',
    ),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def server(shared: FakeOpenAI) -> FakeOpenAI:
    fresh = FakeOpenAI()
    for name, value in vars(fresh).items():
        if name not in {"base_url", "open_streams"}:
            setattr(shared, name, value)
    return shared


@pytest.fixture
async def generator(server: FakeOpenAI) -> AsyncIterator[OpenAIGenerator]:
    made = OpenAIGenerator(server.base_url, model="m", first_token_s=5, read_s=5)
    yield made
    await made.aclose()


async def said(generator, turns=QUESTION, max_tokens: int = 100) -> list[Delta]:
    async with aclosing(generator.stream(turns, max_tokens=max_tokens)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[Delta], kind: DeltaKind = DeltaKind.TEXT) -> str:
    return "".join(delta.text for delta in deltas if delta.kind is kind)


async def until(condition) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_an_answer_arrives_in_pieces_and_ends_with_its_usage(generator):
    deltas = await said(generator)
    assert text_of(deltas) == "通知期为三十天。 [1]"
    assert len(deltas) > 3
    assert deltas[-1].text == ""
    assert deltas[-1].finish == "stop"
    assert deltas[-1].usage is not None
    assert deltas[-1].usage.completion_tokens > 0


async def test_the_server_is_asked_in_its_own_dialect(generator, server):
    await said(generator, max_tokens=77)
    asked = server.requests[0]
    assert asked["model"] == "m"
    assert asked["max_tokens"] == 77
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]


async def test_the_key_is_sent_and_absent_when_there_is_none(server):
    for key in ("sekret", ""):
        generator = OpenAIGenerator(server.base_url, model="m", api_key=key)
        await said(generator)
        await generator.aclose()
    assert server.headers[0]["authorization"] == "Bearer sekret"
    assert "authorization" not in server.headers[1]


async def test_thinking_is_told_from_the_answer(generator, server):
    server.thinking = "Let me look."
    deltas = await said(generator)
    assert text_of(deltas, DeltaKind.THINKING) == "Let me look."
    assert text_of(deltas) == "通知期为三十天。 [1]"


async def test_thinking_in_tags_is_told_from_the_answer(generator, server):
    server.answers.append("<think>\nLet me look.\n</think>\n\nThirty days [1].")
    deltas = await said(generator)
    assert text_of(deltas, DeltaKind.THINKING).strip() == "Let me look."
    assert text_of(deltas) == "Thirty days [1]."


async def test_line_separators_inside_an_answer_stay_where_they_are(generator, server):
    server.answers.append("one\u2028two\u0085three\x0bfour\n\nfive")
    assert text_of(await said(generator)) == "one\u2028two\u0085three\x0bfour\n\nfive"


async def test_half_a_surrogate_pair_in_a_question_is_no_error(generator):
    assert await said(generator, [Turn(Speaker.USER, "what \ud800 is this")])


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Behaviour.BUSY, EngineBusy),
        (Behaviour.LOADING, EngineBusy),
        (Behaviour.FAILING, EngineUnavailable),
        (Behaviour.REJECT, EngineRejected),
        (Behaviour.NO_KEY, EngineRejected),
    ],
)
async def test_a_refusal_comes_before_the_first_piece(generator, server, behaviour, error):
    server.behaviour = behaviour
    server.retry_after = "7"
    with pytest.raises(error) as caught:
        await said(generator)
    if isinstance(caught.value, EngineBusy):
        assert caught.value.retry_after == 7


@pytest.mark.parametrize("behaviour", [Behaviour.BROKEN, Behaviour.GARBAGE, Behaviour.ERROR_EVENT])
async def test_a_stream_that_goes_wrong_gives_what_was_said_and_then_an_error(
    generator, server, behaviour
):
    server.behaviour = behaviour
    server.tokens = 10
    heard: list[Delta] = []

    async def listen() -> None:
        async for delta in generator.stream(QUESTION, max_tokens=100):
            heard.append(delta)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(EngineUnavailable):
        await listen()
    assert text_of(heard).startswith("word0")


async def test_a_server_that_is_not_there_is_unavailable():
    generator = OpenAIGenerator("http://127.0.0.1:9/v1", model="m")
    with pytest.raises(EngineUnavailable):
        await said(generator)
    await generator.aclose()


async def test_a_server_that_says_nothing_is_given_up(server):
    server.behaviour = Behaviour.HANG
    generator = OpenAIGenerator(server.base_url, model="m", first_token_s=0.2)
    with pytest.raises(EngineUnavailable):
        await said(generator)
    await generator.aclose()


async def test_a_server_that_falls_silent_in_the_middle_is_given_up(server):
    server.behaviour, server.tokens = Behaviour.SILENT, 10
    generator = OpenAIGenerator(server.base_url, model="m", first_token_s=20, read_s=0.2)
    with pytest.raises(EngineUnavailable):
        await said(generator)
    await generator.aclose()
    await until(lambda: server.open_streams == 0)


async def test_a_slow_first_token_is_waited_for(server):
    server.first_token_s = 0.5
    generator = OpenAIGenerator(server.base_url, model="m", first_token_s=20, read_s=0.2)
    assert text_of(await said(generator))
    await generator.aclose()


async def test_cancelling_closes_the_stream_at_the_server(generator, server):
    server.tokens, server.token_s = 1000, 0.02
    heard = asyncio.Event()

    async def listen() -> None:
        async with aclosing(generator.stream(QUESTION, max_tokens=100)) as deltas:
            async for _ in deltas:
                heard.set()

    task = asyncio.create_task(listen())
    await heard.wait()
    assert server.open_streams == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.open_streams == 0)
    assert server.aborted_streams == 1


async def test_leaving_the_loop_closes_the_stream_at_the_server(generator, server):
    server.tokens, server.token_s = 1000, 0.02
    async with aclosing(generator.stream(QUESTION, max_tokens=100)) as deltas:
        async for _ in deltas:
            break
    await until(lambda: server.open_streams == 0)


async def test_cancelling_before_the_first_token_closes_the_stream_too(generator, server):
    server.first_token_s = 60
    task = asyncio.create_task(said(generator))
    await until(lambda: server.open_streams == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.open_streams == 0)


async def test_thirty_answers_at_once_all_arrive_whole(generator, server):
    server.tokens, server.token_s = 20, 0.001
    answers = await asyncio.gather(*(said(generator) for _ in range(30)))
    assert {text_of(deltas) for deltas in answers} == {" ".join(f"word{i}" for i in range(20))}


def test_each_loop_has_a_client_of_its_own(server):
    generator = OpenAIGenerator(server.base_url, model="m")

    async def once() -> str:
        try:
            return text_of(await said(generator))
        finally:
            await generator.aclose()

    assert asyncio.run(once()) == asyncio.run(once())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_a_stream_may_be_cut_anywhere(size):
    whole = (
        'data: {"a": "合同\u2028x"}\r\n\r\n: comment\n\nevent: x\ndata:[1]\n\ndata: [DONE]'.encode()
    )

    async def cut() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), size):
            yield whole[at : at + size]

    assert [line async for line in sse.data_lines(cut())] == [
        '{"a": "合同\u2028x"}',
        "[1]",
        "[DONE]",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 40])
def test_thinking_tags_may_be_cut_anywhere(size):
    whole = "<think>a < b </th</think>answer <think>not this</think>"
    splitter, found = ThinkingSplitter(), []
    for at in range(0, len(whole), size):
        found += splitter.split(Delta(whole[at : at + size]))
    found += splitter.rest()
    assert text_of(found, DeltaKind.THINKING) == "a < b </th"
    assert text_of(found) == "answer <think>not this</think>"


async def test_a_scripted_generator_says_its_script_and_then_quotes_the_source():
    generator = ScriptedGenerator(["first", EngineBusy(), [Delta("second")]])
    assert text_of(await said(generator)) == "first"
    with pytest.raises(EngineBusy):
        await said(generator)
    assert text_of(await said(generator)) == "second"
    assert text_of(await said(generator)) == "通知期为三十天。 [1]"
    assert generator.closed == 4


# --- a yes or a no ------------------------------------------------------------------------------


async def test_the_odds_of_a_yes_come_from_the_first_token(generator, server):
    server.likely = {"Yes": -0.5, "No": -1.5, "Maybe": -3.0}
    assert await generator.odds(QUESTION, yes={"yes"}, no={"no"}) == pytest.approx(1.0, abs=0.01)
    asked = server.requests[0]
    assert asked["max_tokens"] == 1
    assert asked["logprobs"] is True
    assert "stream" not in asked


async def test_a_server_that_tells_no_probabilities_is_said_to_be_one(generator):
    with pytest.raises(EngineRejected):
        await generator.odds(QUESTION, yes={"yes"}, no={"no"})


async def test_a_full_server_gives_no_odds(generator, server):
    server.behaviour = Behaviour.BUSY
    with pytest.raises(EngineBusy):
        await generator.odds(QUESTION, yes={"yes"}, no={"no"})
