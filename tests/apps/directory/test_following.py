"""Following a real directory: who joins, leaves, gets and loses, and when a person is asked first."""

import ldap
import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.directory import services, sync, upkeep
from apps.directory.mapping import source_of
from apps.directory.models import Directory, DirectoryRun, Identity, MappingRule
from apps.directory.people import Outside
from apps.directory.planning import is_too_many, plan
from apps.documents.models import Document
from apps.events.models import Event
from apps.permissions.scope import system_scope
from apps.workspaces.scopes import scope_of
from tests import factories, slapd

pytestmark = pytest.mark.django_db
State = DirectoryRun.State


def rule(outside, **gives):
    MappingRule.objects.create(source=source_of("ldap:main"), outside=outside, **gives)


def run(directory, *, is_dry=False, may_remove=0):
    """A run, done at once."""
    directory.refresh_from_db()
    with system_scope("test: a run"):
        made = services.start_run(directory=directory, is_dry=is_dry, may_remove=may_remove)
        sync.sync(made.pk)
    made.refresh_from_db()
    return made


def leave(server, *names):
    connection = server.admin()
    for name in names:
        connection.delete_s(slapd.person(name))
    connection.unbind_s()


@pytest.fixture
def prepared(server, make_directory):
    """Everybody has an account before they signed in."""
    directory = make_directory(server, prepares=True)
    assert run(directory).state == State.DONE
    return directory


def signed_in(name):
    browser = Client()
    browser.post("/sign-in", {"username": name, "password": f"secret-{name}"})
    return browser


def is_in(browser):
    return not browser.get("/").headers.get("Location", "").startswith("/sign-in")


def test_people_are_prepared_before_they_sign_in(prepared):
    assert Identity.objects.count() == 20
    assert User.objects.get(login="anna").email == "anna@acme.example"
    assert is_in(signed_in("anna"))
    assert Identity.objects.count() == 20


def test_without_preparing_only_those_who_came_are_followed(directory):
    signed_in("anna")
    made = run(directory)
    assert (made.seen, Identity.objects.count()) == (20, 1)


def test_a_dry_run_says_who_would_get_and_lose_an_own_role(prepared, workspace):
    role = factories.make_role("Librarian")
    rule(slapd.group("finance"), workspace_id=workspace.pk, custom=role)
    gained = [line["gained"] for line in run(prepared, is_dry=True).lines]
    assert gained
    assert set(map(tuple, gained)) == {("Procurement: Librarian",)}
    run(prepared, may_remove=100)
    MappingRule.objects.all().delete()
    lost = [line["lost"] for line in run(prepared, is_dry=True).lines]
    assert lost == gained


def test_a_dry_run_says_who_would_get_what_and_changes_nothing(prepared):
    rule(slapd.group("office"), group=factories.make_group("Office"))
    made = run(prepared, is_dry=True)
    assert made.counts == {"gains": 5}
    assert {
        "kind": "gains",
        "who": "Anna Example",
        "gained": ["Office"],
        "lost": [],
        "key": "",
    } in (made.lines)
    assert not User.objects.get(login="anna").kb_groups.exists()


def test_a_run_gives_and_takes_as_the_groups_say(prepared, server):
    rule(slapd.group("sales"), group=factories.make_group("Sales"))
    run(prepared)
    assert User.objects.get(login="anna").kb_groups.exists()
    connection = server.admin()
    anna = slapd.person("anna").encode()
    connection.modify_s(slapd.group("sales"), [(ldap.MOD_DELETE, "member", [anna])])
    connection.unbind_s()
    assert run(prepared).counts == {"loses": 1}
    assert not User.objects.get(login="anna").kb_groups.exists()


def test_a_second_run_finds_nothing_to_do(prepared):
    assert run(prepared).counts == {}


def test_whoever_left_loses_session_and_keys_at_once(prepared, server):
    browser = signed_in("anna")
    anna = User.objects.get(login="anna")
    _, key = factories.make_api_key(anna)
    assert is_in(browser)
    leave(server, "anna")
    with system_scope("test: the clock"):
        sync.watch()
    assert not is_in(browser)
    answer = Client().get("/api/v1/me", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert scope_of(User.objects.get(pk=anna.pk)).actor_id is None
    assert Event.objects.filter(kind="person.left", object_id=anna.pk).exists()


def test_an_expired_account_is_ended_and_comes_back_when_it_counts_again(prepared, server):
    connection = server.admin()
    connection.modify_s(slapd.person("anna"), [(ldap.MOD_REPLACE, "shadowExpire", [b"1"])])
    assert run(prepared).counts == {"leaves": 1}
    assert not User.objects.get(login="anna").is_active
    connection.modify_s(slapd.person("anna"), [(ldap.MOD_DELETE, "shadowExpire", None)])
    connection.unbind_s()
    run(prepared)
    assert User.objects.get(login="anna").is_active


def test_whoever_was_deactivated_by_hand_does_not_come_back(prepared):
    User.objects.filter(login="anna").update(is_active=False)
    run(prepared)
    assert not User.objects.get(login="anna").is_active


def test_documents_of_whoever_left_go_to_a_manager(prepared, server, alice, collection):
    anna = User.objects.get(login="anna")
    document = factories.make_document(collection, owner=anna, is_indexed=False)
    leave(server, "anna")
    run(prepared)
    with system_scope("test: the owner"):
        assert Document.objects.get(pk=document.pk).owner_id == alice.pk


def test_documents_go_to_the_successor_where_that_person_may_read_them(
    prepared, server, alice, bob, collection, other_collection
):
    anna = User.objects.get(login="anna")
    seen = factories.make_document(collection, owner=anna, is_indexed=False)
    unseen = factories.make_document(other_collection, owner=anna, is_indexed=False)
    Directory.objects.update(successor=bob)
    leave(server, "anna")
    run(prepared)
    with system_scope("test: the owners"):
        assert Document.objects.get(pk=seen.pk).owner_id == bob.pk
        assert Document.objects.get(pk=unseen.pk).owner_id == alice.pk


def test_many_leavers_are_asked_about_first(prepared, server):
    leave(server, *slapd.NAMES[:12])
    made = run(prepared)
    assert (made.state, made.to_remove) == (State.ASKING, 12)
    assert User.objects.filter(is_active=True, identities__isnull=False).count() == 20
    with system_scope("test: the clock"):
        sync.watch()
    assert User.objects.filter(is_active=True, identities__isnull=False).count() == 20
    assert run(prepared, may_remove=12).state == State.DONE
    assert User.objects.filter(is_active=True, identities__isnull=False).count() == 8


def test_a_rule_that_goes_takes_from_many_and_asks_as_well(prepared):
    rule("*", group=factories.make_group("Everybody"))
    run(prepared)
    MappingRule.objects.all().delete()
    assert run(prepared).state == State.ASKING


@pytest.mark.parametrize(
    ("removed", "of", "asks"),
    [
        (9, 10, False),
        (10, 100, True),
        (10, 200, False),
        (11, 200, True),
        (0, 0, False),
        (8, 8, True),
    ],
)
def test_more_than_one_in_twenty_and_at_least_ten_ask(removed, of, asks):
    assert is_too_many(removed, of) is asks


def test_a_directory_that_is_away_ends_nobody(prepared, server):
    server.stop()
    made = run(prepared)
    assert (made.state, made.error_code) == (State.FAILED, "DIRECTORY_DOWN")
    with system_scope("test: the clock"):
        sync.watch()
    assert User.objects.filter(is_active=True, identities__isnull=False).count() == 20


def test_a_base_that_is_gone_or_empty_ends_nobody(prepared):
    Directory.objects.update(user_bases=f"ou=Gone,{slapd.BASE}")
    assert run(prepared).error_code == "DIRECTORY_BASE"
    Directory.objects.update(user_bases=slapd.GROUPS)
    assert run(prepared).error_code == "DIRECTORY_EMPTY"
    assert not User.objects.filter(is_active=False).exists()


def test_a_listing_of_more_than_a_thousand_comes_in_pages(server, make_directory):
    directory = make_directory(server, user_bases=slapd.CROWD)
    rule(slapd.group("crowd"), group=factories.make_group("Crowd"))
    Directory.objects.update(prepares=True)
    made = run(directory, is_dry=True)
    assert (made.seen, made.counts) == (1500, {"joins": 1500})
    assert made.lines[0]["gained"] == ["Crowd"]


def test_an_account_with_the_same_address_is_named_and_left_alone(prepared, server, admin):
    factories.make_user("other", email="new@acme.example")
    connection = server.admin()
    values = {"objectClass": "inetOrgPerson", "cn": "New", "sn": "N", "mail": "new@acme.example"}
    connection.add_s(slapd.person("new"), [(k, [v.encode()]) for k, v in values.items()])
    connection.unbind_s()
    made = run(prepared)
    assert made.counts == {"clashes": 1}
    with system_scope("test: an administrator connects the two"):
        source = prepared.source
        key = made.lines[0]["key"]
        services.connect_account(source=source, key=key, email="new@acme.example")
    assert run(prepared).counts.get("clashes") is None
    assert not User.objects.get(email="new@acme.example").has_usable_password()


def test_a_doubled_identifier_is_named_and_nobody_leaves(prepared):
    people = sync.listed(prepared)
    made = plan(prepared, [*people, people[0]])
    assert made.counts() == {"unkeyed": 2}
    assert made.leaving == []


def test_an_empty_identifier_is_named_and_nobody_joins(prepared):
    made = plan(prepared, [*sync.listed(prepared), Outside(key="", name="cn=nobody")])
    assert made.counts() == {"unkeyed": 1}


def test_the_clock_starts_what_is_due_and_waits_for_an_answer(prepared, server, sent_jobs):
    services_of = [name for name, _ in sent_jobs]
    sync.due_now(prepared)
    with system_scope("test: the clock"):
        upkeep.due()
    assert [name for name, _ in sent_jobs][len(services_of) :].count("directory.sync") <= 1
    prepared.refresh_from_db()
    assert prepared.next_run_at is not None
    DirectoryRun.objects.update(state=State.ASKING)
    before = DirectoryRun.objects.count()
    sync.due_now(prepared)
    with system_scope("test: the clock"):
        upkeep.due()
    assert DirectoryRun.objects.count() == before


def test_one_way_in_without_the_directory_always_stays(prepared, as_):
    root = User.objects.get(name="root")
    factories.make_user("second", is_administrator=True, password=None)
    from apps.accounts import services as accounts  # noqa: PLC0415 - beside its only use

    with as_(root):
        for act in (
            lambda: accounts.deactivate(user=root),
            lambda: accounts.set_administrator(user=root, is_administrator=False),
            lambda: services.connect_account(source=prepared.source, key="k", email=root.email),
        ):
            with pytest.raises(AppError) as refused:
                act()
            assert refused.value.details.get("reason") == "break_glass"


def test_a_run_that_was_done_is_not_done_twice(prepared):
    made = run(prepared)
    seen = made.finished_at
    with system_scope("test: sent twice"):
        sync.sync(made.pk)
    made.refresh_from_db()
    assert made.finished_at == seen
