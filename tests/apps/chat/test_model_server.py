"""Answers through the adapter of real model servers, in every way in which one can fail."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from apps.accounts.models import User
from apps.chat.models import Turn
from apps.documents.models import Document
from apps.engines import factory
from apps.engines.adapters.openai_compatible import OpenAIGenerator
from apps.gateway import services as gateway
from apps.rag.generate import Patience
from apps.workspaces.models import Collection
from tests.apps.chat.talk import LAST, said, sql, talking
from tests.factories import make_document
from tests.fake_openai import MODEL, Behaviour, FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
SENTENCE = "The notice period is ninety days."


@pytest.fixture
def lease(collection: Collection) -> Document:
    return make_document(collection, "lease.pdf", texts=[SENTENCE])


@pytest.fixture
async def server(lease: Document, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    monkeypatch.setattr(gateway, "LOCAL_PATIENCE", Patience(0.5, 0.5, 10))
    with FakeOpenAI() as server:
        generator = OpenAIGenerator(server.base_url, model=MODEL, api_key="not-to-be-seen")
        factory.fakes().generator = generator  # type: ignore[assignment]
        yield server
        await generator.aclose()


async def test_an_answer_streams_from_a_model_server(bob: User, server: FakeOpenAI) -> None:
    server.thinking = "The lease says so."
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["text"] == f"{SENTENCE} [1]"
    assert frames[-1]["cited"] == [1]
    assert said(frames, "thinking") == "The lease says so."
    turn = await sql(Turn.objects.get)
    assert turn.prompt_tokens > turn.completion_tokens > 0
    assert server.requests[0]["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("behaviour", "code", "has_said_something"),
    [
        (Behaviour.HANG, "ENGINE_UNAVAILABLE", False),
        (Behaviour.SILENT, "ENGINE_UNAVAILABLE", True),
        (Behaviour.BROKEN, "ENGINE_UNAVAILABLE", True),
        (Behaviour.GARBAGE, "ENGINE_UNAVAILABLE", True),
        (Behaviour.ERROR_EVENT, "ENGINE_UNAVAILABLE", True),
        (Behaviour.BUSY, "ENGINE_BUSY", False),
        (Behaviour.LOADING, "ENGINE_BUSY", False),
        (Behaviour.FAILING, "ENGINE_UNAVAILABLE", False),
        (Behaviour.REJECT, "ENGINE_REJECTED", False),
        (Behaviour.NO_KEY, "ENGINE_REJECTED", False),
    ],
)
async def test_a_server_that_misbehaves_leaves_the_sources_and_a_code(
    bob: User, server: FakeOpenAI, behaviour: Behaviour, code: str, *, has_said_something: bool
) -> None:
    server.behaviour = behaviour
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[1]["sources"][0]["quote"] == SENTENCE
    assert frames[-1]["type"] == "error"
    assert frames[-1]["code"] == code
    assert bool(frames[-1]["text"]) is has_said_something
    assert SENTENCE.startswith(frames[-1]["text"])
    for secret in ("127.0.0.1", "not-to-be-seen", "Traceback", "HTTP", "json", "memory"):
        assert secret not in str(frames[2:])
    turn = await sql(Turn.objects.get)
    assert (turn.state, turn.error_code, turn.answer) == ("failed", code, frames[-1]["text"])


async def test_a_server_that_is_gone_is_unavailable(bob: User, server: FakeOpenAI) -> None:
    gone = OpenAIGenerator("http://127.0.0.1:1/v1", model=MODEL)
    factory.fakes().generator = gone  # type: ignore[assignment]
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[1]["sources"]
    assert frames[-1]["code"] == "ENGINE_UNAVAILABLE"
    await gone.aclose()


async def test_stopping_closes_the_stream_of_the_server(bob: User, server: FakeOpenAI) -> None:
    server.tokens, server.token_s = 500, 0.02
    async with talking(bob) as talk:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("delta"))[0]["turn"]
        assert server.open_streams == 1
        await talk.send(type="stop", turn=turn)
        assert (await talk.until(*LAST))[-1]["type"] == "stopped"
    for _ in range(100):
        if server.open_streams == 0:
            break
        await asyncio.sleep(0.05)
    assert (server.open_streams, server.aborted_streams) == (0, 1)
