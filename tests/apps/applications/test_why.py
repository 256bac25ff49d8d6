"""Why a program can or cannot open a collection: the chain says what its requests would get."""

from collections.abc import Callable
from itertools import product

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.applications.models import Acts, Reach
from apps.documents.why.programs import Program as Asked
from apps.documents.why.programs import explain_program
from apps.permissions.roles import Role
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.rights.explain import outcome
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make, Program, erp, make_program

__all__ = ["erp", "make_program"]
In = Callable[[User], Client]


def rules(program: Program, person: User | None, collection: Collection) -> set[str]:
    asked = Asked(program.application, program.key, person)
    with system_scope("test: as an administrator"):
        return {step.rule for step in explain_program(asked, collection).steps}


@pytest.mark.parametrize("granted", [None, Role.VIEWER, Role.CONTRIBUTOR])
def test_chain_and_scope_agree_in_every_combination(
    granted: Role | None,
    make_program: Make,
    alice: User,
    bob: User,
    carol: User,
    collection: Collection,
) -> None:
    worlds = product(Acts, Reach, (["read"], ["read", "write"], ["manage"]), (False, True))
    for number, (acts, reach, scopes, is_sandbox) in enumerate(worlds):
        program = make_program(
            f"P{number}", acts=acts, reach=reach, scopes=scopes, is_sandbox=is_sandbox
        )
        application = program.application
        account = application.sandbox_account if is_sandbox else application.account
        if granted:
            factories.make_grant(collection, account, role=granted)
        for person in (None, alice, bob, carol):
            asked = Asked(application, program.key, person)
            with entered(scope_of(alice)):
                found = explain_program(asked, collection)
            assert outcome(found.steps) == (found.reads, found.writes), (acts, reach, scopes)


def test_what_stands_in_the_way_is_named(
    erp: Program, bob: User, carol: User, collection: Collection
) -> None:
    assert "not_granted" in rules(erp, bob, collection)
    factories.make_grant(collection, erp.application.account)
    assert {"granted_to_read", "grant", "statement", "application_scope"} <= rules(
        erp, bob, collection
    )
    assert "no_grant" in rules(erp, carol, collection)
    erp.application.networks = ["10.0.0.0/8"]
    assert "addresses" in rules(erp, None, collection)
    erp.application.public_keys.all().delete()
    assert "no_public_key" in rules(erp, bob, collection)
    erp.key.revoked_at = erp.key.created_at
    assert "key_revoked" in rules(erp, bob, collection)
    erp.application.is_active = False
    assert "application_stopped" in rules(erp, bob, collection)


def test_a_manager_asks_by_name_or_key_and_for_whom(
    erp: Program,
    alice: User,
    bob: User,
    workspace: Workspace,
    collection: Collection,
    client_of: In,
) -> None:
    factories.make_grant(collection, erp.application.account)
    for who in ("ERP", erp.key.prefix):
        asked = {"who": who, "collection": str(collection.pk), "on_behalf_of": bob.email}
        answer = client_of(alice).get(f"/api/v1/workspaces/{workspace.slug}/why", asked)
        assert answer.status_code == 200, answer.content
        said = answer.json()
        assert (said["application"], said["on_behalf_of"]) == ("ERP", bob.email)
        assert (said["may_read"], said["may_write"]) == (True, False)
        page = client_of(alice).get(f"/w/{workspace.slug}/why", asked)
        assert "ERP" in page.content.decode()


def test_rules_about_topics_are_in_the_chain(
    erp: Program,
    alice: User,
    admin: User,
    bob: User,
    workspace: Workspace,
    collection: Collection,
    client_of: In,
) -> None:
    topic = factories.make_topic("Salaries")
    factories.make_topic_rule(topic, name="No pay", groups=[factories.make_group("Staff", bob)])
    factories.make_grant(collection, erp.application.account)
    for who in ({"who": bob.email}, {"who": "ERP", "on_behalf_of": bob.email}):
        asked = {**who, "collection": str(collection.pk)}
        path = f"/api/v1/workspaces/{workspace.slug}/why"
        assert "No pay" in client_of(admin).get(path, asked).content.decode()
        assert "Salaries" in client_of(admin).get(path, asked).content.decode()
        said = client_of(alice).get(path, asked).content.decode()
        assert "No pay" in said
        assert "Salaries" not in said


def test_a_manager_is_told_no_rule_and_no_setting_of_who_is_of_another_department(
    erp: Program,
    alice: User,
    admin: User,
    carol: User,
    workspace: Workspace,
    collection: Collection,
    client_of: In,
) -> None:
    factories.make_topic_rule(
        factories.make_topic("Salaries"),
        name="No pay",
        groups=[factories.make_group("Staff", carol)],
        applications=[erp.application],
    )
    path = f"/api/v1/workspaces/{workspace.slug}/why"
    for who in ({"who": carol.email}, {"who": "ERP"}, {"who": "ERP", "on_behalf_of": carol.email}):
        asked = {**who, "collection": str(collection.pk)}
        answer = client_of(alice).get(path, asked)
        assert answer.status_code == 200, answer.content
        told = {step["rule"] for step in answer.json()["steps"]}
        assert "topic_rule" in told
        assert not told & {"key_valid", "acts", "statement", "no_public_key", "application_scope"}
        assert "No pay" not in answer.content.decode()
        assert "No pay" in client_of(admin).get(path, asked).content.decode()
    asked = {"who": erp.key.prefix, "collection": str(collection.pk)}
    assert client_of(alice).get(path, asked).status_code == 400
    assert client_of(admin).get(path, asked).status_code == 200


def test_who_does_not_manage_the_members_is_told_nothing(
    erp: Program,
    bob: User,
    carol: User,
    workspace: Workspace,
    collection: Collection,
    client_of: In,
) -> None:
    asked = {"who": "ERP", "collection": str(collection.pk)}
    path = f"/api/v1/workspaces/{workspace.slug}/why"
    assert client_of(bob).get(path, asked).status_code == 403
    assert client_of(carol).get(path, asked).status_code == 404
    assert "10.0" not in client_of(bob).get(path, asked).content.decode()
