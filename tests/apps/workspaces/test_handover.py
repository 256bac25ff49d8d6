"""What somebody looks after goes to somebody else: all of it, in a workspace, or one's own."""

import pytest
from django.core.cache import cache
from django.test import Client

from apps.applications.models import Application
from apps.applications.services import create_application
from apps.documents.models import Document
from apps.events.models import Event
from apps.events.sentences import SENTENCES
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import system_scope
from apps.sources.models import Source
from apps.webhooks.models import Webhook
from apps.workspaces.handover import services
from apps.workspaces.handover.kinds import Giver, kinds
from apps.workspaces.handover.planning import plan
from apps.workspaces.models import Member, Workspace
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def things(alice, admin, workspace, collection, other_collection, as_):
    """Alice looks after a workspace, a source in it, three documents and an application."""
    with system_scope("test: who looks after what"):
        Workspace.objects.filter(pk=workspace.pk).update(owner=alice)
    factories.make_source(collection, alice, name="Share of purchasing")
    for place in (collection, collection, other_collection):
        factories.make_document(place, owner=alice, is_indexed=False)
    with as_(admin):
        erp = create_application(name="ERP")
    Application.objects.filter(pk=erp.pk).update(owner=alice)
    return erp


def owners():
    """(workspace, source, documents, application): who looks after each."""
    with system_scope("test: who looks after what"):
        documents = Document.objects.order_by("owner__email").select_related("owner")
        return (
            str(Workspace.objects.get(name="Procurement").owner),
            str(Source.objects.get().owner),
            [str(each.owner) for each in documents],
            str(Application.objects.get().owner),
        )


def page_of(user):
    return f"/administration/people/{user.pk}/hand-over"


def outcome(answer):
    """What a page says would happen: the kind, and whether it goes over."""
    return {(line.kind, line.lack is None) for line in answer.context["plan"].lines}


def api(user, method, path, body=None, **headers):
    _, key = factories.make_api_key(user)
    return getattr(Client(), method)(
        f"/api/v1/{path}",
        data=body,
        content_type="application/json",
        headers={"authorization": f"Bearer {key}", **headers},
    )


def test_every_kind_of_thing_has_words_for_the_event():
    names = [kind.name for kind in kinds()]
    assert {"workspace", "source", "document", "application", "webhook"} <= set(names)
    assert [name for name in names if services.event_of(name) not in SENTENCES] == []


def test_a_look_says_what_would_go_over_and_changes_nothing(admin, alice, bob, client_of, things):
    before = owners()
    answer = client_of(admin).get(page_of(alice), {"to": bob.email})
    assert outcome(answer) == {
        ("workspace", False),
        ("source", False),
        ("document", True),
        ("document", False),
        ("application", True),
    }
    page = answer.content.decode()
    assert "They do not manage this workspace." in page
    assert "it would stop" in page
    assert owners() == before


def test_an_administrator_without_a_role_learns_no_names_inside_of_workspaces(
    admin, alice, bob, client_of, things
):
    page = client_of(admin).get(page_of(alice), {"to": bob.email}).content.decode()
    assert "Procurement" in page
    for name in ("Share of purchasing", "Board papers", "Contracts"):
        assert name not in page


def test_what_the_heir_cannot_look_after_stays(admin, alice, bob, client_of, things):
    browser = client_of(admin)
    keys = [
        line.key for line in browser.get(page_of(alice), {"to": bob.email}).context["plan"].lines
    ]
    answer = browser.post(page_of(alice), {"to": bob.email, "line": keys})
    assert answer.status_code == 302
    # Bob may read one of the two collections; without a name they are one line each.
    assert owners() == ("alice", "alice", ["alice", "bob", "bob"], "bob")


def test_with_the_roles_that_it_takes_all_goes_over(
    admin, alice, carol, client_of, things, workspace
):
    browser = client_of(admin)
    said = {"to": carol.email, "gives_roles": "on"}
    look = browser.get(page_of(alice), said)
    assert {goes for _kind, goes in outcome(look)} == {True}
    keys = [line.key for line in look.context["plan"].lines]
    browser.post(page_of(alice), {**said, "line": keys})
    assert owners() == ("carol", "carol", ["carol"] * 3, "carol")
    with system_scope("test: the role"):
        assert Member.objects.get(workspace=workspace, user=carol).role == Role.MANAGER
    told = set(Event.objects.filter(actor=admin).values_list("kind", flat=True))
    assert {
        "member.added",
        "workspace.handed_over",
        "source.handed_over",
        "document.handed_over",
        "application.handed_over",
    } <= told
    assert browser.get(page_of(alice)).context["plan"].lines == ()


def test_only_the_chosen_lines_go_over(admin, alice, carol, client_of, things):
    browser = client_of(admin)
    browser.post(page_of(alice), {"to": carol.email, "line": [f"application:{things.pk}"]})
    assert owners()[3] == "carol"
    assert owners()[:2] == ("alice", "alice")
    browser.post(page_of(alice), {"to": carol.email, "gives_roles": "on"})
    assert owners()[:2] == ("alice", "alice")


def test_an_own_role_that_reads_nothing_is_not_replaced_by_a_smaller_one(
    admin, alice, carol, client_of, workspace
):
    open_one = factories.make_collection(workspace, "Open to all")
    factories.make_document(open_one, owner=alice, is_indexed=False)
    role = factories.make_role("Personnel", [Permission.MEMBER_MANAGE])
    factories.make_member(workspace, carol, role=role)
    look = client_of(admin).get(page_of(alice), {"to": carol.email, "gives_roles": "on"})
    assert outcome(look) == {("document", False)}


def test_nobody_gives_to_themselves_to_a_program_or_to_who_has_left(
    admin, alice, bob, client_of, things
):
    browser = client_of(admin)
    bob.is_active = False
    bob.save()
    line = f"application:{things.pk}"
    for name in (alice.email, things.account.login, bob.email, "nobody@example.com"):
        answer = browser.post(page_of(alice), {"to": name, "line": [line]})
        assert answer.status_code == 422
    assert owners()[3] == "alice"


def test_a_webhook_goes_to_administrators_only(admin, bob, client_of):
    other = factories.make_user("other", is_administrator=True)
    hook = factories.make_webhook(admin)
    browser = client_of(other)
    assert outcome(browser.get(page_of(admin), {"to": bob.email})) == {("webhook", False)}
    browser.post(page_of(admin), {"to": other.email, "line": [f"webhook:{hook.pk}"]})
    assert Webhook.objects.get().owner == other


# --- without an owner -----------------------------------------------------------------------------
def test_what_a_deactivated_person_looked_after_is_without_an_owner(
    admin, alice, carol, client_of, things
):
    browser, address = client_of(admin), "/administration/without-owner"
    before = {line.kind for line in browser.get(address).context["plan"].lines}
    assert "application" not in before
    alice.is_active = False
    alice.save()
    listed = browser.get(address, {"to": carol.email, "gives_roles": "on"})
    assert {"workspace", "source", "document", "application"} <= {
        kind for kind, _goes in outcome(listed)
    }
    keys = [line.key for line in listed.context["plan"].lines]
    browser.post(address, {"to": carol.email, "gives_roles": "on", "line": keys})
    assert owners() == ("carol", "carol", ["carol"] * 3, "carol")


def test_of_a_leaver_the_successor_gets_what_they_can_and_the_rest_waits(
    alice, bob, carol, things, workspace, collection
):
    """By the same verb that ends people of a directory."""
    factories.make_member(workspace, carol, role=Role.MANAGER)
    with system_scope("test: a leaver"):
        documents = services.take_from(leaver=alice, successor=bob)
    assert documents == 3
    # Bob reads one collection: the document of the other goes to whoever manages there.
    assert owners() == ("alice", "alice", ["bob", "bob", "carol"], "bob")
    with system_scope("test: a second time"):
        assert services.take_from(leaver=alice, successor=bob) == 0


# --- in one workspace -----------------------------------------------------------------------------
def test_a_manager_hands_over_in_their_workspace_and_learns_of_no_other(
    alice, bob, carol, client_of, things, workspace
):
    elsewhere = factories.make_workspace("Secret plans", manager=carol)
    hidden = factories.make_collection(elsewhere, "Hidden")
    factories.make_document(hidden, owner=alice, is_indexed=False)
    dora = factories.make_user("dora")
    factories.make_member(workspace, dora, role=Role.MANAGER)
    browser, address = client_of(dora), f"/w/{workspace.slug}/hand-over"
    page = browser.get(address, {"from": alice.email, "to": dora.email})
    assert "Share of purchasing" in page.content.decode()
    assert "Secret plans" not in page.content.decode()
    assert "ERP" not in page.content.decode()
    assert outcome(page) == {("workspace", True), ("source", True), ("document", True)}
    keys = [line.key for line in page.context["plan"].lines]
    keys += [f"document:{hidden.pk}", f"application:{things.pk}"]
    browser.post(f"{address}?from={alice.email}", {"to": dora.email, "line": keys})
    with system_scope("test: the owners"):
        assert hidden.documents.get().owner == alice
        assert Application.objects.get().owner == alice
        assert set(Source.objects.values_list("owner", flat=True)) == {dora.pk}


def test_others_than_managers_get_none_of_it(bob, carol, alice, client_of, things, workspace):
    inside, outside = f"/w/{workspace.slug}/hand-over", page_of(alice)
    assert client_of(bob).get(inside).status_code == 403
    assert client_of(carol).get(inside).status_code == 404
    for person in (alice, bob, carol):
        assert client_of(person).get(outside).status_code == 403
        assert client_of(person).post(outside, {"to": bob.email}).status_code == 403
        assert client_of(person).get("/administration/without-owner").status_code == 403
    assert owners()[3] == "alice"


def test_a_manager_gives_no_role_that_is_greater_than_their_own(
    alice, bob, carol, as_, things, workspace
):
    role = factories.make_role("House", [Permission.MEMBER_MANAGE, Permission.WORKSPACE_MANAGE])
    factories.make_member(workspace, carol, role=role)
    with as_(carol):
        place = services.within(workspace)
        made = plan(giver=Giver(alice), heir=bob, place=place, gives_roles=True)
    assert made.roles == {}
    assert {line.kind for line in made.staying} == {"workspace", "source", "document"}


# --- one's own ------------------------------------------------------------------------------------
def test_one_hands_over_what_is_ones_own(alice, bob, client_of, things):
    browser = client_of(alice)
    page = browser.get("/me/hand-over", {"to": bob.email})
    assert "Share of purchasing" in page.content.decode()
    browser.post("/me/hand-over", {"to": bob.email, "line": [f"application:{things.pk}"]})
    assert owners()[3] == "bob"


def test_what_one_may_not_look_after_any_more_one_cannot_bring_back_with_anothers_rights(
    admin, alice, carol, client_of, things, workspace
):
    """A source and a webhook act with their owner's rights: a new owner would let them act again."""
    with system_scope("test: alice managed all of it, and may only read now"):
        webhook = factories.make_webhook(alice)
        source = Source.objects.get()
        Member.objects.filter(workspace=workspace, user=alice).update(role=Role.VIEWER)
        Member.objects.create(workspace=workspace, user=carol, role=Role.MANAGER)
    lines = [f"webhook:{webhook.pk}", f"source:{source.pk}", f"source:{workspace.pk}"]
    lines += [f"workspace:{workspace.pk}", f"application:{things.pk}"]
    browser = client_of(alice)
    page = browser.get("/me/hand-over", {"to": carol.email})
    assert outcome(page) == {
        ("webhook", False),
        ("source", False),
        ("workspace", False),
        ("document", False),
        ("application", True),
    }
    for heir in (admin, carol):
        browser.post("/me/hand-over", {"to": heir.email, "line": lines})
    assert owners()[3] == "admin", "a duty that gives no rights is passed on"
    assert owners()[:2] == (str(alice), str(alice))
    with system_scope("test: whose it is"):
        assert Webhook.objects.get().owner == alice


def test_who_has_not_shown_who_they_are_is_asked_first(alice, bob, things):
    browser = Client()
    browser.force_login(alice)
    session = browser.session
    session.pop("confirmed_at")
    session.save()
    said = {"to": bob.email, "line": [f"application:{things.pk}"]}
    assert "/confirm" in browser.post("/me/hand-over", said)["Location"]
    assert owners()[3] == "alice"


# --- the API --------------------------------------------------------------------------------------
def test_a_program_looks_and_hands_over_once(admin, alice, carol, things):
    cache.clear()
    path = f"administration/people/{alice.pk}/hand-over"
    look = api(admin, "get", f"{path}?to={carol.email}&gives_roles=true").json()
    assert (look["giver"]["email"], look["heir"]["email"]) == (alice.email, carol.email)
    assert {line["stays"] for line in look["lines"]} == {""}
    assert owners()[3] == "alice"
    body = {"to": carol.email, "gives_roles": True}
    done = api(admin, "post", path, body).json()
    assert done == {
        "moved": {"workspace": 1, "source": 1, "document": 3, "application": 1},
        "staying": [],
    }
    assert api(admin, "post", path, body).json()["moved"] == {}
    assert owners() == ("carol", "carol", ["carol"] * 3, "carol")
    assert Event.objects.filter(kind="application.handed_over").count() == 1


def test_a_program_names_lines_and_is_told_what_stays(alice, bob, things, workspace):
    path = f"workspaces/{workspace.slug}/hand-over?from={alice.email}"
    look = api(alice, "get", f"{path}&to={bob.email}").json()
    stays = {line["key"]: line["stays"] for line in look["lines"]}
    assert stays[f"workspace:{workspace.pk}"] == "They do not manage this workspace."
    done = api(alice, "post", path, {"to": bob.email, "only": [f"workspace:{workspace.pk}"]}).json()
    assert done["moved"] == {}
    assert [line["kind"] for line in done["staying"]] == ["workspace"]
    assert api(alice, "post", path, {"to": "nobody"}).status_code == 400
    assert api(alice, "get", "me/hand-over").json()["giver"]["email"] == alice.email


def test_strangers_are_told_nothing_by_the_api(bob, carol, alice, workspace, things):
    path = f"workspaces/{workspace.slug}/hand-over"
    assert api(carol, "get", path).status_code == 404
    assert api(bob, "get", path).status_code == 403
    person = f"administration/people/{alice.pk}/hand-over"
    for who in (alice, bob, carol):
        assert api(who, "get", person).status_code == 403
        assert api(who, "get", "administration/without-owner").status_code == 403
    assert api(carol, "get", "me/hand-over").json()["lines"] == []


def test_who_makes_a_workspace_or_an_application_looks_after_it(admin, client_of):
    client_of(admin).post("/w/new", {"name": "Fresh", "mode": "documents_only"})
    made = api(admin, "post", "applications", {"name": "MES"})
    path = f"applications/{made.json()['id']}"
    with system_scope("test: the owner"):
        assert Workspace.objects.get(name="Fresh").owner == admin
    assert api(admin, "get", path).json()["owner"]["email"] == admin.email
