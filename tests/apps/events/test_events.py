"""What happened is written once and read by those whom it concerns."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import ConnectionError as RedisGone

from apps.accounts.models import User
from apps.events import services
from apps.events.models import Event
from apps.events.queries import visible_events
from apps.permissions.scope import Scope, ScopeMissing, entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

As = Callable[[User], AbstractContextManager[Scope]]


def kinds() -> set[str]:
    return set(visible_events().values_list("kind", flat=True))


def test_an_event_knows_who_did_it_with_which_key_and_where(
    alice: User, collection: Collection
) -> None:
    document = factories.make_document(collection)
    key, _plain = factories.make_api_key(alice)
    with entered(scope_of(alice, key=key)):
        event = services.record("document.tested", document, pages=3)
    event.refresh_from_db()
    assert (event.actor, event.api_key_id) == (alice, key.pk)
    assert (event.object_type, event.object_id) == ("document", document.pk)
    assert event.collection_id == collection.pk
    assert event.data == {"pages": 3}


def test_nothing_is_recorded_outside_a_scope(db: None) -> None:
    with pytest.raises(ScopeMissing):
        services.record("document.tested")


def test_an_event_about_a_document_is_seen_by_who_may_see_the_document(
    alice: User,
    bob: User,
    carol: User,
    admin: User,
    workspace: Workspace,
    collection: Collection,
    other_collection: Collection,
    as_: As,
) -> None:
    with system_scope("test: something happens"):
        services.record("of.contracts", collection_id=collection.pk, workspace_id=workspace.pk)
        services.record("of.board", collection_id=other_collection.pk, workspace_id=workspace.pk)
        services.record("of.workspace", workspace_id=workspace.pk)
        services.record("of.installation")
    seen = {}
    for user in (alice, bob, carol, admin):
        with as_(user):
            seen[user.name] = kinds()
    assert seen == {
        "alice": {"of.contracts", "of.board", "of.workspace"},
        "bob": {"of.contracts"},
        "carol": set(),
        "admin": {"of.workspace", "of.installation"},
    }
    with as_(alice):
        assert visible_events(workspace_id=workspace.pk).count() == 3


def test_a_person_sees_what_they_did_themselves(bob: User, carol: User, as_: As) -> None:
    with as_(bob):
        services.record("person.did")
        assert kinds() == {"person.did"}
    with as_(carol):
        assert kinds() == set()


def test_live_news_is_sent_on_commit_to_the_group_of_the_collection(
    transactional_db: None, collection: Collection
) -> None:
    layer: Any = get_channel_layer()

    async def listen() -> str:
        channel: str = await layer.new_channel()
        await layer.group_add(services.group_of(collection.pk), channel)
        return channel

    channel = async_to_sync(listen)()
    with pytest.raises(ValueError), transaction.atomic():  # noqa: PT011, PT012 - rolls back
        services.announce(collection.pk, {"document": "rolled back"})
        raise ValueError
    services.announce(collection.pk, {"document": "1"})
    message = async_to_sync(layer.receive)(channel)
    assert message == {"type": "documents.changed", "document": "1"}


def test_news_that_nobody_listens_to_is_not_sent(
    transactional_db: None, collection: Collection, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    if "prefix" not in settings.CHANNEL_LAYERS["default"].get("CONFIG", {}):
        pytest.skip("asks Redis who listens")
    sent: list[str] = []

    async def send(_layer: object, group: str, _message: object) -> None:
        sent.append(group)

    layer: Any = get_channel_layer()
    monkeypatch.setattr(type(layer), "group_send", send)
    services.announce(collection.pk, {"document": "1"})
    assert sent == []
    group = services.group_of(collection.pk)
    async_to_sync(layer.group_add)(group, "specific.one!two")
    services.announce(collection.pk, {"document": "2"})
    assert sent == [group]


def test_news_that_cannot_be_sent_is_lost_and_nothing_else(
    transactional_db: None, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_args: object) -> None:
        raise RedisGone

    monkeypatch.setattr(type(get_channel_layer()), "group_send", gone)
    with transaction.atomic():
        services.announce(collection.pk, {})
        with system_scope("test: recorded all the same"):
            services.record("document.tested")
    assert Event.objects.filter(kind="document.tested").exists()
