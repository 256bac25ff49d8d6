"""A model too small to tell whether the sources answer: what was found decides, then its opinion."""

import asyncio
from dataclasses import replace

import pytest

from apps.accounts.models import User
from apps.chat.models import Turn
from apps.engines import factory
from apps.engines.adapters.fake import ScriptedGenerator
from apps.gateway import services as gateway
from apps.rag.ports import EngineBusy, EngineRejected, EngineUnavailable
from apps.rag.refusal import REFUSAL_EN, REFUSAL_ZH
from apps.workspaces.models import Collection, Workspace
from tests.apps.chat.talk import sql, talking
from tests.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)
CLEAR = "What is the notice period?"
HOPELESS = "Who painted the chapel ceiling?"
DOUBTFUL = "Is the notice longer for managers?"


@pytest.fixture(autouse=True)
def _small(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])
    settings = replace(factory.chat_settings(), may_refuse=False)
    monkeypatch.setattr(factory, "chat_settings", lambda: settings)


async def test_what_the_sources_plainly_speak_of_is_answered_at_once(
    bob: User, model: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask(CLEAR)
    assert frames[-1]["text"] == "The notice period is ninety days. [1]"
    assert model.checks == []
    assert REFUSAL_EN not in str(model.prompts)


@pytest.mark.parametrize(
    ("question", "refusal"), [(HOPELESS, REFUSAL_EN), ("谁画了教堂的天花板？", REFUSAL_ZH)]
)
async def test_what_they_do_not_speak_of_is_refused_and_the_nearest_sources_are_shown(
    bob: User, model: ScriptedGenerator, question: str, refusal: str
) -> None:
    model.opinions.append(-1.0)  # asked only where words in two scripts cannot be compared
    async with talking(bob) as talk:
        frames = await talk.ask(question)
    assert frames[-1]["text"] == refusal
    assert frames[-1]["refused"] is True
    assert frames[1]["sources"] != []
    assert model.prompts == []
    assert (await sql(Turn.objects.get)).state == "refused"


@pytest.mark.parametrize(("odds", "is_refused"), [(2.0, False), (-1.0, True)])
async def test_in_doubt_the_opinion_of_the_model_decides(
    bob: User, model: ScriptedGenerator, odds: float, *, is_refused: bool
) -> None:
    model.opinions.append(odds)
    async with talking(bob) as talk:
        frames = await talk.ask(DOUBTFUL)
    assert frames[-1]["refused"] is is_refused
    assert len(model.checks) == 1
    assert len(model.prompts) == (0 if is_refused else 1)


async def test_a_server_without_opinions_answers(bob: User, model: ScriptedGenerator) -> None:
    model.opinions.append(EngineRejected("no log probabilities"))
    async with talking(bob) as talk:
        frames = await talk.ask(DOUBTFUL)
    assert frames[-1]["text"] == "The notice period is ninety days. [1]"


async def test_a_server_that_is_full_is_said_to_be(bob: User, model: ScriptedGenerator) -> None:
    model.opinions.append(EngineBusy("full"))
    async with talking(bob) as talk:
        frames = await talk.ask(DOUBTFUL)
    assert frames[-1]["code"] == "ENGINE_BUSY"


async def test_an_opinion_that_never_comes_ends_the_wait(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> float:
        await asyncio.sleep(60)
        return 0.0

    monkeypatch.setattr(model, "odds", never)
    short = replace(gateway.LOCAL_PATIENCE, first_token_s=0.2)
    monkeypatch.setattr(gateway, "LOCAL_PATIENCE", short)
    async with talking(bob) as talk:
        frames = await talk.ask(DOUBTFUL)
    assert frames[-1]["code"] == "ENGINE_UNAVAILABLE"


async def test_where_more_than_documents_counts_nothing_is_refused_for_them(
    alice: User, workspace: Workspace, model: ScriptedGenerator
) -> None:
    async with talking(alice) as talk:
        frames = await talk.ask(HOPELESS, mode="chat")
    assert frames[-1]["refused"] is False
    assert model.checks == []


async def test_a_side_of_the_search_that_is_down_refuses_nothing(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words alone find the passage: all of the question is in it, and nobody could disagree."""

    def down(_text: str) -> list[float]:
        raise EngineUnavailable("no model host")

    monkeypatch.setattr(factory.embedder(), "embed_query", down)
    async with talking(bob) as talk:
        frames = await talk.ask(CLEAR)
    assert frames[1]["note"] == "KEYWORD_ONLY"
    assert frames[-1]["text"] == "The notice period is ninety days. [1]"
    assert model.checks == []
