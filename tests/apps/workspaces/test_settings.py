"""Making a workspace, changing it, deleting it."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.chat.models import Conversation
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, Member, Workspace
from tests import factories

SignIn = Callable[[User], Client]
VALUES = {
    "name": "Legal",
    "mode": "chat",
    "language": "zh",
    "prompt": "Name the clause.",
    "model": "",
}


def stored(workspace: Workspace) -> Workspace:
    with system_scope("test: look"):
        return Workspace.objects.get(pk=workspace.pk)


def test_an_administrator_makes_a_workspace_and_manages_it(admin: User, client_of: SignIn) -> None:
    browser = client_of(admin)
    response = browser.post("/w/new", {"name": "Human Resources", "mode": "documents_only"})
    assert response["Location"] == "/w/human-resources/documents"
    assert browser.get(response["Location"], follow=True).status_code == 200
    with system_scope("test: look"):
        assert Member.objects.get().user == admin
        assert Collection.objects.get().name == "Documents"


def test_two_workspaces_of_one_name_have_two_addresses(admin: User, client_of: SignIn) -> None:
    browser = client_of(admin)
    values = {"name": "Legal", "mode": "documents_only"}
    places = [browser.post("/w/new", values)["Location"] for _ in range(3)]
    assert places == ["/w/legal/documents", "/w/legal-2/documents", "/w/legal-3/documents"]


@pytest.mark.parametrize("name", ["采购部", "新建", "!!!", "new"])
def test_any_name_gets_an_address_that_works(name: str, admin: User, client_of: SignIn) -> None:
    browser = client_of(admin)
    response = browser.post("/w/new", {"name": name, "mode": "documents_only"})
    assert response.status_code == 302
    page = browser.get(response["Location"], follow=True)
    assert page.status_code == 200
    assert name in page.content.decode()


def test_making_workspaces_is_for_administrators(
    alice: User, workspace: Workspace, client_of: SignIn
) -> None:
    browser = client_of(alice)
    assert browser.get("/w/new").status_code == 403
    assert browser.post("/w/new", {"name": "Mine", "mode": "chat"}).status_code == 403
    with system_scope("test: look"):
        assert Workspace.objects.count() == 1


def test_a_manager_changes_the_settings(
    alice: User, workspace: Workspace, client_of: SignIn
) -> None:
    browser = client_of(alice)
    url = f"/w/{workspace.slug}/settings"
    assert browser.post(url, VALUES)["Location"] == url
    row = stored(workspace)
    assert {field: getattr(row, field) for field in VALUES} == VALUES
    assert row.slug == workspace.slug
    assert "Name the clause." in browser.get(url).content.decode()


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"mode": "oracle"}, {"prompt": "x" * 4001}, {"language": "xx"}]
)
def test_a_setting_that_is_wrong_changes_nothing_and_keeps_the_form(
    wrong: dict[str, str], alice: User, workspace: Workspace, client_of: SignIn
) -> None:
    response = client_of(alice).post(f"/w/{workspace.slug}/settings", {**VALUES, **wrong})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert stored(workspace).name == workspace.name


def test_deleting_asks_for_the_name_and_takes_everything_along(
    alice: User, bob: User, collection: Collection, workspace: Workspace, client_of: SignIn
) -> None:
    document = factories.make_document(collection)
    conversation = factories.make_conversation(bob, workspace=workspace)
    factories.make_turn(conversation, sources=[document])
    browser = client_of(alice)
    url = f"/w/{workspace.slug}/delete"
    assert browser.post(url, {"typed": "procurement"}).status_code == 422
    assert browser.post(url, {"typed": "Procurement"})["Location"] == "/"
    assert browser.get(f"/w/{workspace.slug}/settings").status_code == 404
    with system_scope("test: look"):
        assert not Workspace.objects.filter(pk=workspace.pk).exists()
        assert not Conversation.objects.exists()


@pytest.mark.parametrize("act", ["settings", "delete"])
def test_settings_are_for_managers(
    act: str, bob: User, carol: User, workspace: Workspace, client_of: SignIn
) -> None:
    viewer = factories.make_user("viewer")
    factories.make_member(workspace, viewer)
    fields = {**VALUES, "typed": workspace.name}
    url = f"/w/{workspace.slug}/{act}"
    for user, status in ((viewer, 403), (bob, 403), (carol, 404)):
        assert client_of(user).post(url, fields).status_code == status
    assert Client().post(url, fields).status_code == 302
    assert stored(workspace).name == "Procurement"


def test_the_address_of_a_workspace_leads_to_its_question_page(
    alice: User, bob: User, carol: User, workspace: Workspace, client_of: SignIn
) -> None:
    url = f"/w/{workspace.slug}/"
    assert client_of(alice).get(url)["Location"] == f"/w/{workspace.slug}/ask"
    assert client_of(bob).get(url).status_code == 302
    assert client_of(carol).get(url).status_code == 404


def test_the_members_page_costs_as_much_for_many_as_for_few(
    alice: User,
    workspace: Workspace,
    client_of: SignIn,
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    for _ in range(10):
        factories.make_member(workspace, factories.make_user())
        factories.make_member(workspace, factories.make_group())
    browser = client_of(alice)
    browser.get(f"/w/{workspace.slug}/members")
    with django_assert_max_num_queries(16):  # type: ignore[attr-defined]
        browser.get(f"/w/{workspace.slug}/members")
