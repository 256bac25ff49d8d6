"""Why somebody can or cannot see something: the chain of rules, and who may ask for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from apps.accounts import services as accounts
from apps.accounts.models import GroupMember, User
from apps.permissions.roles import Role
from apps.permissions.scope import NOBODY, Scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.rights.explain import explain, outcome
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.workspaces import worlds

SignIn = Callable[[User], Client]


def _scope(world: worlds.World) -> Scope:
    """As the door resolves it: a key that is no longer valid opens nothing."""
    key = world.key
    if key is not None and (key.revoked_at or (key.expires_at and key.expires_at < timezone.now())):
        return NOBODY
    return scope_of(world.user, key=key)


@pytest.mark.django_db
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(recipe=worlds.recipes())
def test_the_chain_of_rules_says_what_the_scope_does(recipe: dict[str, Any]) -> None:
    with transaction.atomic():
        world = worlds.make(recipe)
        scope = _scope(world)
        for collection in world.collections:
            found = explain(user=world.user, collection=collection, key=world.key)
            does = (collection.pk in scope.readable, collection.pk in scope.writable)
            assert (found.reads, found.writes) == does
            assert outcome(found.steps) == does, found.steps
        transaction.set_rollback(True)


@pytest.fixture
def ask(client_of: SignIn, workspace: Workspace) -> Callable[..., dict[str, Any]]:
    """``ask(alice, who=…, collection=…)``: the answer of the API."""

    def asked(asker: User, status: int = 200, **wanted: object) -> dict[str, Any]:
        response = client_of(asker).get(f"/api/v1/workspaces/{workspace.slug}/why", wanted)
        assert response.status_code == status, response.content
        return dict(response.json())

    return asked


def rules(answer: dict[str, Any]) -> set[str]:
    return {step["rule"] for step in answer["steps"]}


def test_a_role_through_nested_groups_is_shown_with_its_way(
    ask: Any, alice: User, workspace: Workspace
) -> None:
    dora = factories.make_user("dora")
    inner, outer = factories.make_group("Interns", dora), factories.make_group("Buyers")
    factories.make_nesting(outer, inner)
    factories.make_member(workspace, outer)
    place = factories.make_collection(workspace)
    answer = ask(alice, who=dora.email, collection=place.pk)
    assert answer["may_read"] is True
    (role,) = [step for step in answer["steps"] if step["rule"] == "role"]
    assert role["through"] == ["Interns", "Buyers"]
    assert "Procurement" in role["text"]


def test_an_outside_source_that_put_them_there_is_named(
    ask: Any, alice: User, workspace: Workspace
) -> None:
    dora = factories.make_user("dora")
    group = factories.make_group("Buyers")
    GroupMember.objects.create(group=group, user=dora, origin="ldap:main")
    factories.make_member(workspace, group)
    answer = ask(alice, who=dora.email, collection=factories.make_collection(workspace).pk)
    (role,) = [step for step in answer["steps"] if step["rule"] == "role"]
    assert (role["through"], role["origin"]) == (["Buyers"], "ldap:main")


def test_a_grant_that_ended_is_named_with_its_day(
    ask: Any, alice: User, collection: Collection
) -> None:
    dora = factories.make_user("dora")
    factories.make_grant(collection, dora, expires_at=factories.yesterday())
    answer = ask(alice, who=dora.email, collection=collection.pk)
    assert answer["may_read"] is False
    assert {"grant_ended", "closed", "no_role"} <= rules(answer)


def test_what_a_key_is_for_narrows_and_says_so(
    ask: Any, alice: User, bob: User, collection: Collection
) -> None:
    key, _plain = factories.make_api_key(alice, scope="read", prefix="fn_readonly")
    answer = ask(alice, who="fn_readonly", collection=collection.pk)
    assert (answer["may_read"], answer["may_write"]) == (True, False)
    assert answer["key"] == key.prefix
    assert "key_scope" in rules(answer)


def test_a_deactivated_account_is_the_reason(
    ask: Any, alice: User, admin: User, bob: User, collection: Collection, as_: Any
) -> None:
    with as_(admin):
        accounts.deactivate(user=bob)
    answer = ask(alice, who=bob.email, collection=collection.pk)
    assert answer["may_read"] is False
    assert "deactivated" in rules(answer)


def test_a_document_that_does_not_count_any_more_says_so(
    ask: Any, alice: User, bob: User, collection: Collection
) -> None:
    gone = timezone.localdate() - timedelta(days=1)
    document = factories.make_document(collection, valid_until=gone, is_indexed=False)
    answer = ask(alice, who=bob.email, collection=collection.pk, document=document.pk)
    assert answer["may_read"] is True
    assert "expired" in rules(answer)


def test_nobody_of_that_name_is_a_plain_refusal(
    ask: Any, alice: User, collection: Collection
) -> None:
    ask(alice, 400, who="nobody@example.com", collection=collection.pk)


def test_only_who_manages_members_may_ask(
    ask: Any, alice: User, bob: User, carol: User, collection: Collection, workspace: Workspace
) -> None:
    ask(bob, 403, who=alice.email, collection=collection.pk)
    ask(carol, 404, who=alice.email, collection=collection.pk)


def test_an_administrator_without_a_role_is_told_of_listed_collections_only(
    ask: Any, admin: User, bob: User, collection: Collection, other_collection: Collection
) -> None:
    assert ask(admin, who=bob.email, collection=collection.pk)["may_read"] is True
    ask(admin, 404, who=bob.email, collection=other_collection.pk)


def test_a_manager_cannot_ask_about_a_collection_of_another_department(
    ask: Any, alice: User, carol: User
) -> None:
    theirs = factories.make_collection(factories.make_workspace("Board", manager=carol), "Salaries")
    ask(alice, 404, who=carol.email, collection=theirs.pk)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_shows_the_chain_in_both_languages(
    language: str, client_of: SignIn, alice: User, bob: User, collection: Collection
) -> None:
    slug = collection.workspace.slug
    page = client_of(alice).get(
        f"/w/{slug}/why",
        {"who": bob.email, "collection": str(collection.pk)},
        headers={"Accept-Language": language},
    )
    assert page.status_code == 200
    text = page.content.decode()
    assert ("until revoked" in text) is (language == "en")
    assert client_of(bob).get(f"/w/{slug}/why").status_code == 403


def test_what_is_asked_wrongly_is_said_beside_its_field(
    client_of: SignIn, alice: User, collection: Collection
) -> None:
    asked = {"who": "nobody", "collection": str(collection.pk)}
    page = client_of(alice).get(f"/w/{collection.workspace.slug}/why", asked)
    assert page.status_code == 422


def test_a_contributor_through_a_grant_writes(
    ask: Any, alice: User, collection: Collection
) -> None:
    dora = factories.make_user("dora")
    factories.make_grant(collection, dora, role=Role.CONTRIBUTOR)
    assert ask(alice, who=dora.email, collection=collection.pk)["may_write"] is True
