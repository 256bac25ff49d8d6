"""Groups in groups."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from apps.accounts import nesting
from apps.accounts.models import Group, User
from apps.core.errors import AppError
from apps.permissions.scope import Scope, ScopeDenied
from apps.workspaces.models import Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

SignIn = Callable[[User], Client]
As = Callable[[User], AbstractContextManager[Scope]]


@pytest.fixture
def dora(db: None) -> User:
    return factories.make_user("dora")


def test_a_role_of_an_outer_group_is_held_by_who_is_in_an_inner_one(
    dora: User, workspace: Workspace
) -> None:
    inner, middle, outer = factories.make_group("", dora), *(factories.make_group() for _ in "ab")
    factories.make_nesting(outer, middle)
    factories.make_nesting(middle, inner)
    factories.make_member(workspace, outer)
    assert workspace.pk in scope_of(dora).workspaces


def test_the_outer_group_gives_nothing_downwards(dora: User, workspace: Workspace) -> None:
    outer, inner = factories.make_group("", dora), factories.make_group()
    factories.make_nesting(outer, inner)
    factories.make_member(workspace, inner)
    assert workspace.pk not in scope_of(dora).workspaces


def test_a_circle_is_refused_however_long(admin: User, as_: As) -> None:
    groups = [factories.make_group() for _ in range(3)]
    with as_(admin):
        nesting.nest(outer=groups[0], inner=groups[1])
        nesting.nest(outer=groups[1], inner=groups[2])
        for outer, inner in ((2, 0), (1, 0), (2, 2)):
            with pytest.raises(AppError) as refused:
                nesting.nest(outer=groups[outer], inner=groups[inner])
            assert refused.value.details["reason"] == "circle"


def test_a_circle_that_was_written_past_the_verbs_ends(dora: User, workspace: Workspace) -> None:
    groups = [factories.make_group() for _ in range(3)]
    groups[0].members.add(dora)
    for one, two in ((0, 1), (1, 2), (2, 0)):
        factories.make_nesting(groups[two], groups[one])
    factories.make_member(workspace, groups[2])
    assert workspace.pk in scope_of(dora).workspaces
    assert nesting.groups_within([groups[0].pk]) == {group.pk for group in groups}


def test_deeper_than_is_followed_is_refused(admin: User, as_: As) -> None:
    groups = [factories.make_group() for _ in range(nesting.MAX_DEPTH + 1)]
    *allowed, last = pairwise(groups)
    with as_(admin):
        for inner, outer in allowed:
            nesting.nest(outer=outer, inner=inner)
        with pytest.raises(AppError) as refused:
            nesting.nest(outer=last[1], inner=last[0])
    assert refused.value.details["reason"] == "too_deep"
    reached = nesting._outwards([groups[0].pk])
    assert len(reached) == nesting.MAX_DEPTH


def test_taking_a_group_out_bites_on_the_next_scope(
    dora: User, workspace: Workspace, admin: User, as_: As
) -> None:
    outer, inner = factories.make_group(), factories.make_group("", dora)
    factories.make_nesting(outer, inner)
    factories.make_member(workspace, outer)
    with as_(admin):
        nesting.take_out(outer=outer, inner=inner)
    assert workspace.pk not in scope_of(dora).workspaces


def test_only_administrators_nest(alice: User, as_: As) -> None:
    outer, inner = factories.make_group(), factories.make_group()
    with as_(alice), pytest.raises(ScopeDenied):
        nesting.nest(outer=outer, inner=inner)


def test_the_queries_grow_with_the_levels_and_not_with_the_groups(
    dora: User, workspace: Workspace, django_assert_num_queries: Any
) -> None:
    outer = factories.make_group()
    factories.make_member(workspace, outer)
    for number in range(50):
        inner = Group.objects.create(name=f"inner {number}")
        inner.members.add(dora)
        factories.make_nesting(outer, inner)
    # Memberships, two looks outwards, roles, grants, collections.
    with django_assert_num_queries(6):
        scope_of(dora)


def test_the_page_nests_takes_out_and_refuses_circles(admin: User, client_of: SignIn) -> None:
    outer, inner = factories.make_group("Buyers"), factories.make_group("Interns")
    browser = client_of(admin)
    url = f"/administration/groups/{outer.pk}/groups"
    assert b"Interns" in browser.post(url, {"group": "interns"}).content
    back = browser.post(f"/administration/groups/{inner.pk}/groups", {"group": "Buyers"})
    assert back.status_code == 409
    assert "circle" in back.content.decode()
    assert browser.post(url, {"group": "nobody"}).status_code == 422
    browser.post(f"{url}/{inner.pk}/remove")
    assert nesting.groups_within([outer.pk]) == {outer.pk}
