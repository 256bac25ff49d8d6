"""Workspaces, members, collections and grants, as each kind of caller."""

import pytest

from apps.permissions.roles import KeyScope, Role
from tests import factories
from tests.apps.api.conftest import code_of


def test_each_lists_only_their_own_workspaces(alice, bob, carol, workspace, api_of):
    def slugs(user):
        return [room["slug"] for room in api_of(user).get("workspaces").json()["items"]]

    assert slugs(alice) == slugs(bob) == [workspace.slug]
    assert workspace.slug not in slugs(carol)


def test_a_workspace_is_found_by_slug_and_by_id(alice, workspace, api_of):
    mine = api_of(alice)
    by_slug = mine.get(f"workspaces/{workspace.slug}").json()
    assert by_slug == mine.get(f"workspaces/{workspace.pk}").json()
    assert by_slug["name"] == "Procurement"
    assert "workspace.manage" in by_slug["permissions"]


def test_a_stranger_does_not_learn_that_a_workspace_is_there(carol, workspace, api_of):
    stranger = api_of(carol)
    for path in (workspace.slug, str(workspace.pk), "no-such-thing"):
        answer = stranger.get(f"workspaces/{path}")
        assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")
        assert stranger.patch(f"workspaces/{path}", {"name": "x"}).status_code == 404
        assert stranger.delete(f"workspaces/{path}").status_code == 404


def test_a_viewer_reads_and_changes_nothing(bob, workspace, api_of):
    viewer = api_of(bob)
    assert viewer.get(f"workspaces/{workspace.slug}").status_code == 200
    refused = viewer.patch(f"workspaces/{workspace.slug}", {"name": "x"})
    assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    assert viewer.delete(f"workspaces/{workspace.slug}").status_code == 403


def test_an_administrator_makes_a_workspace_and_manages_it(admin, api_of):
    mine = api_of(admin)
    made = mine.post("workspaces", {"name": "Legal", "slug": "legal", "mode": "chat"})
    assert made.status_code == 201
    assert made.json()["slug"] == "legal"
    assert "document.write" in made.json()["permissions"]
    collections = mine.get("workspaces/legal/collections").json()["items"]
    assert [each["name"] for each in collections] == ["Documents"]


def test_others_cannot_make_one(alice, api_of):
    assert api_of(alice).post("workspaces", {"name": "Mine"}).status_code == 403


def test_a_slug_that_is_taken_is_a_conflict(admin, workspace, api_of):
    answer = api_of(admin).post("workspaces", {"name": "x", "slug": workspace.slug})
    assert (answer.status_code, code_of(answer)) == (409, "CONFLICT")


def test_a_wrong_shape_names_its_fields(admin, api_of):
    answer = api_of(admin).post("workspaces", {"name": "", "slug": "no spaces", "mode": "loud"})
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")
    assert set(answer.json()["error"]["details"]["fields"]) == {"name", "slug", "mode"}


def test_the_manager_changes_and_removes_it(alice, workspace, api_of):
    mine = api_of(alice)
    changed = mine.patch(f"workspaces/{workspace.slug}", {"mode": "chat", "prompt": "Be brief."})
    assert (changed.json()["mode"], changed.json()["prompt"]) == ("chat", "Be brief.")
    assert mine.delete(f"workspaces/{workspace.slug}").status_code == 204
    assert mine.get(f"workspaces/{workspace.slug}").status_code == 404


# --- members -------------------------------------------------------------------------------------
def test_a_manager_gives_changes_and_takes_a_role(alice, carol, workspace, api_of):
    mine, path = api_of(alice), f"workspaces/{workspace.slug}/members"
    made = mine.post(path, {"user": carol.email.upper(), "role": "viewer"})
    assert made.status_code == 201
    assert api_of(carol).get(f"workspaces/{workspace.slug}").status_code == 200
    member = f"{path}/{made.json()['id']}"
    assert mine.patch(member, {"role": "contributor"}).json()["role"] == "contributor"
    assert mine.delete(member).status_code == 204
    assert api_of(carol).get(f"workspaces/{workspace.slug}").status_code == 404


def test_a_group_is_a_member_by_name_or_id(alice, workspace, api_of):
    group = factories.make_group("Finance")
    path = f"workspaces/{workspace.slug}/members"
    assert api_of(alice).post(path, {"group": "finance"}).json()["group"]["id"] == str(group.pk)


@pytest.mark.parametrize("who", [{}, {"user": "a", "group": "b"}, {"user": "nobody@example.com"}])
def test_a_member_is_exactly_one_known_holder(alice, workspace, api_of, who):
    answer = api_of(alice).post(f"workspaces/{workspace.slug}/members", who)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_members_are_for_managers_and_invisible_to_strangers(alice, bob, carol, workspace, api_of):
    path = f"workspaces/{workspace.slug}/members"
    member = factories.make_member(workspace, factories.make_user())
    for user, status in ((bob, 403), (carol, 404)):
        program = api_of(user)
        assert program.get(path).status_code == status
        assert program.post(path, {"user": user.email}).status_code == status
        assert program.patch(f"{path}/{member.pk}", {"role": "manager"}).status_code == status
        assert program.delete(f"{path}/{member.pk}").status_code == status
    emails = [row["user"]["email"] for row in api_of(alice).get(path).json()["items"]]
    assert alice.email in emails


def test_a_member_is_only_found_in_their_own_workspace(alice, workspace, api_of):
    other = factories.make_workspace(manager=alice)
    member = factories.make_member(other, factories.make_user())
    path = f"workspaces/{workspace.slug}/members/{member.pk}"
    assert api_of(alice).delete(path).status_code == 404


# --- collections ---------------------------------------------------------------------------------
def test_each_lists_only_collections_they_may_read(
    alice, bob, carol, workspace, collection, other_collection, api_of
):
    def names(user):
        answer = api_of(user).get(f"workspaces/{workspace.slug}/collections")
        return {each["name"] for each in answer.json().get("items", [])}

    assert names(alice) == {"Contracts", "Board papers"}
    assert names(bob) == {"Contracts"}
    assert names(carol) == set()


def test_a_collection_is_made_changed_and_removed(alice, workspace, api_of):
    mine = api_of(alice)
    made = mine.post(f"workspaces/{workspace.slug}/collections", {"name": "New", "is_open": False})
    assert made.status_code == 201
    assert made.json()["may_write"] is True
    path = f"collections/{made.json()['id']}"
    assert mine.patch(path, {"is_listed": False}).json()["is_listed"] is False
    long_path = f"workspaces/{workspace.slug}/{path}"
    assert mine.get(path).json() == mine.get(long_path).json()
    assert mine.delete(long_path).status_code == 204
    assert mine.get(path).status_code == 404


def test_a_viewer_cannot_change_a_collection_nor_its_grants(bob, workspace, collection, api_of):
    viewer, path = api_of(bob), f"collections/{collection.pk}"
    assert viewer.get(path).json()["may_write"] is False
    answers = [
        viewer.patch(path, {"name": "x"}),
        viewer.delete(path),
        viewer.get(f"{path}/grants"),
        viewer.post(f"{path}/grants", {"user": bob.email, "role": "contributor"}),
        viewer.post(f"workspaces/{workspace.slug}/collections", {"name": "x"}),
    ]
    assert {answer.status_code for answer in answers} == {403}


def test_a_collection_one_may_not_read_is_not_there(
    bob, carol, workspace, other_collection, api_of
):
    for user in (bob, carol):
        program = api_of(user)
        for path in (
            f"collections/{other_collection.pk}",
            f"workspaces/{workspace.slug}/collections/{other_collection.pk}",
        ):
            assert program.get(path).status_code == 404
            assert program.patch(path, {"name": "x"}).status_code == 404
            assert program.delete(path).status_code == 404
        assert program.get(f"collections/{other_collection.pk}/grants").status_code == 404


def test_a_collection_is_not_found_under_another_workspace(alice, collection, api_of):
    other = factories.make_workspace(manager=alice)
    path = f"workspaces/{other.slug}/collections/{collection.pk}"
    assert api_of(alice).get(path).status_code == 404


# --- grants --------------------------------------------------------------------------------------
def test_a_grant_opens_and_its_revocation_closes_at_once(alice, carol, collection, api_of):
    mine, path = api_of(alice), f"collections/{collection.pk}"
    made = mine.post(f"{path}/grants", {"user": carol.email})
    assert made.status_code == 201
    stranger = api_of(carol)
    assert stranger.get(path).status_code == 200
    assert mine.delete(f"{path}/grants/{made.json()['id']}").status_code == 204
    assert stranger.get(path).status_code == 404


def test_a_grant_of_contributor_lets_write(alice, carol, collection, api_of):
    path = f"collections/{collection.pk}"
    api_of(alice).post(f"{path}/grants", {"user": str(carol.pk), "role": Role.CONTRIBUTOR})
    assert api_of(carol).get(path).json()["may_write"] is True


def test_a_grant_is_only_found_at_its_own_collection(
    alice, bob, collection, other_collection, api_of
):
    grant = factories.make_grant(other_collection, factories.make_user())
    mine = api_of(alice)
    assert mine.delete(f"collections/{collection.pk}/grants/{grant.pk}").status_code == 404
    assert mine.delete(f"collections/{other_collection.pk}/grants/{grant.pk}").status_code == 204


def test_a_read_key_of_a_manager_manages_nothing(alice, workspace, collection, api_of):
    narrow = api_of(alice, scope=KeyScope.READ)
    assert narrow.get(f"collections/{collection.pk}").json()["may_write"] is False
    answers = [
        narrow.patch(f"workspaces/{workspace.slug}", {"name": "x"}),
        narrow.delete(f"workspaces/{workspace.slug}"),
        narrow.post(f"workspaces/{workspace.slug}/collections", {"name": "x"}),
        narrow.patch(f"collections/{collection.pk}", {"name": "x"}),
        narrow.get(f"collections/{collection.pk}/grants"),
        narrow.get(f"workspaces/{workspace.slug}/members"),
    ]
    assert {answer.status_code for answer in answers} == {403}
