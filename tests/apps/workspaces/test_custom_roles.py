"""Roles that an installation made itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import Scope, ScopeDenied
from apps.workspaces import services
from apps.workspaces.models import Collection, Member, Workspace
from apps.workspaces.roles import services as roles
from apps.workspaces.scopes import scope_of
from tests import factories

SignIn = Callable[[User], Client]
As = Callable[[User], AbstractContextManager[Scope]]
PERSONNEL = (Permission.WORKSPACE_VIEW, Permission.MEMBER_MANAGE)


@pytest.fixture
def dora(db: None) -> User:
    return factories.make_user("dora")


def test_what_a_permission_needs_is_added(admin: User, as_: As) -> None:
    with as_(admin):
        role = roles.create_role(name="Asker", permissions=["chat.ask"])
    assert role.held() == {
        Permission.WORKSPACE_VIEW,
        Permission.DOCUMENT_READ,
        Permission.ASK,
    }


def test_nothing_of_the_installation_can_be_put_into_a_role(admin: User, as_: As) -> None:
    with as_(admin):
        for wanted in (["installation.administer"], ["workspace.create"], []):
            with pytest.raises(AppError):
                roles.create_role(name="Too much", permissions=wanted)


def test_a_role_cannot_be_called_like_one_of_the_three(admin: User, as_: As) -> None:
    with as_(admin):
        for name in ("manager", " Manager ", "VIEWER"):
            with pytest.raises(AppError):
                roles.create_role(name=name, permissions=["document.read"])


def test_it_allows_what_it_says_and_nothing_else(dora: User, workspace: Workspace) -> None:
    factories.make_collection(workspace)
    factories.make_member(workspace, dora, role=factories.make_role("", PERSONNEL))
    scope = scope_of(dora)
    assert scope.workspaces[workspace.pk] == set(PERSONNEL)
    assert scope.readable == scope.writable == frozenset()


def test_who_manages_people_only_adds_members_and_reads_nothing(
    dora: User, workspace: Workspace, collection: Collection, client_of: SignIn
) -> None:
    factories.make_member(workspace, dora, role=factories.make_role("Personnel", PERSONNEL))
    erin = factories.make_user("erin")
    browser = client_of(dora)
    url = f"/w/{workspace.slug}/members"
    assert browser.get(url).status_code == 200
    assert browser.get(f"/k/{collection.pk}/").status_code == 404
    assert browser.post(url, {"who": erin.email, "role": "viewer"}).status_code == 403


def test_nobody_gives_more_than_they_hold(
    dora: User, workspace: Workspace, alice: User, as_: As
) -> None:
    held = (Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ, Permission.ASK)
    head = factories.make_role("Head", (*held, Permission.MEMBER_MANAGE))
    factories.make_member(workspace, dora, role=head)
    erin = factories.make_user("erin")
    with as_(dora):
        for role in (Role.CONTRIBUTOR, Role.MANAGER):
            with pytest.raises(ScopeDenied):
                services.add_member(workspace=workspace, user=erin, role=role)
        member = services.add_member(workspace=workspace, user=erin, role=Role.VIEWER)
        with pytest.raises(ScopeDenied):
            services.change_role(member=member, role=Role.MANAGER)


def test_who_holds_more_is_not_theirs_to_change(
    dora: User, workspace: Workspace, alice: User, as_: As
) -> None:
    factories.make_member(workspace, dora, role=factories.make_role("", PERSONNEL))
    with as_(dora):
        manager = Member.objects.get(user=alice)
        with pytest.raises(ScopeDenied):
            services.change_role(member=manager, role=factories.make_role("", PERSONNEL))
        with pytest.raises(ScopeDenied):
            services.remove_member(member=manager)


def test_who_decides_on_collections_grants_them_and_changes_no_settings(
    dora: User, workspace: Workspace, collection: Collection, client_of: SignIn
) -> None:
    librarian = (
        Permission.WORKSPACE_VIEW,
        Permission.DOCUMENT_READ,
        Permission.COLLECTION_MANAGE,
    )
    factories.make_member(workspace, dora, role=factories.make_role("Librarian", librarian))
    erin = factories.make_user("erin")
    browser = client_of(dora)
    url = f"/w/{workspace.slug}/collections/{collection.pk}/grants"
    assert browser.post(url, {"who": erin.email, "role": "viewer"}).status_code == 201
    for who in (erin, dora):  # more than they may do themselves
        assert browser.post(url, {"who": who.email, "role": "contributor"}).status_code == 403
    assert collection.pk not in scope_of(dora).writable
    assert collection.pk in scope_of(erin).readable
    new = {"name": "Plans", "is_open": "on", "is_listed": "on"}
    assert browser.post(f"/w/{workspace.slug}/collections/new", new).status_code == 302
    assert browser.get(f"/w/{workspace.slug}/settings").status_code == 403
    assert browser.get(f"/w/{workspace.slug}/members").status_code == 403


def test_a_changed_role_bites_on_the_next_request(
    dora: User, workspace: Workspace, admin: User, as_: As
) -> None:
    role = factories.make_role("Reader", (Permission.DOCUMENT_READ,))
    place = factories.make_collection(workspace)
    factories.make_member(workspace, dora, role=role)
    assert place.pk in scope_of(dora).readable
    with as_(admin):
        roles.update_role(role=role, permissions=["member.manage"])
    assert place.pk not in scope_of(dora).readable


def test_a_role_that_is_held_cannot_be_deleted(
    dora: User, workspace: Workspace, admin: User, client_of: SignIn
) -> None:
    role = factories.make_role("Reader")
    factories.make_member(workspace, dora, role=role)
    browser = client_of(admin)
    url = f"/administration/roles/{role.pk}/delete"
    refused = browser.post(url)
    assert refused.status_code == 409
    assert b"Somebody holds this role" in refused.content
    api = browser.delete(f"/api/v1/administration/roles/{role.pk}")
    assert api.status_code == 409


def test_the_pages_make_change_and_delete_a_role(admin: User, client_of: SignIn) -> None:
    browser = client_of(admin)
    made = browser.post("/administration/roles", {"name": "Asker", "permissions": ["chat.ask"]})
    assert made.status_code == 302
    assert b"Asker" in browser.get("/administration/roles").content
    (role,) = browser.get("/api/v1/administration/roles").json()["items"]
    page = f"/administration/roles/{role['id']}"
    assert browser.get(page).status_code == 200
    saved = {"name": "Reader", "permissions": ["document.read"]}
    assert browser.post(page, saved).status_code == 302
    assert browser.get(f"/api/v1/administration/roles/{role['id']}").json()["name"] == "Reader"
    assert browser.post(f"{page}/delete").status_code == 302
    assert browser.get("/api/v1/administration/roles").json()["items"] == []


def test_a_manager_gives_it_by_page_and_program(
    alice: User, dora: User, workspace: Workspace, client_of: SignIn
) -> None:
    role = factories.make_role("Asker", (Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ))
    erin = factories.make_user("erin")
    browser = client_of(alice)
    members = f"/w/{workspace.slug}/members"
    assert browser.post(members, {"who": dora.email, "role": str(role.pk)}).status_code == 201
    page = browser.get(members).content.decode()
    assert f'<option value="{role.pk}" selected' in page
    api = f"/api/v1/workspaces/{workspace.slug}/members"
    made = browser.post(api, {"user": erin.email, "role": "asker"}, content_type="application/json")
    assert made.json()["role"] == "Asker"
    refused = browser.post(
        api, {"user": erin.email, "role": "nonsense"}, content_type="application/json"
    )
    assert refused.status_code == 400


def test_the_last_manager_may_be_one_through_nested_groups_and_an_own_role(
    alice: User, dora: User, workspace: Workspace, as_: As
) -> None:
    inner, outer = factories.make_group("", dora), factories.make_group()
    factories.make_nesting(outer, inner)
    everything = factories.make_role("Head", tuple(Permission)[:7])
    factories.make_member(workspace, outer, role=everything)
    with as_(alice):
        services.remove_member(member=Member.objects.get(user=alice))
    assert workspace.pk not in scope_of(alice).workspaces
    with as_(dora), pytest.raises(AppError):
        services.remove_member(member=Member.objects.get(group=outer))


def test_an_administrator_gives_every_role(
    admin: User, dora: User, workspace: Workspace, as_: As
) -> None:
    with as_(admin):
        services.add_member(workspace=workspace, user=dora, role=Role.MANAGER)
    assert scope_of(dora).allows(Permission.WORKSPACE_MANAGE, workspace.pk)
