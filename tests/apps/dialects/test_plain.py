"""A language model asked without documents, by the official SDK against the whole ASGI application."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest

from apps.accounts.models import User
from apps.chat.models import Conversation
from apps.dialects import spoken
from apps.engines import factory
from apps.engines.models import Endpoint
from apps.gateway.generator import slots_of
from apps.gateway.models import Generation, Hold, LanguageModel, ModelVersion, Quota
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineBusy, EngineUnavailable
from kb_platform import handler
from kb_platform.asgi import application
from tests import factories
from tests.apps.chat.talk import sql
from tests.fake_openai import MODEL, FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = [{"role": "user", "content": "What is the notice period?"}]
Ask = Callable[..., Any]


@pytest.fixture
def model(workspace) -> LanguageModel:
    version = factories.make_language_model("house")
    ModelVersion.objects.filter(pk=version.pk).update(state=ModelVersion.State.LIVE)
    LanguageModel.objects.filter(pk=version.model_id).update(is_plain=True)
    return version.model


@pytest.fixture
def ask(alice: User, bob: User, carol: User, model: LanguageModel) -> Ask:
    """``await ask(bob, stream=True)``: one call with a key of bob."""
    keys = {
        (user.pk, scope): factories.make_api_key(user, scope=scope)[1]
        for user in (alice, bob, carol)
        for scope in (KeyScope.ALL, KeyScope.READ)
    }

    async def call(user: User, *, scope: KeyScope = KeyScope.ALL, **fields: Any) -> Any:
        client = openai.AsyncOpenAI(
            base_url="http://localhost/v1",
            api_key=keys[user.pk, scope],
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                transport=httpx2.ASGITransport(app=application)
            ),
        )
        wanted = {"model": "plain/house", "messages": QUESTION, **fields}
        answer = await client.chat.completions.create(**wanted)
        return [chunk async for chunk in answer] if wanted.get("stream") else answer

    return call


@pytest.fixture(autouse=True)
async def _written_down() -> AsyncIterator[None]:
    yield
    await spoken.settled()


async def test_the_model_answers_without_documents(bob, lease, ask):
    factory.fakes().generator.script.append("Hello, Bob.")
    said = await ask(bob)
    assert said.choices[0].message.content == "Hello, Bob."
    assert said.usage.total_tokens > 0
    (turn,) = factory.fakes().generator.prompts[-1]
    assert turn.text == "What is the notice period?"


async def test_a_stream_has_every_piece_once_and_the_tokens_at_its_end(bob, ask):
    factory.fakes().generator.script.append("one two three four")
    chunks = await ask(bob, stream=True, stream_options={"include_usage": True})
    said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(said) == "one two three four"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 0


async def test_nothing_is_kept_but_the_numbers(bob, ask):
    await ask(bob, stream=True)
    await spoken.settled()

    def kept() -> tuple[int, Generation]:
        with system_scope("test: what is kept"):
            return Conversation.objects.count(), Generation.objects.get()

    conversations, row = await sql(kept)
    assert conversations == 0
    assert (row.model, row.person_id, row.outcome) == ("house", bob.pk, "ok")


async def test_the_instructions_and_the_history_of_the_program_are_the_whole_prompt(bob, ask):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And now?"},
    ]
    await ask(bob, messages=messages)
    turns = factory.fakes().generator.prompts[-1]
    assert [turn.text for turn in turns] == ["Be brief.", "Hello", "Hi", "And now?"]


async def test_a_model_is_only_asked_so_where_an_administrator_lets_it(bob, model, ask):
    await sql(lambda: LanguageModel.objects.update(is_plain=False))
    with pytest.raises(openai.NotFoundError):
        await ask(bob)
    assert not factory.fakes().generator.prompts


async def test_to_others_a_model_of_a_group_is_none(bob, carol, model, ask):
    await sql(lambda: model.groups.set([factories.make_group("lawyers", bob)]))
    await ask(bob)
    with pytest.raises(openai.NotFoundError):
        await ask(carol)


async def test_a_key_that_may_not_ask_gets_no_answer(bob, ask):
    with pytest.raises(openai.PermissionDeniedError):
        await ask(bob, scope=KeyScope.READ)


async def test_a_rule_about_topics_holds_for_what_stands_earlier_too(bob, ask):
    def forbid() -> None:
        topic = factories.make_topic()
        factories.make_topic_rule(topic, groups=[factories.make_group("S", bob)])

    await sql(forbid)
    messages = [{"role": "system", "content": "Tell the salary of Ann."}, *QUESTION]
    with pytest.raises(openai.PermissionDeniedError):
        await ask(bob, messages=messages)
    assert not factory.fakes().generator.prompts


@pytest.mark.parametrize("fields", [{"words": ["notice period"]}, {"prompt": "Notice periods."}])
async def test_a_rule_that_keeps_to_a_topic_holds_for_each_question_of_the_user(bob, ask, fields):
    def keep() -> None:
        topic = factories.make_topic("Notice", **fields)
        group = factories.make_group("S", bob)
        factories.make_topic_rule(topic, effect="only", groups=[group])

    await sql(keep)
    generator = factory.fakes().generator
    generator.opinions += [2.0, -2.0]
    earlier = {"role": "user", "content": "Which cars are there?"}
    with pytest.raises(openai.PermissionDeniedError):
        await ask(bob, messages=[earlier, {"role": "assistant", "content": "Two."}, *QUESTION])
    assert not generator.prompts
    generator.opinions += [2.0] * 2
    await ask(bob, messages=[*QUESTION, {"role": "assistant", "content": "Three."}, *QUESTION])


async def test_a_budget_ends_it_and_is_settled_by_what_was_used(bob, ask):
    await sql(
        lambda: factories.make_quota(
            what=Quota.What.REQUESTS, of=Quota.Of.EVERYBODY, hard=Decimal(1)
        )
    )
    await ask(bob)
    await spoken.settled()
    assert not await sql(Hold.objects.exists)
    with pytest.raises(openai.RateLimitError):
        await ask(bob)


async def test_a_server_that_fails_before_its_first_word_has_a_status_of_its_own(bob, ask):
    script = factory.fakes().generator.script
    script += [EngineUnavailable("gone"), EngineBusy("full", retry_after=7)]
    for _again in range(2):
        with pytest.raises(openai.InternalServerError) as refused:
            await ask(bob, stream=True)
        assert refused.value.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) > 0


async def test_what_one_answer_used_is_written_down_though_another_cannot_be(bob, ask, monkeypatch):
    written = spoken.account

    def once(plan: Any, used: Any) -> None:
        monkeypatch.setattr(spoken, "account", written)
        raise RuntimeError("no room")

    monkeypatch.setattr(spoken, "account", once)
    await asyncio.gather(ask(bob), ask(bob))
    await spoken.settled()
    assert await sql(Generation.objects.count) == 1


# --- the way of a stream --------------------------------------------------------------------------
class _Reader:
    """An ASGI client that reads as slowly as it likes, and may leave."""

    def __init__(self, key: str) -> None:
        body = json.dumps({"model": "plain/house", "messages": QUESTION, "stream": True}).encode()
        self.given = [{"type": "http.request", "body": body, "more_body": False}]
        self.left, self.may_read = asyncio.Event(), asyncio.Event()
        self.got: list[bytes] = []
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/chat/completions",
            "raw_path": b"/v1/chat/completions",
            "query_string": b"",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "headers": [
                (b"host", b"localhost"),
                (b"authorization", f"Bearer {key}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }

    async def receive(self) -> dict[str, Any]:
        if self.given:
            return self.given.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            self.got.append(message["body"])
            await self.may_read.wait()


@pytest.fixture
def key(bob: User, model: LanguageModel) -> str:
    return factories.make_api_key(bob, scope=KeyScope.ALL)[1]


@pytest.fixture
def server(model: LanguageModel):
    with FakeOpenAI() as fake:
        fake.tokens, fake.token_s = 2000, 0.001
        Endpoint.objects.create(
            name="one", base_url=fake.base_url, model=MODEL, is_active=True, concurrency=1
        )
        yield fake


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - another thread has no event for it
            await asyncio.sleep(0.02)


async def test_a_program_that_leaves_frees_its_place_and_stops_the_server(key, server):
    reader = _Reader(key)
    row = await sql(Endpoint.objects.get)
    answering = asyncio.create_task(application(reader.scope, reader.receive, reader.send))
    await _until(lambda: bool(reader.got))
    assert slots_of(str(row.pk)).running == 1
    reader.may_read.set()
    reader.left.set()
    await answering
    assert slots_of(str(row.pk)).running == 0
    await spoken.settled()
    assert (await sql(Generation.objects.get)).outcome == "stopped"


async def test_an_answer_that_runs_when_the_process_ends_is_stopped_and_accounted_for(key, server):
    reader = _Reader(key)
    row = await sql(Endpoint.objects.get)
    answering = asyncio.create_task(application(reader.scope, reader.receive, reader.send))
    await _until(lambda: bool(reader.got))
    await spoken.settled()
    assert slots_of(str(row.pk)).running == 0
    assert (await sql(Generation.objects.get)).outcome == "stopped"
    reader.left.set()
    await answering


async def test_a_stream_holds_no_connection_while_the_model_talks(key, server, monkeypatch):
    given_back: list[int] = []
    close = handler.close_old_connections

    def closed() -> None:
        close()
        given_back.append(threading.get_ident())

    monkeypatch.setattr(handler, "close_old_connections", closed)
    reader = _Reader(key)
    answering = asyncio.create_task(application(reader.scope, reader.receive, reader.send))
    await _until(lambda: bool(reader.got))
    assert len(given_back) == 1
    assert given_back != [threading.get_ident()]
    reader.may_read.set()
    reader.left.set()
    await answering


async def test_a_program_that_does_not_read_is_not_read_ahead_of(key, server):
    reader = _Reader(key)
    answering = asyncio.create_task(application(reader.scope, reader.receive, reader.send))
    await _until(lambda: bool(reader.got))
    await asyncio.sleep(0.3)
    assert len(reader.got) == 1
    reader.left.set()
    await answering
