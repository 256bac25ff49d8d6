"""Who is in a workspace, and who may say so."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.events.models import Event
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Member, Workspace
from tests import factories

SignIn = Callable[[User], Client]


@pytest.fixture
def browser(alice: User, workspace: Workspace, client_of: SignIn) -> Client:
    return client_of(alice)


@pytest.fixture
def url(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/members"


def roles(workspace: Workspace) -> dict[str, str]:
    with system_scope("test: look"):
        rows = Member.objects.filter(workspace=workspace).select_related("user", "group")
        return {str(row.user or row.group): str(row.role) for row in rows}


def member(workspace: Workspace, who: User) -> Member:
    with system_scope("test: look"):
        return Member.objects.get(workspace=workspace, user=who)


@pytest.mark.parametrize("who", ["dora@example.com", "DORA@example.com", "dd", "Buyers", "buyers"])
def test_a_manager_adds_a_person_or_a_group(
    who: str, browser: Client, url: str, workspace: Workspace
) -> None:
    dora = factories.make_user("dora", login="dd")
    factories.make_group("Buyers", dora)
    response = browser.post(url, {"who": who, "role": "contributor"})
    assert response.status_code == 201
    assert "contributor" in roles(workspace).values()


def test_the_new_member_is_in_with_the_next_request(
    browser: Client, url: str, workspace: Workspace, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    hers = client_of(dora)
    assert hers.get(f"/w/{workspace.slug}/").status_code == 404
    browser.post(url, {"who": dora.email, "role": "viewer"})
    assert hers.get(f"/w/{workspace.slug}/").status_code == 302
    browser.post(f"{url}/{member(workspace, dora).pk}/remove")
    assert hers.get(f"/w/{workspace.slug}/").status_code == 404


def test_nobody_is_added_twice(browser: Client, url: str, workspace: Workspace) -> None:
    dora = factories.make_user("dora")
    browser.post(url, {"who": dora.email, "role": "viewer"})
    again = browser.post(url, {"who": dora.email, "role": "manager"})
    assert again.status_code == 409
    assert "They are a member already." in again.content.decode()
    assert roles(workspace)["dora"] == "viewer"


def test_a_manager_cannot_make_accounts(browser: Client, url: str, workspace: Workspace) -> None:
    response = browser.post(url, {"who": "new@example.com", "role": "viewer"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Nobody here has this name." in page
    assert 'value="new@example.com"' in page
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_deactivated_person_is_not_added(browser: Client, url: str) -> None:
    factories.make_user("dora", is_active=False)
    response = browser.post(url, {"who": "dora@example.com", "role": "viewer"})
    assert response.status_code == 422


def test_an_administrator_invites_an_unknown_address(
    admin: User, url: str, workspace: Workspace, client_of: SignIn
) -> None:
    response = client_of(admin).post(url, {"who": "new@example.com", "role": "viewer"})
    assert response.status_code == 201
    link = re.search(r"(/join/[^<]+)</code>", response.content.decode())
    assert link is not None
    assert roles(workspace)["new@example.com"] == "viewer"
    newcomer = Client()
    newcomer.post(link[1], {"name": "New", "password": "a rather long sentence"})
    assert newcomer.get(f"/w/{workspace.slug}/").status_code == 302


def test_a_name_that_is_no_address_is_not_invited(admin: User, url: str, client_of: SignIn) -> None:
    response = client_of(admin).post(url, {"who": "just a name", "role": "viewer"})
    assert response.status_code == 422


def test_a_role_is_changed(
    browser: Client, url: str, workspace: Workspace, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    row = factories.make_member(workspace, dora)
    assert client_of(dora).get(url).status_code == 403
    assert browser.post(f"{url}/{row.pk}/role", {"role": "manager"}).status_code == 200
    assert client_of(dora).get(url).status_code == 200
    assert browser.post(f"{url}/{row.pk}/role", {"role": "emperor"}).status_code == 422
    assert roles(workspace)["dora"] == "manager"


def test_the_last_manager_stays(
    browser: Client, url: str, workspace: Workspace, alice: User
) -> None:
    row = member(workspace, alice)
    for act, fields in (("remove", {}), ("role", {"role": "viewer"})):
        response = browser.post(f"{url}/{row.pk}/{act}", fields)
        assert response.status_code == 409
        assert "One manager has to stay." in response.content.decode()
    assert roles(workspace)["alice"] == "manager"


def test_managers_who_cannot_sign_in_do_not_count(
    browser: Client, url: str, workspace: Workspace, alice: User
) -> None:
    gone = factories.make_user("gone", is_active=False)
    factories.make_member(workspace, gone, role=Role.MANAGER)
    factories.make_member(workspace, factories.make_group("Nobody"), role=Role.MANAGER)
    assert browser.post(f"{url}/{member(workspace, alice).pk}/remove").status_code == 409
    group = factories.make_group("Somebody", factories.make_user("dora"))
    factories.make_member(workspace, group, role=Role.MANAGER)
    left = browser.post(f"{url}/{member(workspace, alice).pk}/remove")
    assert left["Location"] == "/"
    assert browser.get(url).status_code == 404


def test_a_member_of_another_workspace_is_not_reached_through_this_one(
    browser: Client, url: str, carol: User
) -> None:
    with system_scope("test: look"):
        hers = Member.objects.get(user=carol)
    assert browser.post(f"{url}/{hers.pk}/remove").status_code == 404
    assert browser.post(f"{url}/{hers.pk}/role", {"role": "viewer"}).status_code == 404
    with system_scope("test: look"):
        assert Member.objects.get(user=carol).role == "manager"


def test_what_happens_to_members_is_written_down(
    browser: Client, url: str, workspace: Workspace, alice: User
) -> None:
    browser.post(url, {"who": factories.make_user("dora").email, "role": "viewer"})
    event = Event.objects.get(kind="member.added")
    assert (event.actor, event.workspace_id) == (alice, workspace.pk)
    assert event.data == {"who": "dora", "role": "viewer"}


def test_members_are_shown_to_managers_and_administrators(
    browser: Client,
    url: str,
    admin: User,
    bob: User,
    carol: User,
    workspace: Workspace,
    client_of: SignIn,
) -> None:
    viewer = factories.make_user("viewer")
    factories.make_member(workspace, viewer)
    assert browser.get(url).status_code == 200
    assert "alice@example.com" in client_of(admin).get(url).content.decode()
    for user, status in ((viewer, 403), (bob, 403), (carol, 404)):
        response = client_of(user).get(url)
        assert response.status_code == status
        assert "alice" not in response.content.decode()
        posted = client_of(user).post(url, {"who": user.email, "role": "manager"})
        assert posted.status_code == status
    assert Client().get(url).status_code == 302
    assert roles(workspace) == {"alice": "manager", "viewer": "viewer"}
