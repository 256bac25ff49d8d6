"""Collections: open and closed, listed and not, granted and revoked."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.chat.models import Citation
from apps.core import blobs
from apps.documents.models import Document
from apps.engines import factory
from apps.permissions.roles import Role
from apps.permissions.scope import Scope, system_scope
from apps.workspaces import queries
from apps.workspaces.models import Collection, CollectionGrant, Workspace
from tests import factories

SignIn = Callable[[User], Client]
As = Callable[[User], AbstractContextManager[Scope]]


@pytest.fixture
def browser(alice: User, workspace: Workspace, client_of: SignIn) -> Client:
    return client_of(alice)


def settings_of(collection: Collection) -> str:
    with system_scope("test: address"):
        return f"/w/{collection.workspace.slug}/collections/{collection.pk}"


def test_a_manager_makes_a_collection(browser: Client, workspace: Workspace) -> None:
    url = f"/w/{workspace.slug}/collections/new"
    assert browser.get(url).status_code == 200
    response = browser.post(url, {"name": "Handbook", "description": "Rules", "is_open": "on"})
    with system_scope("test: look"):
        made = Collection.objects.get()
    assert response["Location"] == f"/k/{made.pk}/"
    assert (made.is_open, made.is_listed) == (True, False)


def test_a_name_is_used_once_in_a_workspace(
    browser: Client, workspace: Workspace, collection: Collection, other_collection: Collection
) -> None:
    made = browser.post(f"/w/{workspace.slug}/collections/new", {"name": collection.name})
    assert made.status_code == 409
    assert "has a collection of this name already" in made.content.decode()
    renamed = browser.post(
        f"{settings_of(other_collection)}/settings", {"name": collection.name, "description": "x"}
    )
    assert renamed.status_code == 409
    assert "has a collection of this name already" in renamed.content.decode()
    with system_scope("test: look"):
        assert Collection.objects.filter(name=collection.name).count() == 1


def test_opening_a_collection_lets_members_in_and_closing_it_locks_them_out(
    browser: Client, workspace: Workspace, collection: Collection, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    factories.make_member(workspace, dora)
    document = factories.make_document(collection)
    hers = client_of(dora)
    values = {"name": "Contracts", "description": "", "is_listed": "on"}
    assert hers.get(f"/d/{document.pk}").status_code == 404
    browser.post(f"{settings_of(collection)}/settings", {**values, "is_open": "on"})
    assert hers.get(f"/d/{document.pk}").status_code == 200
    browser.post(f"{settings_of(collection)}/settings", values)
    assert hers.get(f"/d/{document.pk}").status_code == 404


@pytest.mark.parametrize("who", ["dora@example.com", "Buyers"])
def test_a_grant_lets_in_and_a_revoked_one_bites_on_the_next_request(
    who: str, browser: Client, collection: Collection, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    factories.make_group("Buyers", dora)
    document = factories.make_document(collection)
    hers = client_of(dora)
    assert hers.get(f"/d/{document.pk}").status_code == 404
    granted = browser.post(
        f"{settings_of(collection)}/grants", {"who": who, "role": "viewer", "until": ""}
    )
    assert granted.status_code == 201
    assert hers.get(f"/d/{document.pk}").status_code == 200
    with system_scope("test: look"):
        grant = CollectionGrant.objects.get()
    assert browser.post(f"{settings_of(collection)}/grants/{grant.pk}/revoke").status_code == 200
    assert hers.get(f"/d/{document.pk}").status_code == 404


def test_granted_again_a_grant_is_replaced(browser: Client, collection: Collection) -> None:
    dora = factories.make_user("dora")
    url = f"{settings_of(collection)}/grants"
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    browser.post(url, {"who": dora.email, "role": "viewer", "until": day})
    browser.post(url, {"who": dora.email, "role": "contributor", "until": ""})
    with system_scope("test: look"):
        grant = CollectionGrant.objects.get()
    assert (grant.role, grant.expires_at) == (Role.CONTRIBUTOR, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"who": "nobody@example.com"},
        {"role": "manager"},
        {"until": "2001-01-01"},
        {"until": "soon"},
        {"who": ""},
    ],
)
def test_a_grant_with_something_wrong_is_not_made(
    fields: dict[str, str], browser: Client, collection: Collection
) -> None:
    dora = factories.make_user("dora")
    values = {"who": dora.email, "role": "viewer", "until": "", **fields}
    response = browser.post(f"{settings_of(collection)}/grants", values)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    with system_scope("test: look"):
        assert not CollectionGrant.objects.exists()


def test_a_grant_of_another_collection_is_not_reached_through_this_one(
    browser: Client, collection: Collection, other_collection: Collection, bob: User
) -> None:
    with system_scope("test: look"):
        grant = CollectionGrant.objects.get(user=bob)
    url = f"{settings_of(other_collection)}/grants/{grant.pk}/revoke"
    assert browser.post(url).status_code == 404


def test_deleting_a_collection_asks_for_its_name_and_takes_its_documents_along(
    browser: Client, collection: Collection, bob: User, client_of: SignIn
) -> None:
    document = factories.make_document(collection)
    url = f"{settings_of(collection)}/delete"
    refused = browser.post(url, {"typed": "contracts"})
    assert refused.status_code == 422
    assert "This is not the name." in refused.content.decode()
    assert client_of(bob).get(f"/d/{document.pk}").status_code == 200
    assert browser.post(url, {"typed": "Contracts"}).status_code == 302
    assert client_of(bob).get(f"/d/{document.pk}").status_code == 404
    with system_scope("test: look"):
        assert not Document.with_deleted.filter(pk=document.pk).exists()


# --- names ----------------------------------------------------------------------------------------
def test_members_are_told_listed_names_and_never_unlisted_ones(
    workspace: Workspace,
    collection: Collection,
    other_collection: Collection,
    alice: User,
    bob: User,
    carol: User,
    admin: User,
    as_: As,
) -> None:
    viewer = factories.make_user("viewer")
    factories.make_member(workspace, viewer)
    told = {}
    for user in (viewer, alice, bob, carol, admin):
        with as_(user):
            told[user.name] = queries.unreadable_listed(workspace)
    # Bob came by a grant and is no member; alice reads both.
    assert told == {"viewer": ["Contracts"], "alice": [], "bob": [], "carol": [], "admin": []}


def test_an_unlisted_name_appears_on_no_page_of_a_member(
    workspace: Workspace, other_collection: Collection, bob: User, client_of: SignIn
) -> None:
    viewer = factories.make_user("viewer")
    factories.make_member(workspace, viewer)
    pages = ["/", f"/w/{workspace.slug}/ask", f"/w/{workspace.slug}/documents", "/find?q=Board"]
    for user in (viewer, bob):
        browser = client_of(user)
        for path in pages:
            page = browser.get(path, follow=True)
            assert page.status_code == 200
            assert "Board papers" not in page.content.decode()


def test_who_may_open_a_collection_is_told_to_those_who_may(
    workspace: Workspace, collection: Collection, bob: User, as_: As
) -> None:
    opened = factories.make_collection(workspace, "Handbook")
    factories.make_grant(collection, factories.make_group("Buyers"), role=Role.CONTRIBUTOR)
    factories.make_grant(collection, factories.make_user("late"), expires_at=factories.yesterday())
    with as_(bob):
        found = queries.holders(Collection.objects.get(pk=collection.pk))
    assert {(one.name, one.kind, str(one.role)) for one in found} == {
        ("alice", "user", "manager"),
        ("bob", "user", "viewer"),
        ("Buyers", "group", "contributor"),
    }
    with system_scope("test: look"):
        assert [one.name for one in queries.holders(opened)] == ["Procurement"]


@pytest.mark.parametrize("act", ["settings", "delete", "grants"])
def test_a_collection_is_run_by_managers_of_its_workspace(
    act: str, collection: Collection, admin: User, bob: User, carol: User, client_of: SignIn
) -> None:
    """Bob sees it and may not; an administrator without a role does not even see it."""
    contributor = factories.make_user("contributor")
    factories.make_grant(collection, contributor, role=Role.CONTRIBUTOR)
    url = f"{settings_of(collection)}/{act}"
    fields = {"name": "Taken", "typed": collection.name, "who": bob.email, "role": "contributor"}
    for user, status in ((bob, 403), (contributor, 403), (carol, 404), (admin, 404)):
        assert client_of(user).post(url, fields).status_code == status
    assert Client().post(url, fields).status_code == 302
    with system_scope("test: look"):
        assert Collection.objects.get(pk=collection.pk).name == "Contracts"
        assert CollectionGrant.objects.get(user=bob).role == "viewer"


def test_a_collection_is_not_found_under_another_workspace(
    browser: Client, collection: Collection, alice: User
) -> None:
    other = factories.make_workspace("Other", manager=alice)
    url = f"/w/{other.slug}/collections/{collection.pk}/settings"
    assert browser.get(url).status_code == 404


def test_nothing_is_left_of_a_deleted_collection_but_that_it_was_deleted(
    alice: User, bob: User, collection: Collection, client_of: SignIn, inline_jobs: None
) -> None:
    """Vectors, files, and the quotes in answers, which then are withheld."""
    document = factories.make_document(collection)
    opened = factories.make_collection(collection.workspace, "Kept")
    kept = factories.make_document(opened)
    version, file = document.current, document.current.sha256
    conversation = factories.make_conversation(bob)
    factories.make_turn(conversation, sources=[document])
    assert str(version.pk) in factory.index().versions()
    browser = client_of(alice)
    browser.post(f"{settings_of(collection)}/delete", {"typed": collection.name})
    assert set(factory.index().versions()) == {str(kept.current_id)}
    with system_scope("test: look"):
        assert [row.quote for row in Citation.objects.all()] == [""]
    assert "Ninety days" not in client_of(bob).get(f"/c/{conversation.pk}").content.decode()
    # Both documents have the same text, so its bytes stay as long as one of them does; and young
    # files stay a while in any case, for an upload that has not been committed yet.
    os.utime(blobs.path_of(file), (0, 0))
    browser.post(f"{settings_of(opened)}/delete", {"typed": "Kept"})
    assert not blobs.path_of(file).exists()
    assert factory.index().versions() == {}
