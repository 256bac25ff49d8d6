"""A right that ends, by whatever rule, ends with the next request, on every page that showed it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.accounts.models import GroupMember, User
from apps.events import services as events
from apps.events.queries import visible_events
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from tests import factories

SignIn = Callable[[User], Client]
SECRET = "ninety days"


@pytest.fixture
def dora(db: None) -> User:
    return factories.make_user("dora")


def _grant(collection: Collection, dora: User) -> Callable[[], object]:
    factories.make_grant(collection, dora)
    return CollectionGrant.objects.filter(user=dora).delete


def _expiry(collection: Collection, dora: User) -> Callable[[], object]:
    factories.make_grant(collection, dora)
    past = timezone.now() - timedelta(seconds=1)
    return lambda: CollectionGrant.objects.filter(user=dora).update(expires_at=past)


def _group(collection: Collection, dora: User) -> Callable[[], object]:
    factories.make_grant(collection, factories.make_group("", dora))
    return GroupMember.objects.filter(user=dora).delete


def _nesting(collection: Collection, dora: User) -> Callable[[], object]:
    outer, inner = factories.make_group(), factories.make_group("", dora)
    nesting = factories.make_nesting(outer, inner)
    factories.make_grant(collection, outer)
    return nesting.delete


def _role(collection: Collection, dora: User) -> Callable[[], object]:
    factories.make_member(collection.workspace, dora, role=Role.MANAGER)
    return Member.objects.filter(user=dora).delete


def _closing(collection: Collection, dora: User) -> Callable[[], object]:
    factories.make_member(collection.workspace, dora)
    rows = Collection.objects.filter(pk=collection.pk)
    with system_scope("test: open it first"):
        rows.update(is_open=True)
    return lambda: rows.update(is_open=False)


@pytest.mark.parametrize("rule", [_grant, _expiry, _group, _nesting, _role, _closing])
def test_it_bites_on_the_next_request_wherever_it_was_shown(
    rule: Any, collection: Collection, dora: User, client_of: SignIn
) -> None:
    with system_scope("test: the right"):
        end = rule(collection, dora)
    document = factories.make_document(collection, "lease.txt")
    conversation = factories.make_conversation(dora, title=f"About {SECRET}")
    turn = factories.make_turn(conversation, answer=f"It is {SECRET} [1].", sources=[document])
    browser = client_of(dora)
    shown = {
        f"/c/{conversation.pk}": SECRET,
        f"/api/v1/conversations/{conversation.pk}": SECRET,
        "/api/v1/conversations": SECRET,
        "/": SECRET,
        "/find?q=About": SECRET,
        f"/d/{document.pk}": "lease.txt",
        f"/api/v1/documents/{document.pk}": "lease.txt",
        f"/k/{collection.pk}/": "lease.txt",
        f"/k/{collection.pk}/rows": "lease.txt",
    }
    for path, words in shown.items():
        assert words in browser.get(path, follow=True).content.decode(), path
    assert _hits(browser) > 0
    with system_scope("test: it ends"):
        end()
    for path, words in shown.items():
        assert words not in browser.get(path, follow=True).content.decode(), path
    assert _hits(browser) == 0
    assert turn.pk


def _hits(browser: Client) -> int:
    wanted = {"query": "notice period of this contract"}
    answer = browser.post("/api/v1/search", wanted, content_type="application/json")
    assert answer.status_code == 200
    return len(answer.json()["hits"])


def test_a_grant_ends_by_the_clock_alone(
    collection: Collection, dora: User, client_of: SignIn
) -> None:
    now = timezone.now()
    factories.make_grant(collection, dora, expires_at=now + timedelta(minutes=5))
    browser = client_of(dora)
    page = f"/k/{collection.pk}/"
    assert browser.get(page).status_code == 200
    with time_machine.travel(now + timedelta(minutes=5, seconds=1), tick=False):
        assert browser.get(page).status_code == 404


def test_an_ended_grant_is_shown_as_ended_to_managers(
    collection: Collection, dora: User, alice: User, workspace: Workspace, client_of: SignIn
) -> None:
    factories.make_grant(collection, dora, expires_at=factories.yesterday())
    page = client_of(alice).get(f"/w/{workspace.slug}/collections/{collection.pk}/settings")
    assert "ended" in page.content.decode()


def test_an_event_about_a_document_is_seen_by_who_may_see_the_document_now(
    collection: Collection, other_collection: Collection, bob: User, alice: User, as_: Any
) -> None:
    with as_(alice):
        for place in (collection, other_collection):
            document = factories.make_document(place, is_indexed=False)
            events.record("document.renamed", document, collection_id=place.pk, name="x")
    with as_(bob):
        assert {event.collection_id for event in visible_events()} == {collection.pk}
    with system_scope("test: it ends"):
        CollectionGrant.objects.filter(user=bob).delete()
    with as_(bob):
        assert list(visible_events()) == []
