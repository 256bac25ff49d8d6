"""What groups of an outside source give, and what they take back."""

import pytest

from apps.accounts import groups as verbs
from apps.accounts.models import GroupMember
from apps.directory.mapping import apply_groups, fold, name_in, source_of
from apps.directory.models import GivenAdministrator, MappingRule
from apps.events.models import Event
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import system_scope
from apps.workspaces import services
from apps.workspaces.models import Member
from apps.workspaces.scopes import scope_of
from tests import factories

pytestmark = pytest.mark.django_db
ORIGIN = "ldap:main"
FINANCE = "cn=Finance,ou=Groups,dc=acme,dc=cn"


def rule(outside, origin=ORIGIN, **gives):
    return MappingRule.objects.create(source=source_of(origin), outside=outside, **gives)


def groups_of(user):
    return set(user.kb_groups.values_list("name", flat=True))


def test_two_writings_of_a_dn_are_the_same():
    assert fold(" CN=Finance, OU=Groups,DC=acme ") == fold("cn=finance,ou=groups,dc=ACME")
    assert fold(r"cn=a\, b,dc=x") == r"cn=a\, b,dc=x"
    assert (name_in("CN=Finance,DC=x"), name_in("ou=Finance,dc=x")) == ("finance", "")


def test_a_group_outside_gives_a_group_here(carol):
    rule(FINANCE, group=factories.make_group("Finance"))
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE.upper()})
    assert groups_of(carol) == {"Finance"}


def test_a_group_that_is_left_outside_is_left_here(carol):
    rule(FINANCE, group=factories.make_group("Finance"))
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    assert groups_of(carol) == set()


def test_what_was_set_by_hand_stays(carol):
    group = factories.make_group("Finance", carol)
    rule(FINANCE, group=group)
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    assert GroupMember.objects.filter(user=carol).count() == 2
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    assert groups_of(carol) == {"Finance"}


def test_what_another_origin_gave_stays(carol):
    group = factories.make_group("Finance")
    rule("*", group=group)
    rule("staff", "oidc:acme", group=group)
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    apply_groups(user=carol, origin="oidc:acme", groups={"staff"})
    apply_groups(user=carol, origin="oidc:acme", groups=set())
    assert groups_of(carol) == {"Finance"}


def test_a_role_in_a_workspace_stands_beside_the_one_by_hand(carol, workspace):
    factories.make_member(workspace, carol)
    rule("ou=Buyers,dc=acme,dc=cn", workspace_id=workspace.pk, role=Role.MANAGER)
    apply_groups(user=carol, origin=ORIGIN, groups={"OU=Buyers,DC=acme,DC=cn"})
    held = scope_of(carol).workspaces[workspace.pk]
    assert "member.manage" in held
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    assert "member.manage" not in scope_of(carol).workspaces[workspace.pk]
    assert workspace.pk in scope_of(carol).workspaces


def test_a_rule_by_name_matches_groups_and_no_organisational_unit(carol):
    rule("finance", group=factories.make_group("Finance"))
    apply_groups(user=carol, origin=ORIGIN, groups={"ou=finance,dc=acme"})
    assert groups_of(carol) == set()
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    assert groups_of(carol) == {"Finance"}


def test_an_administrator_by_mapping_is_one_no_longer_without_it(admin, carol):
    rule(FINANCE, is_administrator=True)
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    carol.refresh_from_db()
    assert carol.is_administrator
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    carol.refresh_from_db()
    assert not carol.is_administrator


def test_an_administrator_by_hand_cannot_be_mapped_away(admin, carol):
    factories.make_user("other", is_administrator=True)
    rule(FINANCE, is_administrator=True)
    apply_groups(user=admin, origin=ORIGIN, groups={FINANCE})
    apply_groups(user=admin, origin=ORIGIN, groups=set())
    admin.refresh_from_db()
    assert admin.is_administrator


def test_two_sources_make_an_administrator_until_both_take_it_back(admin, carol):
    rule(FINANCE, is_administrator=True)
    rule("boss", "oidc:acme", is_administrator=True)
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    apply_groups(user=carol, origin="oidc:acme", groups={"boss"})
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    carol.refresh_from_db()
    assert carol.is_administrator
    apply_groups(user=carol, origin="oidc:acme", groups=set())
    carol.refresh_from_db()
    assert not carol.is_administrator
    assert not GivenAdministrator.objects.exists()


def test_the_last_administrator_stays_one(carol):
    rule(FINANCE, is_administrator=True)
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE})
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    carol.refresh_from_db()
    assert carol.is_administrator
    assert Event.objects.filter(kind="directory.last_administrator").exists()


def test_without_a_difference_nothing_is_written(carol, django_assert_max_num_queries):
    rule("*", group=factories.make_group("All"))
    assert apply_groups(user=carol, origin=ORIGIN, groups=set())
    with django_assert_max_num_queries(9):
        assert not apply_groups(user=carol, origin=ORIGIN, groups=set())
    assert Event.objects.filter(kind="directory.mapped").count() == 1


def test_what_is_no_origin_is_refused(carol):
    for origin in ("", "ldap", "ldap:", "magic:x"):
        with pytest.raises(ValueError, match="not an origin"):
            apply_groups(user=carol, origin=origin, groups=set())


def test_a_membership_from_outside_is_not_removed_by_hand(admin, carol, client_of):
    group = factories.make_group("Finance")
    rule("*", group=group)
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    browser = client_of(admin)
    url = f"/administration/groups/{group.pk}"
    assert b"ldap:main" in browser.get(url).content
    answer = browser.post(f"{url}/members/{carol.pk}/remove")
    assert answer.status_code == 409
    assert groups_of(carol) == {"Finance"}


def test_a_role_from_outside_is_not_changed_by_hand(alice, carol, workspace, client_of):
    rule("*", workspace_id=workspace.pk, role=Role.VIEWER)
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    with system_scope("test: the row"):
        member = Member.objects.get(user=carol, workspace=workspace)
    url = f"/w/{workspace.slug}/members"
    browser = client_of(alice)
    assert b"ldap:main" in browser.get(url).content
    assert browser.post(f"{url}/{member.pk}/role", {"role": "manager"}).status_code == 409
    assert browser.post(f"{url}/{member.pk}/remove").status_code == 409


def test_a_person_with_two_reasons_is_counted_once(admin, carol, as_, client_of):
    group = factories.make_group("Finance", carol)
    rule("*", group=group)
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    with as_(admin):
        verbs.add_to_group(group=group, users=[carol])
    browser = client_of(admin)
    assert browser.get("/administration/groups").context["groups"][0].size == 1
    assert len(browser.get(f"/administration/groups/{group.pk}").context["members"]) == 1
    people = browser.get("/administration/people?q=carol").context["people"]
    assert [len(person.kb_groups.all()) for person in people] == [1]


def test_rules_of_a_workspace_end_with_it(alice, carol, workspace, as_):
    rule("*", workspace_id=workspace.pk, role=Role.VIEWER)
    with as_(alice):
        services.delete_workspace(workspace=workspace)
    assert not MappingRule.objects.exists()
    assert not apply_groups(user=carol, origin=ORIGIN, groups=set())


def test_a_rule_gives_one_of_the_installations_own_roles_and_takes_it_back(carol, workspace):
    librarian = factories.make_role("Librarian", [Permission.COLLECTION_MANAGE])
    people = factories.make_role("Personnel", [Permission.MEMBER_MANAGE])
    rule(FINANCE, workspace_id=workspace.pk, custom=librarian)
    rule("staff", workspace_id=workspace.pk, custom=people)
    apply_groups(user=carol, origin=ORIGIN, groups={FINANCE, "staff"})
    held = scope_of(carol).workspaces[workspace.pk]
    assert {"collection.manage", "member.manage"} <= held
    assert "workspace.manage" not in held
    apply_groups(user=carol, origin=ORIGIN, groups={"staff"})
    assert "collection.manage" not in scope_of(carol).workspaces[workspace.pk]
    assert not apply_groups(user=carol, origin=ORIGIN, groups={"staff"})
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    assert workspace.pk not in scope_of(carol).workspaces


def test_an_own_role_by_a_rule_is_named_in_the_event(carol, workspace):
    role = factories.make_role("Librarian", [Permission.COLLECTION_MANAGE])
    rule("*", workspace_id=workspace.pk, custom=role)
    apply_groups(user=carol, origin=ORIGIN, groups=set())
    told = Event.objects.get(kind="directory.mapped").data
    assert told["gained"] == ["Procurement: Librarian"]
