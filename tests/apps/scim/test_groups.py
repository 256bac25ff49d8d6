"""Groups give what the rules of the source say, and take it back."""

import pytest

from apps.accounts.models import GroupMember, User
from apps.directory.models import MappingRule
from apps.permissions.scope import system_scope
from apps.scim.people import settle
from apps.workspaces.models import Member
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyers(entra):
    group = factories.make_group("Buyers here")
    MappingRule.objects.create(source=entra.row.source, outside="Buyers", group=group)
    return group


def _in(group):
    rows = GroupMember.objects.filter(group=group)
    return sorted(rows.values_list("user__email", "origin"))


def test_who_comes_into_a_group_gets_what_it_gives_and_loses_it_again(entra, buyers):
    erin, zoe = entra.person("erin@acme.example"), entra.person("zoe@acme.example")
    group = entra.group("Buyers", erin)
    assert _in(buyers) == [("erin@acme.example", "scim:entra")]
    assert entra("get", f"Users/{erin}").json()["groups"] == [{"value": group, "display": "Buyers"}]
    entra.patch(f"Groups/{group}", {"op": "add", "path": "members", "value": [{"value": zoe}]})
    assert len(_in(buyers)) == 2
    entra.patch(f"Groups/{group}", {"op": "remove", "path": f'members[value eq "{erin}"]'})
    assert _in(buyers) == [("zoe@acme.example", "scim:entra")]
    assert entra("delete", f"Groups/{group}").status_code == 204
    assert _in(buyers) == []


def test_a_rule_gives_roles_and_may_name_the_id_of_a_group(entra, workspace):
    erin = entra.person("erin@acme.example")
    group = entra.group("Anything", erin)
    MappingRule.objects.create(
        source=entra.row.source, outside=group, workspace_id=workspace.pk, role="viewer"
    )
    settle(entra.row.source_id)
    with system_scope("test: members"):
        assert (
            Member.objects.filter(user__email="erin@acme.example", origin="scim:entra").count() == 1
        )
    entra.patch(f"Groups/{group}", {"op": "replace", "value": {"displayName": "Other"}})
    with system_scope("test: members"):
        assert Member.objects.filter(user__email="erin@acme.example").count() == 1


def test_a_rule_gives_an_own_role(entra, workspace):
    erin, role = entra.person("erin@acme.example"), factories.make_role("Librarian")
    MappingRule.objects.create(
        source=entra.row.source, outside="Buyers", workspace_id=workspace.pk, custom=role
    )
    group = entra.group("Buyers", erin)
    with system_scope("test: members"):
        assert Member.objects.get(user__email="erin@acme.example").custom == role
    entra.patch(f"Groups/{group}", {"op": "remove", "path": f'members[value eq "{erin}"]'})
    with system_scope("test: members"):
        assert not Member.objects.filter(custom=role).exists()


def test_another_name_of_a_group_counts_for_everybody_in_it(entra, buyers):
    erin = entra.person("erin@acme.example")
    group = entra.group("Sales", erin)
    assert _in(buyers) == []
    entra.patch(f"Groups/{group}", {"op": "replace", "path": "displayName", "value": "Buyers"})
    assert len(_in(buyers)) == 1


def test_what_was_given_by_hand_stays(entra, buyers):
    erin = entra.person("erin@acme.example")
    user = User.objects.get(email="erin@acme.example")
    GroupMember.objects.create(group=buyers, user=user)
    group = entra.group("Buyers", erin)
    entra("delete", f"Groups/{group}")
    assert _in(buyers) == [("erin@acme.example", "")]


def test_a_leaver_loses_what_groups_gave_and_gets_it_back(entra, buyers):
    erin = entra.person("erin@acme.example")
    entra.group("Buyers", erin)
    entra.patch(f"Users/{erin}", {"op": "replace", "path": "active", "value": False})
    assert _in(buyers) == []
    entra.patch(f"Users/{erin}", {"op": "replace", "path": "active", "value": True})
    assert len(_in(buyers)) == 1


def test_groups_are_found_by_name_and_by_who_is_in_them(entra):
    erin = entra.person("erin@acme.example")
    group = entra.group("Buyers", erin)
    entra.group("Sales")
    for text in ('displayName eq "buyers"', f'members eq "{erin}"', f'members[value eq "{erin}"]'):
        found = entra("get", "Groups", {"filter": text}).json()["Resources"]
        assert [each["id"] for each in found] == [group], text
    left_out = {"filter": 'displayName eq "Buyers"', "excludedAttributes": "members"}
    assert "members" not in entra("get", "Groups", left_out).json()["Resources"][0]
    assert entra("get", f"Groups/{group}").json()["members"][0]["value"] == erin


def test_a_put_replaces_the_members(entra, buyers):
    erin, zoe = entra.person("erin@acme.example"), entra.person("zoe@acme.example")
    group = entra.group("Buyers", erin)
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Buyers"}
    entra("put", f"Groups/{group}", {**body, "members": [{"value": zoe}]})
    assert [email for email, _origin in _in(buyers)] == ["zoe@acme.example"]
