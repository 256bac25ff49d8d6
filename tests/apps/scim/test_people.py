"""People whom another system tells of: made, found, changed, ended."""

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.directory.models import Identity, MappingRule
from apps.scim.models import ProvisioningCall
from tests import factories
from tests.apps.scim.conftest import USER

pytestmark = pytest.mark.django_db
NO_TIME = "0001-01-01T00:00:00+14:00"  # in UTC it is before the first year


def test_a_person_is_made_read_and_found(entra):
    number = entra.person(
        "erin@acme.example",
        displayName="Erin Weiss",
        externalId="7",
        emails=[{"value": "e@a.example", "primary": True}],
    )
    user = User.objects.get(email="e@a.example")
    assert (user.name, user.is_active, user.has_usable_password()) == ("Erin Weiss", True, False)
    said = entra("get", f"Users/{number}").json()
    assert (said["userName"], said["active"], said["externalId"]) == (
        "erin@acme.example",
        True,
        "7",
    )
    assert said["meta"]["location"].endswith(f"/scim/v2/Users/{number}")
    for text in (
        'userName eq "ERIN@acme.example"',
        'externalId eq "7" and active eq true',
        'userName sw "er" or displayName co "nobody"',
        'emails[type eq "work"].value eq "e@a.example"',
        f'id eq "{number}"',
    ):
        found = entra("get", "Users", {"filter": text}).json()
        assert [each["id"] for each in found["Resources"]] == [number], text
    nobody = entra("get", "Users", {"filter": 'userName eq "nobody"'}).json()
    assert (nobody["totalResults"], nobody["Resources"]) == (0, [])


def test_pages_begin_at_one_and_attributes_are_chosen(entra):
    names = [entra.person(f"p{n}@acme.example") for n in range(5)]
    page = entra("get", "Users", {"startIndex": 2, "count": 2, "attributes": "userName"}).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
    assert [each["id"] for each in page["Resources"]] == names[1:3]
    assert set(page["Resources"][0]) == {"schemas", "id", "userName"}
    assert entra("get", "Users", {"count": 0}).json()["totalResults"] == 5


def test_a_name_that_is_taken_is_a_conflict_of_uniqueness(entra):
    entra.person("erin@acme.example")
    answer = entra("post", "Users", {"schemas": [USER], "userName": "ERIN@acme.example"})
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_a_local_account_is_not_taken_over_by_its_address(entra, alice):
    answer = entra("post", "Users", {"schemas": [USER], "userName": alice.email})
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    assert not Identity.objects.filter(user=alice).exists()
    assert ProvisioningCall.objects.get().said.startswith("There is a local account")


def test_whoever_is_not_active_any_more_loses_sessions_and_keys(entra):
    number = entra.person("erin@acme.example")
    user = User.objects.get(email="erin@acme.example")
    browser = Client()
    browser.force_login(user)
    _row, key = factories.make_api_key(user)
    assert browser.get("/").status_code == 200
    answer = entra.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": False})
    assert answer.json()["active"] is False
    assert browser.get("/").status_code == 302
    asked = Client().get("/api/v1/me", headers={"authorization": f"Bearer {key}"})
    assert asked.status_code == 401
    entra.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": True})
    assert User.objects.get(pk=user.pk).is_active


def test_who_was_deactivated_by_hand_stays_so_whatever_is_said(entra, admin):
    number = entra.person("erin@acme.example")
    user = User.objects.get(email="erin@acme.example")
    browser = Client()
    browser.force_login(admin)
    entra.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": False})
    User.objects.filter(pk=user.pk).update(is_active=True)
    browser.post(f"/administration/people/{user.pk}/deactivate")
    entra.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": True})
    assert not User.objects.get(pk=user.pk).is_active


def test_what_is_deleted_is_gone_and_stands_in_nobodys_way(entra):
    number = entra.person("erin@acme.example", externalId="7")
    user = User.objects.get(email="erin@acme.example")
    assert entra("delete", f"Users/{number}").status_code == 204
    assert entra("get", f"Users/{number}").status_code == 404
    assert entra("delete", f"Users/{number}").status_code == 404
    assert not User.objects.get(pk=user.pk).is_active
    other = entra.person("erin@acme.example", externalId="8")
    assert other != number
    assert User.objects.get(email="erin@acme.example").pk != user.pk


def test_who_comes_back_with_the_same_external_id_is_the_same_person(entra):
    number = entra.person("erin@acme.example", externalId="7")
    user = User.objects.get(email="erin@acme.example")
    entra("delete", f"Users/{number}")
    assert entra.person("erin@acme.example", externalId="7") == number
    again = User.objects.get(pk=user.pk)
    assert (again.is_active, again.email) == (True, "erin@acme.example")


def test_who_comes_back_may_come_in_though_nobody_says_that_they_are_active(entra):
    entra.person("erin@acme.example", externalId="7")
    user = User.objects.get(email="erin@acme.example")
    (row,) = entra("get", "Users").json()["Resources"]
    entra("delete", f"Users/{row['id']}")
    body = {"schemas": [USER], "userName": "erin@acme.example", "externalId": "7"}
    back = entra("post", "Users", body)
    assert (back.status_code, back.json()["active"]) == (201, True)
    assert User.objects.get(pk=user.pk).is_active


def test_who_became_an_administrator_here_is_neither_renamed_nor_ended_from_outside(entra):
    number = entra.person("erin@acme.example", displayName="Erin")
    User.objects.filter(email="erin@acme.example").update(
        is_administrator=True, email="own@acme.example"
    )
    for path, value in (("active", False), ("userName", "eve@evil.example")):
        answer = entra.patch(f"Users/{number}", {"op": "replace", "path": path, "value": value})
        assert (answer.status_code, answer.json()["status"]) == (403, "403")
    mail = {"op": "replace", "path": "emails", "value": [{"value": "eve@evil.example"}]}
    assert entra.patch(f"Users/{number}", mail).status_code == 403
    assert entra("delete", f"Users/{number}").status_code == 403
    named = {"op": "replace", "path": "displayName", "value": "Erin Weiss"}
    assert entra.patch(f"Users/{number}", named).status_code == 200
    user = User.objects.get(name="Erin Weiss")
    assert (user.email, user.is_active, user.is_administrator) == ("own@acme.example", True, True)


def test_whom_a_rule_of_the_source_made_an_administrator_is_ended_by_it(entra):
    MappingRule.objects.create(source=entra.row.source, outside="Admins", is_administrator=True)
    number = entra.person("erin@acme.example")
    entra.group("Admins", number)
    user = User.objects.get(email="erin@acme.example")
    assert user.is_administrator
    entra.patch(f"Users/{number}", {"op": "replace", "path": "active", "value": False})
    user.refresh_from_db()
    assert (user.is_active, user.is_administrator) == (False, False)


def test_a_version_that_is_not_the_last_is_refused(entra):
    number = entra.person("erin@acme.example")
    first = entra("get", f"Users/{number}")
    tag = first["ETag"]
    assert first.json()["meta"]["version"] == tag
    assert entra("get", f"Users/{number}", **{"if-none-match": tag}).status_code == 304
    entra.patch(f"Users/{number}", {"op": "replace", "path": "displayName", "value": "E"})
    body = {"schemas": [USER], "userName": "erin@acme.example"}
    assert entra("put", f"Users/{number}", body, **{"if-match": tag}).status_code == 412
    now = entra("get", f"Users/{number}")["ETag"]
    assert entra("put", f"Users/{number}", body, **{"if-match": now}).status_code == 200


def test_a_put_that_leaves_active_out_ends_nobody(entra):
    number = entra.person("erin@acme.example")
    answer = entra("put", f"Users/{number}", {"schemas": [USER], "userName": "weiss@acme.example"})
    assert (answer.json()["userName"], answer.json()["active"]) == ("weiss@acme.example", True)


def test_errors_are_in_the_shape_of_scim(entra):
    for status, kind, answer in (
        (400, "invalidFilter", entra("get", "Users", {"filter": 'userName zz "a"'})),
        (400, "invalidFilter", entra("get", "Users", {"filter": 'shoeSize eq "a"'})),
        (400, "invalidFilter", entra("get", "Users", {"filter": "(" * 400})),
        (400, "invalidFilter", entra("get", "Users", {"filter": f'meta.created ge "{NO_TIME}"'})),
        (400, "invalidValue", entra("post", "Users", {"schemas": [USER]})),
        (400, "invalidFilter", entra("get", "Users", {"filter": 'userName eq "\\u0000"'})),
        (400, "invalidFilter", entra("get", "Users", {"filter": 'userName eq "\\ud800"'})),
        (400, "invalidSyntax", entra("post", "Users", "{")),
        (
            400,
            "invalidValue",
            entra("post", "Users", '{"userName": "a", "displayName": "\\ud800"}'),
        ),
        (
            400,
            "invalidValue",
            entra("post", "Users", '{"userName": "a", "displayName": "\\u0000"}'),
        ),
        (404, None, entra("get", "Users/nobody")),
        (404, None, entra("get", "Devices")),
        (405, None, entra("delete", "Users")),
        (501, None, entra("post", "Bulk", {})),
    ):
        said = answer.json()
        assert (answer.status_code, said.get("scimType"), said["status"]) == (
            status,
            kind,
            str(status),
        ), said
        assert answer["Content-Type"] == "application/scim+json"
        assert said["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_a_search_may_be_posted(entra):
    number = entra.person("erin@acme.example")
    body = {"filter": 'userName eq "erin@acme.example"', "attributes": ["userName"], "count": 5}
    found = entra("post", "Users/.search", body).json()
    assert [each["id"] for each in found["Resources"]] == [number]
    assert "meta" not in found["Resources"][0]
