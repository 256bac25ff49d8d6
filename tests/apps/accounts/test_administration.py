"""People and groups, run by an administrator."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Group, User
from apps.documents.models import Document
from apps.permissions.roles import Role
from apps.workspaces.models import Collection, Workspace
from tests import factories

NEW_PASSWORD = "a rather long sentence"
SignIn = Callable[[User], Client]


@pytest.fixture
def browser(admin: User, client_of: SignIn) -> Client:
    return client_of(admin)


def link_in(page: bytes) -> str:
    """The path of the one-time link on a page."""
    found = re.search(r'id="one-time-link">[^<]*?(/join/[^<]+)</code>', page.decode())
    assert found is not None
    return found[1]


def test_somebody_is_added_with_a_link_that_is_shown_once(browser: Client) -> None:
    response = browser.post(
        "/administration/people/add", {"email": "dora@example.com", "name": "Dora"}
    )
    assert response.status_code == 201
    link = link_in(response.content)
    page = browser.get("/administration/people").content.decode()
    assert "dora@example.com" in page
    assert "Invited" in page
    assert link not in page

    newcomer = Client()
    assert "dora@example.com" in newcomer.get(link).content.decode()
    joined = newcomer.post(link, {"name": "Dora D.", "password": NEW_PASSWORD})
    assert joined["Location"] == "/"
    assert newcomer.get("/me").status_code == 200
    assert User.objects.get(email="dora@example.com").name == "Dora D."
    # Once.
    assert Client().get(link).status_code == 404
    stolen = Client().post(link, {"name": "Eve", "password": NEW_PASSWORD})
    assert stolen.status_code == 404


def test_a_link_ends_after_a_while_and_when_a_newer_one_is_made(
    browser: Client, alice: User
) -> None:
    first = link_in(browser.post(f"/administration/people/{alice.pk}/reset").content)
    second = link_in(browser.post(f"/administration/people/{alice.pk}/reset").content)
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert Client().get(second).status_code == 404


def test_a_new_password_through_a_link_ends_every_session(
    browser: Client, alice: User, client_of: SignIn
) -> None:
    old = client_of(alice)
    assert old.get("/me").status_code == 200
    link = link_in(browser.post(f"/administration/people/{alice.pk}/reset").content)
    assert old.get("/me").status_code == 200
    Client().post(link, {"name": "alice", "password": NEW_PASSWORD})
    assert old.get("/me").status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


def test_a_weak_password_does_not_use_the_link_up(browser: Client, alice: User) -> None:
    link = link_in(browser.post(f"/administration/people/{alice.pk}/reset").content)
    refused = Client().post(link, {"name": "alice", "password": "short"})
    assert refused.status_code == 422
    assert Client().get(link).status_code == 200


def test_a_deactivated_person_cannot_use_a_link(browser: Client, alice: User) -> None:
    link = link_in(browser.post(f"/administration/people/{alice.pk}/reset").content)
    browser.post(f"/administration/people/{alice.pk}/deactivate")
    assert Client().get(link).status_code == 404
    assert browser.post(f"/administration/people/{alice.pk}/reset").status_code == 404
    browser.post(f"/administration/people/{alice.pk}/reactivate")
    assert User.objects.get(pk=alice.pk).is_active
    assert Client().get(link).status_code == 404


def test_an_address_that_is_taken_is_refused_beside_the_field(browser: Client, alice: User) -> None:
    response = browser.post("/administration/people/add", {"email": "Alice@Example.com"})
    page = response.content.decode()
    assert response.status_code == 409
    assert "Somebody has this e-mail address already." in page
    assert 'value="Alice@Example.com"' in page
    assert User.objects.filter(email__iexact=alice.email).count() == 1


def test_the_last_administrator_stays(browser: Client, admin: User) -> None:
    for act, fields in (("deactivate", {}), ("administrator", {"on": "0"})):
        response = browser.post(f"/administration/people/{admin.pk}/{act}", fields)
        assert response.status_code == 409
        assert "One administrator has to stay." in response.content.decode()
    admin.refresh_from_db()
    assert admin.is_active
    assert admin.is_administrator


def test_a_deactivated_administrator_does_not_count_as_one_who_stays(
    browser: Client, admin: User
) -> None:
    factories.make_user("gone", is_administrator=True, is_active=False)
    response = browser.post(f"/administration/people/{admin.pk}/administrator", {"on": "0"})
    assert response.status_code == 409


def test_an_administrator_hands_over(
    browser: Client, admin: User, alice: User, client_of: SignIn
) -> None:
    browser.post(f"/administration/people/{alice.pk}/administrator", {"on": "1"})
    assert client_of(alice).get("/administration/people").status_code == 200
    browser.post(f"/administration/people/{admin.pk}/administrator", {"on": "0"})
    # It bites on the next request.
    assert browser.get("/administration/people").status_code == 403


def test_people_are_found_by_a_part_of_their_name_or_address(browser: Client, alice: User) -> None:
    factories.make_user("zoe", email="zoe@other.example")
    found = browser.get("/administration/people", {"q": "OTHER.ex"}).content.decode()
    assert "zoe@other.example" in found
    assert alice.email not in found
    nobody = browser.get("/administration/people", {"q": "nobody"}).content.decode()
    assert "Nobody of this name" in nobody


def test_htmx_gets_the_part_and_a_browser_the_page(browser: Client) -> None:
    part = browser.get("/administration/people", headers={"HX-Request": "true"}).content.decode()
    page = browser.get("/administration/people").content.decode()
    assert part.strip().startswith('<div id="people"')
    assert "<html" in page
    assert 'id="people"' in page


def test_a_name_with_markup_is_shown_as_text(browser: Client) -> None:
    browser.post(
        "/administration/people/add",
        {"email": "x@example.com", "name": "<script>alert(1)</script>"},
    )
    page = browser.get("/administration/people").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- groups ---------------------------------------------------------------------------------------
def test_a_role_of_a_group_is_the_role_of_everybody_in_it(
    browser: Client, workspace: Workspace, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    made = browser.post("/administration/groups", {"name": "Buyers"})
    group = Group.objects.get()
    assert made["Location"] == f"/administration/groups/{group.pk}"
    factories.make_member(workspace, group, role=Role.MANAGER)
    member_page = f"/w/{workspace.slug}/members"
    assert client_of(dora).get(member_page).status_code == 404
    browser.post(f"/administration/groups/{group.pk}/members", {"who": "DORA@example.com"})
    assert client_of(dora).get(member_page).status_code == 200
    browser.post(f"/administration/groups/{group.pk}/members/{dora.pk}/remove")
    assert client_of(dora).get(member_page).status_code == 404


def test_deleting_a_group_takes_its_grants_along(
    browser: Client, collection: Collection, client_of: SignIn
) -> None:
    dora = factories.make_user("dora")
    group = factories.make_group("Buyers", dora)
    factories.make_grant(collection, group)
    document = factories.make_document(collection)
    reader = client_of(dora)
    assert reader.get(f"/d/{document.pk}").status_code == 200
    assert browser.post(f"/administration/groups/{group.pk}/delete").status_code == 302
    assert reader.get(f"/d/{document.pk}").status_code == 404
    assert not Group.objects.exists()


def test_a_group_is_renamed_and_its_name_is_its_own(browser: Client) -> None:
    buyers = factories.make_group("Buyers")
    factories.make_group("Lawyers")
    url = f"/administration/groups/{buyers.pk}/rename"
    refused = browser.post(url, {"name": "LAWYERS"})
    assert refused.status_code == 422
    assert "There is a group of this name already." in refused.content.decode()
    assert browser.post(url, {"name": "Procurement"}).status_code == 302
    assert Group.objects.filter(name="Procurement").exists()
    again = browser.post("/administration/groups", {"name": "procurement"})
    assert again.status_code == 409


def test_somebody_unknown_is_not_added_to_a_group(browser: Client) -> None:
    group = factories.make_group("Buyers")
    response = browser.post(
        f"/administration/groups/{group.pk}/members", {"who": "nobody@example.com"}
    )
    assert response.status_code == 422
    assert "Nobody here has this address or login name." in response.content.decode()


# --- what an administrator is not ------------------------------------------------------------------
def test_an_administrator_reads_no_documents_without_a_role(
    browser: Client, admin: User, collection: Collection, workspace: Workspace
) -> None:
    document = factories.make_document(collection)
    assert browser.get(f"/d/{document.pk}").status_code == 404
    assert browser.get(f"/k/{collection.pk}/").status_code == 404
    assert browser.get(f"/w/{workspace.slug}/members").status_code == 200
    assert collection.name not in browser.get(f"/w/{workspace.slug}/settings").content.decode()
    # With a role, taken where everybody sees it, they do.
    browser.post(f"/w/{workspace.slug}/members", {"who": admin.email, "role": "manager"})
    assert browser.get(f"/d/{document.pk}").status_code == 200
    assert Document._meta.label  # the page shows it; the row itself is guarded


def test_the_system_page_tells_numbers_and_no_names(
    browser: Client, collection: Collection
) -> None:
    factories.make_document(collection, "secret plan.txt")
    page = browser.get("/administration/system").content.decode()
    assert "everything is up" in page
    assert "secret plan" not in page
    assert collection.name not in page


@pytest.mark.parametrize(
    "path", ["people", "groups", "system", "models", "groups/{group}", "models/{group}"]
)
def test_the_administration_is_for_administrators(
    path: str, alice: User, bob: User, carol: User, client_of: SignIn
) -> None:
    group = factories.make_group("Buyers")
    url = "/administration/" + path.format(group=group.pk)
    for user in (alice, bob, carol):
        assert client_of(user).get(url).status_code == 403
    assert Client().get(url).status_code == 302


ACTS = ["reset", "deactivate", "reactivate", "administrator"]


@pytest.mark.parametrize("act", ACTS)
def test_acts_on_people_are_for_administrators(
    act: str, alice: User, carol: User, client_of: SignIn
) -> None:
    url = f"/administration/people/{carol.pk}/{act}"
    before = User.objects.values().get(pk=carol.pk)
    assert client_of(alice).post(url, {"on": "1"}).status_code == 403
    assert Client().post(url, {"on": "1"}).status_code == 302
    assert User.objects.values().get(pk=carol.pk) == before
