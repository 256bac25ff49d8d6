"""Sockets and sessions: whose pages may open one, and when an open one closes."""

import pytest
from asgiref.testing import ApplicationCommunicator

from apps.accounts.models import BrowserSession, Group, User
from apps.accounts.sessions.store import SessionStore
from apps.chat import consumers
from apps.chat.consumers import ChatConsumer
from apps.engines.adapters.fake import ScriptedGenerator
from apps.workspaces.models import Collection
from kb_platform.asgi import application
from tests.apps.chat.talk import PATIENCE_S, sql, talking
from tests.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)


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


async def _closed(talk) -> int:
    """The code with which the socket closes, after whatever was still said."""
    for _frame in range(2000):
        message = await talk.message()
        if message["type"] == "websocket.close":
            return int(message["code"])
    pytest.fail("it stayed open")


def _revoke(user: User) -> None:
    BrowserSession.objects.filter(user=user).delete()


async def test_a_revoked_session_ends_an_answer_that_is_on_its_way(
    bob: User,
    collection: Collection,
    slow: ScriptedGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "ASK_AGAIN_S", 0.05)
    await sql(make_document, collection)
    session = await sql(_session_of, bob)
    async with _talking_in(session, bob) as talk:
        await talk.begin()
        await sql(_revoke, bob)
        assert await _closed(talk) == 4401


async def test_a_session_that_was_not_used_for_too_long_is_no_way_in(
    bob: User, settings, collection: Collection
) -> None:
    session = await sql(_session_of, bob)
    settings.SESSION_IDLE *= 0
    async with _talking_in(session, bob) as talk:
        assert (await talk.message())["code"] == 4401


async def test_without_the_second_factor_that_a_group_wants_no_frame_is_obeyed(
    bob: User, collection: Collection
) -> None:
    session = await sql(_session_of, bob)

    def want() -> None:
        group = Group.objects.create(name="Finance", needs_second_factor=True)
        group.members.add(bob)

    async with _talking_in(session, bob) as talk:
        await sql(want)
        await talk.send(type="ask", text="What is the notice period?")
        assert (await talk.message())["code"] == 4401


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("http://localhost:8000", "websocket.accept"),
        ("http://evil.example", "websocket.close"),
        ("http://localhost.evil.example", "websocket.close"),
        ("null", "websocket.close"),
        ("", "websocket.close"),
    ],
)
async def test_only_pages_of_this_site_open_a_socket(origin: str, answer: str) -> None:
    headers = [(b"host", b"localhost:8000"), (b"origin", origin.encode())][: 2 if origin else 1]
    scope = {"type": "websocket", "path": "/ws/chat", "query_string": b"", "headers": headers}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(timeout=PATIENCE_S))["type"] == answer
    await socket.send_input({"type": "websocket.disconnect", "code": 1001})
    await socket.wait(timeout=PATIENCE_S)
