"""The pages with which an administrator sets a directory up, through a browser."""

import pytest

from apps.core.sealing import unseal
from apps.directory import sync
from apps.directory.mapping import source_of
from apps.directory.models import Directory, DirectoryRun, MappingRule
from apps.permissions.scope import system_scope
from tests import factories, slapd

pytestmark = pytest.mark.django_db
HOME = "/administration/directory"


def typed(server, **fields):
    """What somebody types who knows the directory."""
    return {
        "name": "main",
        "preset": "ldap",
        "addresses": server.tls_url,
        "ca": server.ca,
        "bind_dn": slapd.READER,
        "password": slapd.READER_PASSWORD,
        "user_bases": slapd.PEOPLE,
        "user_filter": "(objectClass=inetOrgPerson)",
        "group_bases": slapd.GROUPS,
        "group_filter": "(objectClass=groupOfNames)",
        "key_attribute": "entryUUID",
        "login_attribute": "uid",
        "name_attribute": "cn",
        "mail_attribute": "mail",
        "timeout_s": 2,
        "every_minutes": 60,
        **fields,
    }


@pytest.fixture
def browser(admin, client_of):
    return client_of(admin)


def steps(answer):
    return [(step.is_passed, step.code) for step in answer.context["steps"]]


def test_a_directory_is_typed_in_tested_and_saved(browser, server):
    assert steps(browser.post(f"{HOME}/test", typed(server))) == [(True, "")] * 7
    assert browser.post(f"{HOME}/new", typed(server, is_on="on")).status_code == 302
    row = Directory.objects.get()
    assert (row.is_on, unseal(row.secret)) == (True, slapd.READER_PASSWORD)
    page = browser.get(f"{HOME}/{row.pk}/edit").content.decode()
    assert slapd.READER_PASSWORD not in page
    assert row.secret not in page


def test_a_service_account_without_its_password_is_not_saved(browser, server):
    refused = browser.post(f"{HOME}/new", typed(server, password=""))
    assert refused.status_code == 422
    assert "A service account needs its password." in refused.content.decode()
    assert browser.post(f"{HOME}/new", typed(server, password="", bind_dn="")).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "passed", "code"),
    [
        ({"addresses": "ldaps://no-such-host.invalid"}, 0, "DIRECTORY_NAME"),
        ({"addresses": "ldap://127.0.0.1:1"}, 1, "DIRECTORY_DOWN"),
        ({"ca": ""}, 2, "DIRECTORY_TLS"),
        ({"password": "wrong"}, 3, "DIRECTORY_PASSWORD"),
        ({"user_bases": "ou=Gone,dc=acme,dc=example"}, 4, "DIRECTORY_BASE"),
        ({"user_filter": "(objectClass=nothing"}, 5, "DIRECTORY_FILTER"),
        ({"user_filter": "(objectClass=device)"}, 5, "DIRECTORY_EMPTY"),
        ({"key_attribute": "employeeNumber"}, 5, "DIRECTORY_KEY"),
    ],
)
def test_a_test_stops_at_the_first_wrong_step(browser, server, wrong, passed, code):
    found = steps(browser.post(f"{HOME}/test", typed(server, **wrong)))
    assert found == [(True, "")] * passed + [(False, code)]
    assert not Directory.objects.exists()


def test_what_is_no_address_is_said_at_its_field(browser, server):
    answer = browser.post(f"{HOME}/new", typed(server, addresses="https://dc1"))
    assert answer.status_code == 422
    assert "ldap://" in str(answer.context["form"].errors["addresses"])


def test_the_stored_password_is_not_sent_to_another_server(browser, directory, server):
    moved = typed(server, addresses="ldap://127.0.0.1:1", password="")
    url = f"{HOME}/{directory.pk}/edit"
    assert browser.post(url, moved).status_code == 422
    answer = browser.post(f"{HOME}/test?directory={directory.pk}", moved)
    assert "steps" not in answer.context
    same = typed(server, password="", timeout_s=3)
    assert browser.post(url, same).status_code == 302


def test_without_a_local_administrator_it_is_not_turned_on(client_of, server):
    alone = factories.make_user("alone", is_administrator=True, password=None)
    answer = client_of(alone).post(f"{HOME}/new", typed(server, is_on="on"))
    assert answer.status_code == 422
    assert not Directory.objects.exists()


def test_the_tree_is_browsed_and_a_group_mapped_from_it(browser, directory):
    answer = browser.get(f"{HOME}/{directory.pk}/tree")
    assert [dn for dn, _ in answer.context["children"]] == [slapd.BASE]
    page = browser.get(f"{HOME}/{directory.pk}/tree", {"base": slapd.GROUPS}).content.decode()
    assert "cn=finance" in page
    group = factories.make_group("Finance")
    url = f"{HOME}/mapping/{directory.source_id}"
    data = {"outside": slapd.group("finance"), "gives": f"group:{group.pk}"}
    assert browser.post(url, data).status_code == 302
    assert "Finance" in browser.get(f"{HOME}/{directory.pk}").content.decode()


def test_rules_give_roles_and_the_administration_and_can_be_removed(browser, directory, workspace):
    url = f"{HOME}/mapping/{directory.source_id}"
    browser.post(url, {"outside": "a", "gives": f"workspace:{workspace.pk}", "role": "manager"})
    browser.post(url, {"outside": "b", "gives": "administrator"})
    rules = list(MappingRule.objects.order_by("outside"))
    assert (rules[0].role, rules[1].is_administrator) == ("manager", True)
    assert "Procurement: manager" in browser.get(url).content.decode()
    browser.post(f"{url}/{rules[0].pk}/remove")
    assert MappingRule.objects.count() == 1


def test_a_rule_gives_an_own_role_which_then_cannot_be_deleted(browser, directory, workspace):
    role = factories.make_role("Librarian")
    url = f"{HOME}/mapping/{directory.source_id}"
    said = {"outside": "a", "gives": f"workspace:{workspace.pk}", "role": str(role.pk)}
    assert browser.post(url, said).status_code == 302
    assert "Procurement: Librarian" in browser.get(url).content.decode()
    refused = browser.post(f"/administration/roles/{role.pk}/delete")
    assert refused.status_code == 409
    assert "A rule for groups outside gives this role." in refused.content.decode()
    browser.post(f"{url}/{MappingRule.objects.get().pk}/remove")
    assert browser.post(f"/administration/roles/{role.pk}/delete").status_code == 302
    gone = browser.post(url, said)
    assert (gone.status_code, MappingRule.objects.count()) == (422, 0)


def test_a_dry_run_is_started_and_read(browser, directory):
    Directory.objects.update(prepares=True)
    assert browser.post(f"{HOME}/{directory.pk}/run", {"dry": "1"}).status_code == 302
    assert browser.post(f"{HOME}/{directory.pk}/run", {"dry": "1"}).status_code == 409
    with system_scope("test: the worker"):
        sync.sync(DirectoryRun.objects.get().pk)
    page = browser.get(f"{HOME}/{directory.pk}").content.decode()
    assert "Anna Example" in page
    assert "is prepared" in page


def test_a_run_that_asks_is_confirmed_with_the_number_that_was_seen(browser, directory):
    run = DirectoryRun.objects.create(directory=directory, state="asking", to_remove=12)
    url = f"{HOME}/{directory.pk}/confirm"
    assert browser.post(url, {"people": "11"}).status_code == 409
    assert browser.post(url, {"people": "12"}).status_code == 302
    assert DirectoryRun.objects.exclude(pk=run.pk).get().may_remove == 12


def test_others_than_administrators_see_none_of_it(client_of, alice, directory):
    source = source_of("ldap:main")
    for url in (HOME, f"{HOME}/{directory.pk}", f"{HOME}/mapping/{source.pk}", f"{HOME}/new"):
        assert client_of(alice).get(url).status_code == 403


def test_what_the_environment_says_wins(browser, server, settings):
    settings.LDAP = {
        "addresses": (server.url,),
        "preset": "ldap",
        "bind_dn": slapd.READER,
        "bind_password": slapd.READER_PASSWORD,
        "user_bases": (slapd.PEOPLE,),
    }
    browser.get(HOME)
    row = Directory.objects.get()
    assert row.source.origin == "ldap:main"
    assert "bind_password" in browser.get(f"{HOME}/{row.pk}/edit").content.decode()
    with system_scope("test: listed"):
        assert len(sync.listed(row)) == 20
