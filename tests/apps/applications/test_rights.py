"""What an application may do is application ∩ employee, whoever is the wider."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.applications import services
from apps.applications.models import Acts, ApplicationKey, Reach
from apps.applications.rights import effective_scope
from apps.events.models import Event
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import NOBODY, system_scope
from apps.search.models import SearchLog
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.resolvers import scope_again
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make, Program

CONTRACTS, BOARD = "Contracts", "Board papers"


@pytest.fixture(autouse=True)
def _both(collection: Collection, other_collection: Collection) -> None:
    """bob reads Contracts, alice both, carol neither."""


@pytest.mark.parametrize(
    ("granted", "person", "expected"),
    [
        ((CONTRACTS, BOARD), "bob", {CONTRACTS}),  # the application is wider
        ((CONTRACTS,), "alice", {CONTRACTS}),  # narrower
        ((CONTRACTS, BOARD), "alice", {CONTRACTS, BOARD}),  # the same
        ((BOARD,), "bob", set()),  # disjoint
        ((), "alice", set()),
        ((CONTRACTS, BOARD), "carol", set()),  # a stranger
        ((CONTRACTS, BOARD), None, {CONTRACTS, BOARD}),  # for itself
        ((), None, set()),
    ],
)
def test_application_and_employee_meet(
    granted: tuple[str, ...],
    person: str | None,
    expected: set[str],
    erp: Program,
    people: dict[str, User],
    collection: Collection,
    other_collection: Collection,
) -> None:
    for each in (collection, other_collection):
        if each.name in granted:
            factories.make_grant(each, erp.application.account)
    assert erp.names(people[person] if person else None) == expected
    for each in (collection, other_collection):
        status = erp.get(f"/collections/{each.pk}", people[person] if person else None).status_code
        assert status == (200 if each.name in expected else 404)


@pytest.mark.parametrize(
    ("person", "expected"),
    [("alice", {CONTRACTS, BOARD}), ("bob", {CONTRACTS}), ("carol", set())],
)
def test_an_application_of_the_other_kind_opens_what_the_person_opens(
    person: str, expected: set[str], make_program: Make, people: dict[str, User]
) -> None:
    erp = make_program(reach=Reach.PERSON)
    assert erp.names(people[person]) == expected
    assert erp.names() == set()  # for itself it was granted nothing


def test_scopes_narrow_whatever_the_person_may_do(
    make_program: Make, alice: User, admin: User, workspace: Workspace, collection: Collection
) -> None:
    reads = make_program("Reads", scopes=["read"], reach=Reach.PERSON)
    scope = effective_scope(reads.key, alice)
    assert scope.workspaces[workspace.pk] == {Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ}
    assert collection.pk in scope.readable
    assert scope.writable == frozenset()
    nothing = make_program("Nothing", scopes=[], reach=Reach.PERSON)
    assert not effective_scope(nothing.key, alice).readable
    manages = make_program("Manages", scopes=["manage"], reach=Reach.PERSON)
    assert not effective_scope(manages.key, alice).readable
    everything = make_program("All", scopes=["read", "ask", "write", "manage"], reach=Reach.PERSON)
    # However much an employee may do, an application never runs the installation.
    assert effective_scope(everything.key, admin).permissions == frozenset()
    assert not effective_scope(everything.key, admin).allows(Permission.ADMINISTER)


def test_write_needs_the_scope_and_both_grants(
    make_program: Make, alice: User, bob: User, collection: Collection
) -> None:
    erp = make_program(scopes=["read", "write"])
    grant = factories.make_grant(collection, erp.application.account)
    assert collection.pk not in effective_scope(erp.key, alice).writable
    with system_scope("test: the application may write"):
        grant.role = Role.CONTRIBUTOR
        grant.save()
    assert collection.pk in effective_scope(erp.key, alice).writable
    assert collection.pk not in effective_scope(erp.key, bob).writable


def test_for_whom_it_may_ask_is_kept(make_program: Make, alice: User) -> None:
    people_only = make_program("People", acts=Acts.PEOPLE, reach=Reach.PERSON)
    refused = people_only.get("/me")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "ASSERTION_REQUIRED"
    assert people_only.names(alice) == {CONTRACTS, BOARD}
    service = make_program("Service", acts=Acts.SERVICE)
    refused = service.get("/me", alice)
    assert refused.status_code == 401
    assert refused.json()["error"]["details"] == {"reason": "service_only"}


def test_a_sandbox_key_reaches_the_sandbox_only(
    make_program: Make, alice: User, collection: Collection, other_collection: Collection
) -> None:
    erp = make_program(is_sandbox=True, reach=Reach.PERSON)
    assert erp.plain.startswith("fna_test_")
    factories.make_grant(other_collection, erp.application.account)
    assert erp.names() == erp.names(alice) == set()
    factories.make_grant(collection, erp.application.sandbox_account)
    assert erp.names() == erp.names(alice) == {CONTRACTS}


def test_a_key_that_ended_says_no_more_than_one_that_never_was(
    erp: Program, alice: User, collection: Collection
) -> None:
    factories.make_grant(collection, erp.application.account)
    assert erp.get("/me").status_code == 200
    endings: list[dict[str, Any]] = [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now()},
    ]
    said = [_refusal(Client(headers={"Authorization": "Bearer fna_live_no-such-key"}))]
    for ending in endings:
        ApplicationKey.objects.update(**ending)
        said.append(_refusal(Client(headers=erp.headers(alice))))
        ApplicationKey.objects.update(revoked_at=None, expires_at=None)
    with system_scope("test: stopped"):
        services.set_active(application=erp.application, is_active=False)
    said.append(_refusal(Client(headers=erp.headers())))
    assert said == [(401, "INVALID_KEY")] * 4


def _refusal(client: Client) -> tuple[int, str]:
    answer = client.get("/api/v1/me")
    return answer.status_code, answer.json()["error"]["code"]


def test_what_goes_on_after_a_request_ends_with_key_person_grant_or_application(
    erp: Program, alice: User, bob: User, collection: Collection
) -> None:
    grant = factories.make_grant(collection, erp.application.account)
    for person in (None, bob):
        scope = effective_scope(erp.key, person)
        assert scope_again(scope) == scope
        assert scope.readable == {collection.pk}
    asked = effective_scope(erp.key, bob)
    with system_scope("test: the grant ends"):
        grant.delete()
    assert scope_again(asked).readable == frozenset()
    bob.is_active = False
    bob.save()
    assert scope_again(asked) is NOBODY
    asked = effective_scope(erp.key, alice)
    with system_scope("test: the key ends"):
        services.revoke_key(key=erp.key)
    assert scope_again(asked) is NOBODY


def test_a_rotated_key_works_beside_the_new_one_for_a_while(erp: Program) -> None:
    with system_scope("test: rotate"):
        _made, plain = services.rotate_key(key=erp.key, overlap=timedelta(hours=1))
    new = {"Authorization": f"Bearer {plain}"}
    assert erp.get("/me").status_code == Client().get("/api/v1/me", headers=new).status_code == 200
    ApplicationKey.objects.filter(pk=erp.key.pk).update(expires_at=timezone.now())
    assert erp.get("/me").status_code == 401
    assert Client().get("/api/v1/me", headers=new).status_code == 200


def test_keys_are_stored_as_hashes(erp: Program) -> None:
    row = ApplicationKey.objects.values().get(pk=erp.key.pk)
    assert erp.plain not in str(row)
    assert erp.plain.startswith(row["prefix"])
    assert len(row["prefix"]) <= 12
    assert erp.plain not in str(list(Event.objects.values("data")))


def test_a_session_beside_the_key_of_an_application_does_not_count(
    erp: Program, alice: User, client_of: Callable[[User], Client], collection: Collection
) -> None:
    browser = client_of(alice)
    assert browser.get(f"/api/v1/collections/{collection.pk}").status_code == 200
    answer = browser.get(f"/api/v1/collections/{collection.pk}", headers=erp.headers())
    assert answer.status_code == 404
    me = browser.get("/api/v1/me", headers=erp.headers()).json()
    assert me["id"] == str(erp.application.account_id)
    bad = browser.get("/api/v1/me", headers={"Authorization": "Bearer fna_live_nothing"})
    assert bad.status_code == 401


def test_no_application_makes_keys_for_the_employee_it_asks_for(
    make_program: Make, alice: User
) -> None:
    erp = make_program(scopes=["read", "ask", "write", "manage"], reach=Reach.PERSON)
    body = {"name": "mine now", "scope": "all", "expires_at": None}
    assert erp.post("/keys", body, alice).status_code == 403
    assert erp.get("/keys", alice).status_code == 403


def test_nobody_signs_in_as_an_application(erp: Program) -> None:
    account = erp.application.account
    account.set_password(factories.PASSWORD)
    account.save()
    for name in (account.email, account.login):
        browser = Client()
        browser.post("/sign-in", {"username": name, "password": factories.PASSWORD})
        assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("is_for_a_person", [False, True])
def test_events_and_traces_say_application_key_and_person(
    is_for_a_person: bool,  # noqa: FBT001 - of a parametrised test
    erp: Program,
    bob: User,
    collection: Collection,
) -> None:
    factories.make_grant(collection, erp.application.account)
    factories.make_document(collection)
    person = bob if is_for_a_person else None
    answer = erp.post("/search", {"query": "notice period"}, person, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 200
    with system_scope("test: look at the trace"):
        log = SearchLog.objects.get()
    expected = {"key": str(erp.key.pk), "application": str(erp.application.pk)}
    assert log.owner_id == (bob.pk if person else erp.application.account_id)
    assert log.trace["acting"] == expected | ({"on_behalf_of": str(bob.pk)} if person else {})
    assert erp.get("/me", person).json()["acting"] == log.trace["acting"]


def test_an_event_has_all_three_and_the_address(erp: Program, bob: User) -> None:
    from apps.core.origin import came_from  # noqa: PLC0415 - beside its only use
    from apps.events import services as events  # noqa: PLC0415
    from apps.permissions.scope import entered  # noqa: PLC0415

    with came_from("203.0.113.9"), entered(effective_scope(erp.key, bob)):
        event = events.record("test.happened")
    assert (event.actor_id, event.api_key_id) == (bob.pk, erp.key.pk)
    assert (event.application_id, event.on_behalf_of) == (erp.application.pk, bob.pk)
    assert event.address == "203.0.113.9"


@pytest.mark.parametrize("person", [None, "bob"])
def test_resolving_costs_few_queries_however_much_there_is(
    person: str | None,
    erp: Program,
    people: dict[str, User],
    workspace: Workspace,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(20):
        made = factories.make_collection(workspace, is_open=False)
        factories.make_grant(made, erp.application.account)
        factories.make_grant(made, people["bob"])
    assert len(scope_of(people["bob"]).readable) == 21
    with django_assert_max_num_queries(3 if person is None else 6):
        scope = effective_scope(erp.key, people[person] if person else None)
    assert len(scope.readable) == 20


@pytest.fixture
def people(alice: User, bob: User, carol: User) -> dict[str, User]:
    return {"alice": alice, "bob": bob, "carol": carol}
