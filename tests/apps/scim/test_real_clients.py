"""Requests as Microsoft Entra ID and Okta send them, word for word but for ids and names."""

import pytest

from apps.accounts.models import User
from tests.apps.scim.conftest import GROUP, PATCH, USER

pytestmark = pytest.mark.django_db
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_entra_looks_for_a_name_that_is_not_there_and_makes_the_person(entra):
    looked = entra("get", "Users", {"filter": 'userName eq "erin@acme.onmicrosoft.com"'})
    assert looked.json()["totalResults"] == 0
    assert looked.json()["Resources"] == []
    answer = entra(
        "post",
        "Users",
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": "erin",
            "userName": "erin@acme.onmicrosoft.com",
            "active": True,
            "addresses": [{"primary": False, "type": "work", "country": "DE", "formatted": None}],
            "displayName": "Erin Weiß",
            "emails": [{"primary": True, "type": "work", "value": "erin@acme.example"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Erin Weiß", "familyName": "Weiß", "givenName": "Erin"},
            "phoneNumbers": [{"primary": True, "type": "mobile", "value": "555-555-5555"}],
            "preferredLanguage": None,
            "roles": [],
            "title": None,
            ENTERPRISE: {"department": "Purchasing", "employeeNumber": "42"},
        },
    )
    assert answer.status_code == 201, answer.content
    assert "555" not in answer.content.decode()
    assert "Purchasing" not in answer.content.decode()
    assert User.objects.get(email="erin@acme.example").name == "Erin Weiß"


def test_entra_changes_with_capitals_texts_and_paths_of_what_is_not_there(entra):
    number = entra.person("erin@acme.example")
    answer = entra.patch(
        f"Users/{number}",
        {"op": "Replace", "path": "displayName", "value": "Erin Schwarz"},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "schwarz@acme.example"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "555"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "8d2e"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "buyer"},
        {"op": "Add", "path": "title", "value": None},
        {"op": "Replace", "value": {"name.givenName": "Erin", "name.familyName": "Schwarz"}},
    )
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["name"] == {"givenName": "Erin", "familyName": "Schwarz"}
    user = User.objects.get(email="schwarz@acme.example")
    assert user.name == "Erin Schwarz"
    answer = entra.patch(f"Users/{number}", {"op": "Replace", "path": "active", "value": "False"})
    assert answer.json()["active"] is False
    assert not User.objects.get(pk=user.pk).is_active
    entra.patch(f"Users/{number}", {"op": "Replace", "path": "active", "value": "True"})
    assert User.objects.get(pk=user.pk).is_active


def test_entra_adds_and_removes_members_by_value(entra):
    people = [entra.person(f"p{n}@acme.example") for n in range(3)]
    answer = entra(
        "post",
        "Groups",
        {
            "schemas": [
                GROUP,
                "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
            ],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Buyers",
            "members": [],
            "meta": {"resourceType": "Group"},
        },
    )
    assert answer.status_code == 201, answer.content
    group = answer.json()["id"]
    looked = entra(
        "get", "Groups", {"excludedAttributes": "members", "filter": 'displayName eq "Buyers"'}
    )
    assert looked.json()["Resources"][0]["id"] == group
    added = [{"$ref": None, "value": each} for each in people]
    entra.patch(f"Groups/{group}", {"op": "Add", "path": "members", "value": added})
    entra.patch(f"Groups/{group}", {"op": "Remove", "path": "members", "value": added[:1]})
    entra.patch(f"Groups/{group}", {"op": "Remove", "path": f'members[value eq "{people[1]}"]'})
    members = entra("get", f"Groups/{group}").json()["members"]
    assert [each["value"] for each in members] == people[2:]
    asked = {"filter": f'id eq "{group}" and members eq "{people[2]}"'}
    assert entra("get", "Groups", asked).json()["totalResults"] == 1


def test_okta_makes_replaces_and_deactivates(entra):
    body = {
        "schemas": [USER],
        "userName": "erin@acme.example",
        "name": {"givenName": "Erin", "familyName": "Weiss"},
        "emails": [{"primary": True, "value": "erin@acme.example", "type": "work"}],
        "displayName": "Erin Weiss",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    made = entra("post", "Users", body)
    assert made.status_code == 201, made.content
    assert "1mz050nq" not in made.content.decode()
    number = made.json()["id"]
    user = User.objects.get(email="erin@acme.example")
    assert not user.has_usable_password()
    put = entra("put", f"Users/{number}", {**body, "id": number, "displayName": "E. Weiss"})
    assert (put.status_code, put.json()["displayName"]) == (200, "E. Weiss")
    off = entra.patch(f"Users/{number}", {"op": "replace", "value": {"active": False}})
    assert (off.status_code, off.json()["active"]) == (200, False)
    assert not User.objects.get(pk=user.pk).is_active
    looked = entra(
        "get", "Users", {"filter": 'userName eq "erin@acme.example"', "startIndex": 1, "count": 100}
    )
    assert looked.json()["Resources"][0]["active"] is False


def test_okta_repeats_the_id_of_a_group_in_what_it_replaces(entra):
    erin = entra.person("erin@acme.example")
    group = entra.group("Buyers", erin)
    answer = entra(
        "patch",
        f"Groups/{group}",
        {
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "value": {"id": group, "displayName": "Purchasing"}}],
        },
    )
    assert (answer.status_code, answer.json()["displayName"]) == (200, "Purchasing")
    both = entra.patch(
        f"Groups/{group}",
        {"op": "remove", "path": f'members[value eq "{erin}"]'},
        {
            "op": "add",
            "path": "members",
            "value": [{"value": erin, "display": "erin@acme.example"}],
        },
    )
    assert [each["value"] for each in both.json()["members"]] == [erin]
    asked = {"startIndex": 1, "count": 100}
    assert entra("get", "Groups", asked).json()["totalResults"] == 1


def test_a_patch_that_fails_in_its_middle_changes_nothing(entra):
    number = entra.person("erin@acme.example", displayName="Erin")
    answer = entra.patch(
        f"Users/{number}",
        {"op": "replace", "path": "displayName", "value": "Other"},
        {"op": "replace", "path": "userName", "value": ""},
    )
    assert answer.status_code == 400
    assert entra("get", f"Users/{number}").json()["displayName"] == "Erin"
