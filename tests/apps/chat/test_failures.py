"""The model, the index or a frame is wrong: words a person can act on, what was found, no hang."""

import asyncio
from functools import partial

import pytest

from apps.accounts.models import User
from apps.chat import consumers, recording, running, services
from apps.chat.models import Citation, Turn
from apps.core.aio import in_thread
from apps.core.errors import MESSAGES, ErrorCode
from apps.engines import factory
from apps.engines.adapters.fake import ScriptedGenerator
from apps.gateway import services as gateway
from apps.permissions.scope import entered
from apps.rag.generate import Patience
from apps.rag.ports import Delta, EngineBusy, EngineError, EngineRejected, EngineUnavailable
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.chat.talk import LONG, said, sql, talking
from tests.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "http://10.0.0.9:8000/v1 said Traceback"


@pytest.fixture(autouse=True)
def contract(collection: Collection):
    return make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineUnavailable(SECRET), "ENGINE_UNAVAILABLE"),
        (EngineBusy(SECRET), "ENGINE_BUSY"),
        (EngineRejected(SECRET), "ENGINE_REJECTED"),
        (EngineError(SECRET), "ENGINE_ERROR"),
        (RuntimeError(SECRET), "INTERNAL"),
    ],
)
async def test_a_model_that_fails_leaves_the_sources_and_a_code(
    bob: User, model: ScriptedGenerator, error: Exception, code: str
) -> None:
    model.script.append(error)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
        again = await talk.follow(frames[0]["turn"])
    assert [frame["type"] for frame in frames] == ["started", "sources", "error"]
    assert frames[1]["sources"][0]["quote"] == "The notice period is ninety days."
    assert frames[-1]["code"] == code
    assert frames[-1]["message"] == str(MESSAGES[ErrorCode(code)])
    assert frames[-1]["text"] == ""
    assert "Traceback" not in str(talk.seen)
    assert again == frames
    turn = await sql(Turn.objects.get)
    assert (turn.state, turn.error_code, turn.answer) == ("failed", code, "")
    assert await sql(Citation.objects.filter(turn=turn).count) == 1


async def test_a_model_that_breaks_off_keeps_what_it_said(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(turns, *, max_tokens):
        yield Delta("Ninety ")
        yield Delta("days")
        raise EngineUnavailable(SECRET)

    monkeypatch.setattr(model, "stream", broken)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["code"] == "ENGINE_UNAVAILABLE"
    assert frames[-1]["text"] == "Ninety days"
    turn = await sql(Turn.objects.get)
    assert (turn.state, turn.answer) == ("failed", "Ninety days")


async def test_a_model_that_hangs_is_given_up(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "LOCAL_PATIENCE", Patience(0.1, 0.1, 5))
    model.first_delay_s = 60
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[1]["sources"]
    assert frames[-1]["code"] == "ENGINE_UNAVAILABLE"
    assert model.closed == 1


@pytest.mark.parametrize("nothing", ["", "   \n", [Delta("")]])
async def test_a_model_that_says_nothing_has_failed(
    bob: User, model: ScriptedGenerator, nothing
) -> None:
    model.script.append(nothing)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["type"] == "error"
    assert frames[-1]["code"] == "ENGINE_ERROR"


async def test_an_endless_answer_is_cut(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "CHARS_PER_TOKEN", 1)

    async def endless(turns, *, max_tokens):
        number = 0
        while True:
            number += 1
            await asyncio.sleep(0)
            yield Delta(f"{number * number} ")

    monkeypatch.setattr(model, "stream", endless)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    limit = factory.chat_settings().max_tokens
    assert limit - 20 <= len(said(frames)) <= limit
    assert frames[-1]["type"] == "done"


async def test_what_a_database_cannot_keep_is_left_out(bob: User, model: ScriptedGenerator) -> None:
    model.script.append([Delta("Ninety\x00 days \ud83d"), Delta(" \udc4d.")])
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["text"].startswith("Ninety days")
    assert "\x00" not in str(frames)
    str(frames).encode()


async def test_without_an_index_the_question_is_kept_and_says_why(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object, **kwargs: object) -> list[object]:
        raise EngineUnavailable(SECRET)

    monkeypatch.setattr(factory.fakes().index, "by_vector", down)
    monkeypatch.setattr(factory.fakes().index, "by_words", down)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert [frame["type"] for frame in frames] == ["started", "error"]
    assert frames[-1]["code"] == "INDEX_UNAVAILABLE"
    assert model.prompts == []
    assert (await sql(Turn.objects.get)).question == "What is the notice period?"


async def test_without_an_embedder_the_words_decide_and_the_page_is_told(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(text: str) -> list[float]:
        raise EngineUnavailable(SECRET)

    monkeypatch.setattr(factory.fakes().embedder, "embed_query", down)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[1]["note"] == "KEYWORD_ONLY"
    assert frames[1]["sources"]
    assert frames[-1]["type"] == "done"


async def test_a_failed_question_can_be_asked_again(bob: User, model: ScriptedGenerator) -> None:
    model.script.append(EngineUnavailable(SECRET))
    async with talking(bob) as talk:
        first = await talk.ask("What is the notice period?")
        await talk.send(type="regenerate", turn=first[0]["turn"], request="again")
        again = await talk.until("done", "error")
    assert again[0]["request"] == "again"
    assert again[0]["parent"] is None
    assert again[-1]["text"] == "The notice period is ninety days. [1]"


async def test_a_failed_answer_is_no_history(bob: User, model: ScriptedGenerator) -> None:
    model.script.append(EngineUnavailable(SECRET))
    async with talking(bob) as talk:
        first = await talk.ask("What is the notice period of the lease?")
        await talk.ask("And why?", conversation=first[0]["conversation"])
    assert len(model.prompts[-1]) == 2  # rules and question


async def test_as_one_piece_a_failure_comes_with_the_sources(
    bob: User, model: ScriptedGenerator
) -> None:
    model.script.append(EngineUnavailable(SECRET))
    with entered(await in_thread(partial(scope_of, bob))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        answer = await running.answer_once(opened)
    assert (answer.state, answer.error_code) == ("failed", "ENGINE_UNAVAILABLE")
    assert answer.sources
    assert answer.text == ""


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "null",
        "[]",
        '"ask"',
        "{}",
        '{"type": "delete"}',
        '{"type": null}',
        '{"type": "ask"}',
        '{"type": "ask", "text": 5}',
        '{"type": "ask", "text": ""}',
        '{"type": "ask", "text": "   "}',
        '{"type": "ask", "text": "\\u0000"}',
        '{"type": "ask", "text": "\\ud800"}',
        '{"type": "ask", "text": "' + "x" * 8001 + '"}',
        '{"type": "ask", "text": "hi", "conversation": "1"}',
        '{"type": "ask", "text": "hi", "collections": "all"}',
        '{"type": "ask", "text": "hi", "mode": "everything"}',
        '{"type": "ask", "text": "hi", "request": "' + "x" * 101 + '"}',
        '{"type": "follow", "turn": "x"}',
        '{"type": "follow", "turn": "019ab1c2-0000-7000-8000-000000000000", "after": true}',
        '{"type": "stop"}',
        "[" * 50_000,
        "9" * 70_000,
    ],
)
async def test_a_frame_that_is_wrong_is_refused_and_the_socket_stays_open(
    bob: User, text: str
) -> None:
    async with talking(bob) as talk:
        await talk.send_text(text)
        refused = await talk.frame()
        assert refused["type"] == "error"
        assert refused["code"] == "BAD_REQUEST"
        assert refused["turn"] == ""
        assert await sql(Turn.objects.count) == 0
        assert (await talk.ask("What is the notice period?"))[-1]["type"] == "done"


async def test_a_socket_follows_only_so_many_turns(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "MOST_FOLLOWED", 1)
    model.delta_delay_s = 0.01
    model.script.append(LONG)
    async with talking(bob) as talk:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("delta"))[0]["turn"]
        await talk.send(type="follow", turn="019ab1c2-0000-7000-8000-000000000000")
        assert (await talk.until("error"))[-1]["code"] == "TOO_MANY_REQUESTS"
        await talk.send(type="follow", turn=turn, after=talk.seen[-2]["n"])
        await talk.until("delta")
        await talk.send(type="stop", turn=turn)
        assert (await talk.until("stopped"))[-1]["turn"] == turn


async def test_a_binary_frame_is_refused(bob: User) -> None:
    async with talking(bob) as talk:
        await talk.socket.send_input({"type": "websocket.receive", "bytes": b"\x00\xff"})
        assert (await talk.frame())["code"] == "BAD_REQUEST"
        assert (await talk.ask("What is the notice period?"))[-1]["type"] == "done"


async def test_the_longest_question_is_answered(bob: User) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("x" * 7991 + " notice 期")
    assert frames[-1]["type"] == "done"


async def test_errors_speak_the_language_of_the_reader(bob: User) -> None:
    async with talking(bob, headers=[(b"accept-language", b"zh-CN,zh;q=0.9")]) as talk:
        await talk.send_text("{}")
        first = await talk.frame()
    with_message = str(MESSAGES[ErrorCode.BAD_REQUEST])
    assert first["message"]
    assert first["code"] == "BAD_REQUEST"
    assert with_message  # the catalogue decides the words; see tests of the locale
