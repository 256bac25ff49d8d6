"""The socket that tells a page which documents changed."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.urls import path

from apps.accounts.models import User
from apps.core.aio import in_thread
from apps.documents import consumers
from apps.events.services import group_of
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, CollectionGrant

pytestmark = pytest.mark.django_db(transaction=True)
CONSUMER: Any = consumers.DocumentsConsumer.as_asgi()
ROUTE: Any = path("ws/documents/<uuid:collection>", CONSUMER)
ROUTES = URLRouter([ROUTE])


class Page:
    """A browser page with an open socket."""

    def __init__(self, user: Any, collection: Collection) -> None:
        communicator: Any = ApplicationCommunicator
        address = f"/ws/documents/{collection.pk}"
        scope = {"type": "websocket", "path": address, "headers": [], "user": user}
        self.wire = communicator(ROUTES, scope)

    async def heard(self) -> Any:
        """The next message."""
        message = await self.wire.receive_output(timeout=5)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def hears_nothing(self, seconds: float = 0.3) -> bool:
        return bool(await self.wire.receive_nothing(timeout=seconds))

    async def close_code(self) -> int:
        message = await self.wire.receive_output(timeout=5)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def say(self, content: Any) -> None:
        await self.wire.send_input({"type": "websocket.receive", "text": json.dumps(content)})


@asynccontextmanager
async def page(user: Any, collection: Collection) -> AsyncIterator[Page]:
    opened = Page(user, collection)
    await opened.wire.send_input({"type": "websocket.connect"})
    assert (await opened.wire.receive_output(timeout=5))["type"] == "websocket.accept"
    try:
        yield opened
    finally:
        await opened.wire.send_input({"type": "websocket.disconnect", "code": 1001})
        await opened.wire.wait(timeout=5)


async def change(collection: Collection, *documents: str) -> None:
    layer = get_channel_layer()
    assert layer is not None
    for document in documents:
        message = {"type": "documents.changed", "document": document}
        await layer.group_send(group_of(collection.pk), message)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "GATHER_S", 0.05)


async def test_a_reader_hears_which_document_changed(bob: User, collection: Collection) -> None:
    async with page(bob, collection) as socket:
        await change(collection, "one")
        assert await socket.heard() == {"type": "changed", "document": "one"}


async def test_many_changes_of_one_document_are_told_once(
    bob: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "GATHER_S", 0.3)
    async with page(bob, collection) as socket:
        await change(collection, "one")
        await socket.heard()
        await change(collection, *["one", "two"] * 20)
        told = [await socket.heard() for _ in range(2)]
        assert [message["document"] for message in told] == ["one", "two"]
        assert await socket.hears_nothing(0.5)


async def test_news_of_another_collection_are_not_heard(
    alice: User, collection: Collection, other_collection: Collection
) -> None:
    async with page(alice, collection) as socket:
        await change(other_collection, "secret")
        assert await socket.hears_nothing(0.3)


async def test_a_stranger_and_a_visitor_are_turned_away(
    carol: User, collection: Collection
) -> None:
    for user in (carol, AnonymousUser(), None):
        async with page(user, collection) as socket:
            assert await socket.close_code() == 4404
            await change(collection, "secret")
            assert await socket.hears_nothing(0.2)


async def test_a_revoked_grant_closes_the_open_socket(bob: User, collection: Collection) -> None:
    def revoke() -> None:
        with system_scope("test: revoke"):
            CollectionGrant.objects.all().delete()

    async with page(bob, collection) as socket:
        await in_thread(revoke)
        await change(collection, "secret")
        assert await socket.close_code() == 4404


async def test_a_deactivated_person_hears_nothing_more(bob: User, collection: Collection) -> None:
    async with page(bob, collection) as socket:
        await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
        await change(collection, "secret")
        assert await socket.close_code() == 4404


async def test_a_word_from_the_page_is_answered(bob: User, collection: Collection) -> None:
    async with page(bob, collection) as socket:
        await socket.say({"type": "anything"})
        assert await socket.heard() == {"type": "alive"}
