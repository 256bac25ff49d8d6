"""Asking to be let into a collection that one sees listed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.events.models import Event
from apps.permissions.scope import system_scope
from apps.workspaces import services
from apps.workspaces.models import AccessRequest, Collection, CollectionGrant, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

SignIn = Callable[[User], Client]


@pytest.fixture
def dora(workspace: Workspace) -> User:
    """A member who cannot open the closed collections."""
    user = factories.make_user("dora")
    factories.make_member(workspace, user)
    return user


@pytest.fixture
def hers(dora: User, client_of: SignIn) -> Client:
    return client_of(dora)


@pytest.fixture
def url(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/access"


def ask(
    client: Client, url: str, collection: Collection, reason: str = "I write the tender"
) -> Any:
    return client.post(f"{url}/{collection.pk}/ask", {"reason": reason})


def asked(collection: Collection, dora: User) -> AccessRequest:
    return factories.make_access_request(collection, dora)


def test_a_member_asks_and_a_manager_lets_them_in_until_a_day(
    hers: Client, url: str, collection: Collection, alice: User, dora: User, client_of: SignIn
) -> None:
    assert ask(hers, url, collection).status_code == 201
    assert b"A manager has not answered yet" in hers.get(url).content
    browser = client_of(alice)
    assert b"1 person asks for access" in browser.get("/").content
    assert b"I write the tender" in browser.get(url).content
    row = AccessRequest.objects.get()
    until = timezone.localdate() + timedelta(days=7)
    granted = browser.post(f"{url}/requests/{row.pk}/approve", {"role": "viewer", "until": until})
    assert granted.status_code == 200
    assert collection.pk in scope_of(dora).readable
    with system_scope("test: look"):
        assert timezone.localdate(CollectionGrant.objects.get(user=dora).expires_at) == until
    assert b"asks for access" not in browser.get("/").content


def test_a_refusal_is_read_with_its_reason_and_may_be_asked_again(
    hers: Client, url: str, collection: Collection, alice: User, dora: User, client_of: SignIn
) -> None:
    row = asked(collection, dora)
    refused = client_of(alice).post(f"{url}/requests/{row.pk}/refuse", {"answer": "Ask legal"})
    assert refused.status_code == 200
    assert collection.pk not in scope_of(dora).readable
    assert b"Ask legal" in hers.get(url).content
    assert ask(hers, url, collection).status_code == 201


def test_what_is_not_listed_cannot_be_asked_for_and_looks_like_nothing(
    hers: Client, url: str, other_collection: Collection
) -> None:
    there = ask(hers, url, other_collection)
    with system_scope("test: remove"):
        Collection.objects.filter(pk=other_collection.pk).delete()
    nowhere = ask(hers, url, other_collection)
    assert there.status_code == nowhere.status_code == 404
    assert len(there.content) == len(nowhere.content)
    assert b"Board papers" not in hers.get(url).content


def test_nobody_but_members_asks(
    url: str, collection: Collection, bob: User, carol: User, client_of: SignIn
) -> None:
    listed = factories.make_collection(collection.workspace, "Offers", is_open=False)
    assert ask(client_of(carol), url, listed).status_code == 404
    assert ask(client_of(bob), url, listed).status_code == 404
    assert b"Offers" not in client_of(bob).get(url).content


def test_one_request_waits_at_a_time(hers: Client, url: str, collection: Collection) -> None:
    assert ask(hers, url, collection).status_code == 201
    assert ask(hers, url, collection).status_code == 409
    assert AccessRequest.objects.count() == 1


def test_a_request_is_answered_once(
    url: str, collection: Collection, alice: User, dora: User, client_of: SignIn
) -> None:
    row = asked(collection, dora)
    browser = client_of(alice)
    browser.post(f"{url}/requests/{row.pk}/refuse", {"answer": "No"})
    late = browser.post(f"{url}/requests/{row.pk}/approve", {"role": "viewer"})
    assert late.status_code == 409
    assert collection.pk not in scope_of(dora).readable


def test_who_asked_cannot_let_themselves_in(
    hers: Client, url: str, collection: Collection, dora: User
) -> None:
    row = asked(collection, dora)
    assert hers.post(f"{url}/requests/{row.pk}/approve", {"role": "viewer"}).status_code == 403
    assert collection.pk not in scope_of(dora).readable


def test_a_manager_of_another_department_answers_nothing_and_sees_nothing(
    url: str, collection: Collection, dora: User, carol: User, client_of: SignIn
) -> None:
    row = asked(collection, dora)
    theirs = client_of(carol)
    with system_scope("test: where carol is at home"):
        own = Workspace.objects.get(name="Elsewhere")
    for slug in (collection.workspace.slug, own.slug):
        wrong = theirs.post(f"/w/{slug}/access/requests/{row.pk}/approve", {"role": "viewer"})
        assert wrong.status_code == 404
    assert b"asks for access" not in theirs.get("/").content
    assert collection.pk not in scope_of(dora).readable


def test_it_is_withdrawn_by_who_asked_alone(
    hers: Client, url: str, collection: Collection, dora: User, alice: User, client_of: SignIn
) -> None:
    row = asked(collection, dora)
    assert client_of(alice).post(f"{url}/requests/{row.pk}/withdraw").status_code == 404
    assert hers.post(f"{url}/requests/{row.pk}/withdraw").status_code == 200
    row.refresh_from_db()
    assert row.state == "withdrawn"


def test_an_event_tells_of_it_where_the_collection_may_be_read(
    hers: Client, url: str, collection: Collection
) -> None:
    ask(hers, url, collection)
    event = Event.objects.get(kind="access.requested")
    assert event.collection_id == collection.pk
    assert event.workspace_id == collection.workspace_id


def test_a_deleted_collection_takes_its_requests_along(
    collection: Collection, dora: User, alice: User, as_: Any
) -> None:
    asked(collection, dora)
    with as_(alice):
        services.delete_collection(collection=collection)
    assert not AccessRequest.objects.exists()


def test_the_api_lists_asks_approves_refuses_and_withdraws(
    hers: Client, workspace: Workspace, collection: Collection, alice: User, client_of: SignIn
) -> None:
    base = f"/api/v1/workspaces/{workspace.slug}"
    (listed,) = hers.get(f"{base}/listed-collections").json()["items"]
    assert listed["name"] == "Contracts"
    as_json = {"content_type": "application/json"}
    wanted = {"collection": listed["id"], "reason": "the audit"}
    made = hers.post(f"{base}/access-requests", wanted, **as_json)
    assert made.status_code == 201
    one = f"{base}/access-requests/{made.json()['id']}"
    assert hers.delete(one).status_code == 204
    again = hers.post(f"{base}/access-requests", wanted, **as_json).json()
    one = f"{base}/access-requests/{again['id']}"
    theirs = client_of(alice)
    assert len(theirs.get(f"{base}/access-requests").json()["items"]) == 2
    assert theirs.post(f"{one}/approve", {}, **as_json).json()["state"] == "granted"
    assert theirs.post(f"{one}/refuse", {"answer": "late"}, **as_json).status_code == 409
    assert hers.get(one).json()["state"] == "granted"
    assert hers.get(f"{base}/listed-collections").json()["items"] == []
