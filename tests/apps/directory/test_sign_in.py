"""Signing in with a real directory, through the page."""

import ldap
import pytest
from django.test import Client

from apps.accounts.models import User
from apps.directory.mapping import source_of
from apps.directory.models import Directory, Identity, MappingRule
from apps.events.models import Event
from tests import factories, slapd

pytestmark = pytest.mark.django_db
WRONG = "The name or the password is not right."


def sign_in(name, password=None):
    """(browser, answer) of somebody who types name and password."""
    browser = Client()
    typed = {"username": name, "password": password or f"secret-{name}"}
    return browser, browser.post("/sign-in", typed)


def comes_in(name, password=None):
    browser, answer = sign_in(name, password)
    return answer.status_code == 302 and browser.get("/me").status_code in {200, 404}


def says(answer):
    return " ".join(answer.context["form"].non_field_errors())


def rule(outside, **gives):
    MappingRule.objects.create(source=source_of("ldap:main"), outside=outside, **gives)


def change(server, dn, **values):
    connection = server.admin()
    connection.modify_s(
        dn, [(ldap.MOD_REPLACE, name, [value.encode()]) for name, value in values.items()]
    )
    connection.unbind_s()


def test_a_person_of_the_directory_comes_in_and_has_an_account(directory):
    assert comes_in("wang")
    user = User.objects.get(login="wang")
    assert (user.email, user.name) == ("wang@acme.example", "Wang Example")
    assert not user.has_usable_password()


def test_the_address_works_as_well_as_the_login_name(directory):
    assert comes_in("wang@acme.example", "secret-wang")


def test_a_wrong_password_stays_outside(directory):
    _, answer = sign_in("wang", "no")
    assert (answer.status_code, says(answer)) == (422, WRONG)
    assert not User.objects.filter(login="wang").exists()


def test_somebody_unknown_reads_the_same_as_with_a_wrong_password(directory):
    assert says(sign_in("nobody", "x")[1]) == WRONG


@pytest.mark.parametrize(
    "typed", ["*", "wan*", "wang)(uid=*", "*)(objectClass=*", "wang)(|(uid=*))", "\\2a", "wang\0"]
)
def test_what_is_typed_is_no_part_of_the_filter(directory, typed):
    assert sign_in(typed, "secret-wang")[1].status_code != 302
    assert not Identity.objects.exists()


def test_nested_groups_give_what_they_map_to(directory):
    for name in ("audit", "finance", "office", "all", "sales"):
        rule(slapd.group(name), group=factories.make_group(name))
    rule(slapd.PEOPLE, group=factories.make_group("unit"))
    assert comes_in("wang")
    user = User.objects.get(login="wang")
    names = set(user.kb_groups.values_list("name", flat=True))
    assert names == {"audit", "finance", "office", "all", "unit"}


def test_a_rename_keeps_the_account(directory, server):
    assert comes_in("wang")
    before = User.objects.get(login="wang").pk
    connection = server.admin()
    connection.rename_s(slapd.person("wang"), "uid=meier")
    connection.unbind_s()
    change(server, slapd.person("meier"), mail="meier@acme.example", cn="Wang Meier")
    assert comes_in("meier", "secret-wang")
    user = User.objects.get(login="meier")
    assert (user.pk, user.email, user.name) == (before, "meier@acme.example", "Wang Meier")


def test_an_expired_account_stays_outside(directory, server):
    change(server, slapd.person("wang"), shadowExpire="1")
    assert sign_in("wang")[1].status_code == 422


def test_a_locked_account_stays_outside(directory, server):
    change(server, slapd.person("wang"), pwdAccountLockedTime="000001010000Z")
    _, answer = sign_in("wang")
    assert (answer.status_code, says(answer)) == (422, WRONG)


def test_an_account_that_is_here_is_not_taken_over(directory):
    local = factories.make_user("other", email="wang@acme.example")
    _, answer = sign_in("wang")
    assert answer.status_code == 422
    assert "local account" in says(answer)
    assert not Identity.objects.exists()
    assert says(sign_in("wang", "wrong")[1]) == WRONG
    local.refresh_from_db()
    assert local.has_usable_password()


def test_start_tls_with_a_ca_of_its_own(server, make_directory):
    make_directory(server, addresses=server.url, is_start_tls=True)
    assert comes_in("wang")


def test_a_certificate_of_another_authority_is_refused(server, make_directory):
    make_directory(server, ca="")
    _, answer = sign_in("wang")
    assert answer.status_code == 422
    assert "does not answer" in says(answer)


def test_the_next_server_answers_when_the_first_is_down(server, make_directory):
    make_directory(server, addresses=f"ldaps://127.0.0.1:1\n{server.tls_url}")
    assert comes_in("wang")


def test_with_no_server_the_local_password_works_and_others_are_told_why(directory, server):
    server.stop()
    assert comes_in("root", factories.PASSWORD) or comes_in("root@example.com", factories.PASSWORD)
    _, answer = sign_in("wang")
    assert "does not answer" in says(answer)


def test_a_second_base_is_searched_too(server, make_directory):
    make_directory(server, user_bases=f"{slapd.PEOPLE}\n{slapd.CROWD}")
    assert comes_in("extra0001")


def test_a_directory_that_is_off_lets_nobody_in(directory):
    Directory.objects.update(is_on=False)
    assert sign_in("wang")[1].status_code == 422


def test_whoever_is_deactivated_here_stays_outside(directory):
    assert comes_in("wang")
    User.objects.filter(login="wang").update(is_active=False)
    assert sign_in("wang")[1].status_code == 422


def test_a_missing_address_makes_one_that_reaches_nobody(directory, server):
    connection = server.admin()
    connection.modify_s(slapd.person("wang"), [(ldap.MOD_DELETE, "mail", None)])
    connection.unbind_s()
    assert comes_in("wang")
    assert User.objects.get(login="wang").email.endswith("@main.directory.invalid")


def test_a_login_name_that_somebody_has_is_not_taken_from_them(directory):
    factories.make_user("local", login="wang")
    assert comes_in("wang")
    assert Identity.objects.get().user.login == ""


def test_an_identifier_that_two_entries_bear_is_refused(server, make_directory):
    make_directory(server, key_attribute="sn")
    _, answer = sign_in("wang")
    assert "identifier" in says(answer)


def test_an_entry_without_an_identifier_is_refused(server, make_directory):
    make_directory(server, key_attribute="employeeNumber")
    _, answer = sign_in("wang")
    assert "identifier" in says(answer)


def test_what_came_in_is_an_event_without_secrets(directory):
    assert comes_in("wang")
    event = Event.objects.get(kind="person.added")
    assert event.data["origin"] == "ldap:main"
    assert "secret" not in str(list(Event.objects.values()))
