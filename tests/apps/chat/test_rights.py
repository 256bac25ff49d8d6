"""What was said obeys rights too: for strangers, after a revocation, in an open socket."""

import asyncio
from functools import partial

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.sessions.store import SessionStore
from apps.chat import queries, running, services
from apps.chat.consumers import ChatConsumer
from apps.chat.models import Conversation, Turn
from apps.core.aio import in_thread
from apps.engines.adapters.fake import ScriptedGenerator
from apps.permissions.roles import KeyScope
from apps.permissions.scope import ScopeDenied, entered, system_scope
from apps.workspaces.models import Collection, CollectionGrant
from apps.workspaces.scopes import scope_of
from tests.apps.chat.talk import LAST, LONG, sql, talking
from tests.factories import make_api_key, make_collection, make_document, make_grant

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "ninety"


@pytest.fixture(autouse=True)
def contract(collection: Collection):
    return make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])


@pytest.fixture
def open_collection(collection: Collection, bob: User) -> Collection:
    """A second collection that bob keeps when his grant on the first is revoked."""
    kept = make_collection(collection.workspace, "Handbook", is_open=False)
    make_grant(kept, bob)
    make_document(kept, "handbook.txt", texts=["Lunch is at noon."])
    return kept


async def revoke(user: User, collection: Collection) -> None:
    await sql(CollectionGrant.objects.filter(user=user, collection=collection).delete)


def as_person(user: User, work, *args, **kwargs):
    with entered(scope_of(user)):
        return work(*args, **kwargs)


async def seen_by(user: User, work, *args, **kwargs):
    return await in_thread(partial(as_person, user, work, *args, **kwargs))


# --- a stranger ---------------------------------------------------------------------------------


@pytest.fixture
async def turn(bob: User) -> str:
    async with talking(bob) as talk:
        return (await talk.ask("What is the notice period?"))[0]["turn"]


@pytest.mark.parametrize("frame", ["follow", "stop", "regenerate", "edit", "ask", "parent"])
async def test_a_stranger_gets_nothing_for_the_ids_of_another(
    carol: User, alice: User, turn: str, frame: str
) -> None:
    conversation = str((await sql(Turn.objects.get)).conversation_id)
    frames = {
        "follow": {"type": "follow", "turn": turn},
        "stop": {"type": "stop", "turn": turn},
        "regenerate": {"type": "regenerate", "turn": turn},
        "edit": {"type": "edit", "turn": turn, "text": "And?"},
        "ask": {"type": "ask", "text": "And?", "conversation": conversation},
        "parent": {"type": "ask", "text": "And?", "parent": turn},
    }
    for person in (carol, alice):  # alice may read the documents, and still not bob's questions
        for memory in ("here", "elsewhere"):
            if memory == "elsewhere":
                running._running.clear()
            async with talking(person) as talk:
                await talk.send(**frames[frame])
                answer = await talk.frame()
                assert answer["code"] == "NOT_FOUND"
                assert SECRET not in str(answer)
    assert await sql(Turn.objects.count) == 1


async def test_a_stranger_cannot_follow_or_stop_a_running_answer(
    bob: User, alice: User, model: ScriptedGenerator
) -> None:
    model.delta_delay_s = 0.01
    model.script.append(LONG)
    async with talking(bob) as talk, talking(alice) as other:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("delta"))[0]["turn"]
        await other.send(type="follow", turn=turn)
        assert (await other.frame())["code"] == "NOT_FOUND"
        await other.send(type="stop", turn=turn)
        assert (await other.frame())["code"] == "NOT_FOUND"
        await talk.until("delta")
        assert (await sql(Turn.objects.get)).state == "running"
        await talk.send(type="stop", turn=turn)
        await talk.until(*LAST)


async def test_a_stranger_sees_no_conversation(carol: User, turn: str) -> None:
    assert await seen_by(carol, lambda: list(queries.conversations())) == []
    assert await seen_by(carol, queries.conversations_grouped) == []
    assert await seen_by(carol, queries.find_conversations, "notice") == []
    conversation = await sql(Conversation.objects.get)
    assert await seen_by(carol, queries.visible_turns, conversation) == []
    assert await seen_by(carol, queries.thread, conversation) == []
    with pytest.raises(Conversation.DoesNotExist):
        await seen_by(carol, queries.title_for_reader, conversation)


async def test_nobody_gets_a_socket_that_works() -> None:
    async with talking(None) as talk:
        assert await talk.message() == {"type": "websocket.close", "code": 4401}


async def test_who_is_deactivated_is_signed_out_with_the_next_frame(bob: User) -> None:
    async with talking(bob) as talk:
        await talk.ask("What is the notice period?")
        await sql(User.objects.filter(pk=bob.pk).update, is_active=False)
        await talk.send(type="ask", text="And now?")
        assert (await talk.message())["code"] == 4401
    assert await sql(Turn.objects.count) == 1


async def test_signing_out_closes_the_open_socket_with_the_next_frame(bob: User) -> None:
    session = await sql(_session_of, bob)
    async with _talking_in(session, bob) as talk:
        assert (await talk.ask("What is the notice period?"))[-1]["type"] == "done"
        await sql(session.delete)
        await talk.send(type="ask", text="And now?")
        assert (await talk.message())["code"] == 4401
    assert await sql(Turn.objects.count) == 1


async def test_a_new_password_closes_the_open_socket_with_the_next_frame(bob: User) -> None:
    session = await sql(_session_of, bob)

    def change() -> None:
        bob.set_password("another long password")
        bob.save()

    async with _talking_in(session, bob) as talk:
        assert (await talk.ask("What is the notice period?"))[-1]["type"] == "done"
        await sql(change)
        await talk.send(type="ask", text="And now?")
        assert (await talk.message())["code"] == 4401


def _session_of(user: User) -> SessionStore:
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "apps.accounts.backends.EmailOrLoginBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    return session


def _talking_in(session: SessionStore, user: User):
    consumer = ChatConsumer.as_asgi()

    async def with_session(scope, receive, send):
        await consumer({**scope, "session": session}, receive, send)

    return talking(user, application=with_session)


# --- a revoked grant ----------------------------------------------------------------------------


async def test_a_revoked_grant_bites_on_the_next_frame_of_an_open_socket(
    bob: User, collection: Collection, open_collection: Collection, model: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        before = await talk.ask("What is the notice period?")
        await revoke(bob, collection)
        after = await talk.ask("What is the notice period?")
        here = await talk.follow(before[0]["turn"])
        running._running.clear()
        elsewhere = await talk.follow(before[0]["turn"])
    assert SECRET in str(before)
    assert SECRET not in str(after)
    for again in (here, elsewhere):
        assert [frame["type"] for frame in again] == ["error"]
        assert again[0]["code"] == "ANSWER_WITHHELD"
        assert again[0]["text"] == ""
    assert SECRET not in str(model.prompts[1:])


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_grant_that_is_revoked_while_the_answer_runs_ends_it_for_the_reader(
    bob: User,
    collection: Collection,
    model: ScriptedGenerator,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    for interval in ("RIGHTS_S", "PULSE_S", "POLL_S"):
        monkeypatch.setattr(running, interval, 0.02)
    model.delta_delay_s = 0.01
    model.script.append(LONG)
    async with talking(bob) as talk, talking(bob) as second:
        await talk.send(type="ask", text="What is the notice period?")
        turn = (await talk.until("delta"))[0]["turn"]
        entry = running._running[next(iter(running._running))]
        if where == "elsewhere":
            running._running.clear()
            await second.send(type="follow", turn=turn)
            await second.until("delta")
            talk = second  # noqa: PLW2901 - the reader in question
        await revoke(bob, collection)
        frames = await talk.until(*LAST)
        assert frames[-1]["code"] == "ANSWER_WITHHELD"
        assert frames[-1]["text"] == ""
        assert await talk.is_silent()
        entry.stop()
        await asyncio.wait([entry.task])


@pytest.fixture
async def withheld(
    bob: User, collection: Collection, open_collection: Collection, model: ScriptedGenerator
) -> Conversation:
    """Bob asked about the lease, then about lunch; then his grant on the lease was revoked."""
    model.script.extend(["Ninety-one days [1].", "At noon [1].", "Still at noon [1]."])
    async with talking(bob) as talk:
        first = await talk.ask("What is the notice period?")
        await talk.ask("When is lunch?", conversation=first[0]["conversation"])
        await talk.ask("When is lunch?", collections=[open_collection])
    await revoke(bob, collection)
    return await sql(Conversation.objects.order_by("created_at").first)


async def test_a_stored_answer_is_withheld_after_the_revocation(
    bob: User, withheld: Conversation
) -> None:
    turns = await seen_by(bob, queries.visible_turns, withheld)
    assert [turn.is_withheld for turn in turns] == [True, True]  # the second leant on the first
    for turn in turns:
        assert (turn.question, turn.answer, turn.thinking, turn.sources) == ("", "", "", [])
        assert (turn.trace, turn.cited, turn.unsupported) == ({}, [], [])
        assert turn.message == "This answer used documents that you can no longer open."


async def test_the_title_is_withheld_with_the_first_turn(bob: User, withheld: Conversation) -> None:
    groups = await seen_by(bob, queries.conversations_grouped)
    titles = {row.title for group in groups for row in group.conversations}
    assert titles == {"Withheld conversation", "When is lunch?"}
    assert await seen_by(bob, queries.title_for_reader, withheld) == "Withheld conversation"


async def test_finding_looks_into_nothing_that_is_withheld(
    bob: User, withheld: Conversation
) -> None:
    assert await seen_by(bob, queries.find_conversations, "notice") == []
    assert await seen_by(bob, queries.find_conversations, "ninety-one") == []
    found = await seen_by(bob, queries.find_conversations, "lunch")
    assert [each.title for each in found] == ["When is lunch?"]


async def test_history_of_the_next_prompt_leaves_out_what_is_withheld(
    bob: User, withheld: Conversation, model: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("And when is dinner?", conversation=str(withheld.pk))
    assert "Ninety-one" not in str(model.prompts[-1])
    assert "notice" not in str(model.prompts[-1])
    assert "notice" not in str(frames)
    last = await sql(Turn.objects.order_by("-created_at").first)
    assert "notice" not in last.query


async def test_what_is_granted_again_is_shown_again(
    bob: User, collection: Collection, withheld: Conversation
) -> None:
    await sql(make_grant, collection, bob)
    turns = await seen_by(bob, queries.visible_turns, withheld)
    assert turns[0].answer == "Ninety-one days [1]."
    assert turns[0].sources


async def test_a_deleted_collection_keeps_withholding(
    bob: User, collection: Collection, withheld: Conversation
) -> None:
    await sql(make_grant, collection, bob)
    await sql(Collection.objects.filter(pk=collection.pk).delete)
    turns = await seen_by(bob, queries.visible_turns, withheld)
    assert all(turn.is_withheld for turn in turns)


async def test_asking_again_under_a_withheld_answer_uses_todays_rights(
    bob: User, withheld: Conversation, model: ScriptedGenerator
) -> None:
    first = await sql(withheld.turns.order_by("created_at").first)
    async with talking(bob) as talk:
        await talk.send(type="regenerate", turn=str(first.pk))
        frames = await talk.until(*LAST)
    assert SECRET not in str(frames).lower()
    assert frames[0]["title"] == "Withheld conversation"


# --- keys ---------------------------------------------------------------------------------------


async def test_a_key_for_reading_may_not_ask(bob: User) -> None:
    key, _plain = await sql(make_api_key, bob, scope=KeyScope.READ)
    scope = await in_thread(partial(scope_of, bob, key=key))
    with entered(scope), pytest.raises(ScopeDenied):
        await in_thread(partial(services.ask, question="What is the notice period?"))


async def test_a_revoked_key_follows_nothing_any_more(
    bob: User, model: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RIGHTS_S", 0.0)
    model.delta_delay_s = 0.01
    model.script.append(LONG)
    key, _plain = await sql(make_api_key, bob, scope=KeyScope.ASK)

    def revoke_key() -> None:
        key.revoked_at = timezone.now()
        key.save()

    frames = []
    with entered(await in_thread(partial(scope_of, bob, key=key))):
        opened = await in_thread(partial(services.ask, question="What is the notice period?"))
        turn = await running.start(opened)
        async for frame in running.follow(turn):
            frames.append(frame)
            if frame["type"] == "delta" and len(frames) == 5:
                await sql(revoke_key)
    assert frames[-1]["type"] == "error"
    assert frames[-1]["code"] == "ANSWER_WITHHELD"
    assert len(frames) < 20


def test_a_system_scope_reads_no_answer(bob: User, db: None) -> None:
    with system_scope("test: a job has no reader"):
        assert queries.conversations_grouped() == []
