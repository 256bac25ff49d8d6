"""From a person to what they may reach."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.accounts.models import User
from apps.permissions.roles import KEY_GRANTS, KeyScope, Permission, Role
from apps.permissions.scope import NOBODY, Scope, system_scope
from apps.workspaces.middleware import scope_of_socket
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

As = Callable[[User], AbstractContextManager[Scope]]


@pytest.fixture
def open_one(workspace: Workspace) -> Collection:
    return factories.make_collection(workspace, "Handbook")


def reads_and_writes(user: User, collection: Collection) -> tuple[bool, bool]:
    scope = scope_of(user)
    return collection.pk in scope.readable, collection.pk in scope.writable


@pytest.mark.parametrize(
    ("role", "of_open", "of_closed"),
    [
        (Role.VIEWER, (True, False), (False, False)),
        (Role.CONTRIBUTOR, (True, True), (False, False)),
        (Role.MANAGER, (True, True), (True, True)),
    ],
)
@pytest.mark.parametrize("through", ["oneself", "a group"])
def test_what_a_role_opens(
    role: Role,
    of_open: tuple[bool, bool],
    of_closed: tuple[bool, bool],
    through: str,
    workspace: Workspace,
    open_one: Collection,
    collection: Collection,
) -> None:
    dora = factories.make_user("dora")
    who = dora if through == "oneself" else factories.make_group("Buyers", dora)
    factories.make_member(workspace, who, role=role)
    assert reads_and_writes(dora, open_one) == of_open
    assert reads_and_writes(dora, collection) == of_closed


def test_roles_of_a_person_and_of_their_groups_add_up(
    workspace: Workspace, open_one: Collection
) -> None:
    dora = factories.make_user("dora")
    factories.make_member(workspace, dora, role=Role.VIEWER)
    assert reads_and_writes(dora, open_one) == (True, False)
    factories.make_member(workspace, factories.make_group("Buyers", dora), role=Role.CONTRIBUTOR)
    assert reads_and_writes(dora, open_one) == (True, True)


@pytest.mark.parametrize("through", ["oneself", "a group"])
def test_a_grant_opens_one_collection_and_makes_no_member(
    through: str, workspace: Workspace, open_one: Collection, collection: Collection
) -> None:
    dora = factories.make_user("dora")
    who = dora if through == "oneself" else factories.make_group("Buyers", dora)
    factories.make_grant(collection, who, role=Role.CONTRIBUTOR)
    scope = scope_of(dora)
    assert scope.readable == scope.writable == {collection.pk}
    assert scope.workspaces[workspace.pk] == {
        Permission.WORKSPACE_VIEW,
        Permission.ASK,
        Permission.DOCUMENT_READ,
    }


def test_a_grant_that_has_run_out_opens_nothing(bob: User, collection: Collection) -> None:
    with system_scope("test: the grant runs out"):
        CollectionGrant.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert collection.pk in scope_of(bob).readable
    with system_scope("test: the grant runs out"):
        CollectionGrant.objects.update(expires_at=timezone.now())
    assert scope_of(bob) == Scope(actor_id=bob.pk)


def test_a_stranger_and_nobody_reach_nothing_of_it(
    carol: User, workspace: Workspace, collection: Collection
) -> None:
    scope = scope_of(carol)
    assert collection.pk not in scope.readable
    assert workspace.pk not in scope.workspaces
    assert scope_of(AnonymousUser()) is NOBODY
    assert NOBODY.reach().collection_ids == frozenset()


def test_somebody_who_is_deactivated_is_nobody(alice: User, workspace: Workspace) -> None:
    alice.is_active = False
    alice.save()
    assert scope_of(alice) is NOBODY
    assert scope_of_socket({"user": alice}) is NOBODY


def test_an_administrator_runs_every_workspace_and_reads_none(
    admin: User, workspace: Workspace, collection: Collection, open_one: Collection
) -> None:
    scope = scope_of(admin)
    assert scope.allows(Permission.ADMINISTER)
    assert scope.allows(Permission.MEMBER_MANAGE, workspace.pk)
    assert not scope.allows(Permission.DOCUMENT_READ, workspace.pk)
    assert scope.readable == scope.writable == frozenset()


def test_a_manager_does_not_run_the_installation(alice: User, workspace: Workspace) -> None:
    scope = scope_of(alice)
    assert not scope.allows(Permission.ADMINISTER)
    assert not scope.allows(Permission.WORKSPACE_CREATE)
    other = factories.make_workspace("Other")
    assert not scope.allows(Permission.WORKSPACE_VIEW, other.pk)


@pytest.mark.parametrize("key_scope", KeyScope)
def test_a_key_may_do_what_it_is_for_and_never_more_than_its_owner(
    key_scope: KeyScope, alice: User, bob: User, workspace: Workspace, collection: Collection
) -> None:
    granted = KEY_GRANTS[key_scope]
    for owner in (alice, bob):
        whole = scope_of(owner)
        key, _plain = factories.make_api_key(owner, scope=key_scope)
        kept = scope_of(owner, key=key)
        assert kept.workspaces[workspace.pk] == whole.workspaces[workspace.pk] & granted
        assert kept.readable == whole.readable
        expected = whole.writable if Permission.DOCUMENT_WRITE in granted else frozenset()
        assert kept.writable == expected
        assert kept.via_key == key.pk


def test_a_key_of_an_administrator_administers_only_when_it_is_for_everything(admin: User) -> None:
    for key_scope in KeyScope:
        key, _plain = factories.make_api_key(admin, scope=key_scope)
        may = scope_of(admin, key=key).allows(Permission.ADMINISTER)
        assert may is (key_scope == KeyScope.ALL)


@pytest.mark.parametrize("is_administrator", [True, False])
def test_at_most_six_queries_however_much_one_may(
    is_administrator: bool,  # noqa: FBT001 - of a parametrised test
    db: None,
    django_assert_max_num_queries: Any,
) -> None:
    dora = factories.make_user("dora", is_administrator=is_administrator)
    groups = [factories.make_group("", dora) for _ in range(3)]
    for group in groups:
        workspace = factories.make_workspace("")
        factories.make_member(workspace, group)
        for _ in range(4):
            factories.make_grant(factories.make_collection(workspace, is_open=False), dora)
    with django_assert_max_num_queries(6):
        assert len(scope_of(dora).readable) == 12


def test_a_role_that_is_taken_away_bites_on_the_next_scope(
    alice: User, collection: Collection, as_: As
) -> None:
    before = scope_of_socket({"user": alice})
    with system_scope("test: take the role away"):
        Member.objects.filter(user=alice).delete()
    assert collection.pk in before.readable
    assert scope_of_socket({"user": alice}) == Scope(actor_id=alice.pk)
