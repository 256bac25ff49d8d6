"""A real Active Directory: signing in, nested groups, accounts that do not count, leavers, names."""

from collections.abc import Callable, Iterator
from typing import Any

import ldap
import pytest
from django.test import Client

from apps.accounts.models import GroupMember, User
from apps.core.sealing import seal
from apps.directory.config import settings_of
from apps.directory.ldap.connecting import connected
from apps.directory.ldap.reading import search
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.mapping import source_of
from apps.directory.models import Directory, DirectoryRun, Identity, MappingRule
from apps.directory.sync import sync, watch
from apps.directory.trying import tried
from apps.permissions.scope import system_scope
from tests import factories, samba

# About half a minute to provision a domain.
pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[samba.Samba]:
    if reason := samba.missing():
        pytest.skip(reason)
    with samba.running(tmp_path_factory.mktemp("samba") / "dc") as one:
        yield one


@pytest.fixture
def directory(domain: samba.Samba) -> Directory:
    factories.make_user("root", is_administrator=True)
    return Directory.objects.create(
        source=source_of("ldap:main"),
        **PRESETS[Preset.ACTIVE_DIRECTORY],
        preset=Preset.ACTIVE_DIRECTORY,
        addresses=samba.URL,
        ca=domain.ca,
        bind_dn=samba.READER,
        secret=seal(samba.PASSWORD),
        user_bases=samba.STAFF,
        group_bases=f"{samba.GROUPS}\nCN=Users,{samba.BASE}",
        is_on=True,
        prepares=True,
        timeout_s=10,
    )


@pytest.fixture
def give(directory: Directory) -> Callable[[str], Any]:
    """``give("office")``: that group of the domain gives a group here, which is returned."""

    def make(outside: str) -> Any:
        group = factories.make_group(f"{outside} here")
        MappingRule.objects.create(source=directory.source, outside=outside, group=group)
        return group

    return make


def _run(directory: Directory, *, is_dry: bool = False) -> DirectoryRun:
    run = DirectoryRun.objects.create(directory=directory, is_dry=is_dry)
    with system_scope("test: a run"):
        sync(run.pk)
    run.refresh_from_db()
    return run


def _signs_in(name: str, password: str = "") -> bool:
    browser = Client()
    browser.post(
        "/sign-in",
        {"username": name, "password": password or f"Secret-{name.partition('@')[0].lower()}-1"},
    )
    return "_auth_user_id" in browser.session


def _in(group: Any) -> list[str]:
    rows = GroupMember.objects.filter(group=group)
    return sorted(rows.values_list("user__login", flat=True))


def test_every_step_of_a_test_passes(directory: Directory) -> None:
    with system_scope("test: every step"):
        steps = tried(settings_of(directory))
    assert [step.code for step in steps] == [""] * 7


def test_people_sign_in_by_account_name_upn_and_address(directory: Directory) -> None:
    assert _signs_in("anna")
    assert _signs_in("ANNA@acme.example")
    assert not _signs_in("anna", "wrong-Secret-1")
    assert not _signs_in("anna", " ")
    assert User.objects.get(login="anna").email == "anna@acme.example"
    assert Identity.objects.count() == 1


@pytest.mark.parametrize("name", ["clara", "david"])
def test_a_disabled_and_an_expired_account_stay_outside(directory: Directory, name: str) -> None:
    assert not _signs_in(name)
    assert not User.objects.filter(login=name).exists()
    _run(directory)
    assert not User.objects.filter(login=name).exists()


def test_nested_groups_count_at_sign_in_and_in_a_run(
    directory: Directory, give: Callable[[str], Any]
) -> None:
    audit, office, crowd = give("audit"), give(samba.group("office")), give("crowd")
    everybody = give("Domain Users")
    assert _signs_in("anna")
    assert [_in(each) for each in (audit, office, crowd, everybody)] == [["anna"]] * 4
    _run(directory)
    assert _in(audit) == ["anna"]
    assert _in(office) == ["anna", "ben"]
    assert _in(crowd) == ["anna"]
    assert _in(everybody) == ["anna", "ben", "emma"]
    again = _run(directory, is_dry=True)
    assert (again.state, again.counts) == ("done", {})


def test_a_dry_run_says_who_would_come_and_changes_nothing(directory: Directory) -> None:
    run = _run(directory, is_dry=True)
    assert (run.seen, run.counts) == (5, {"joins": 3})
    assert not Identity.objects.exists()


def test_a_group_that_comes_in_slices_has_all_its_members(
    directory: Directory, domain: samba.Samba
) -> None:
    """Samba gives slices only when it is asked for one; Windows does by itself beyond 1,500."""
    with connected(settings_of(directory)) as connection:
        asked = ["member;range=0-99"]
        rows = list(search(connection, samba.GROUPS, "(cn=crowd)", asked))
    assert [len(found["member"]) for _dn, found in rows] == [samba.CROWD]


def test_another_name_keeps_the_account(directory: Directory, domain: samba.Samba) -> None:
    _run(directory)
    before = User.objects.get(login="emma")
    connection = domain.admin()
    connection.rename_s(samba.person("emma"), "CN=Emma Schmidt")
    moved = f"CN=Emma Schmidt,{samba.STAFF}"
    changes = [
        (ldap.MOD_REPLACE, "sAMAccountName", b"schmidt"),
        (ldap.MOD_REPLACE, "displayName", b"Emma Schmidt"),
        (ldap.MOD_REPLACE, "mail", b"schmidt@acme.example"),
    ]
    connection.modify_s(moved, changes)
    try:
        _run(directory)
        after = User.objects.get(pk=before.pk)
        assert (after.login, after.name) == ("schmidt", "Emma Schmidt")
        assert after.email == "schmidt@acme.example"
        assert _signs_in("schmidt", "Secret-emma-1")
        assert Identity.objects.filter(user=after).count() == 1
    finally:
        back = [
            (ldap.MOD_REPLACE, "sAMAccountName", b"emma"),
            (ldap.MOD_REPLACE, "displayName", b"emma Muster"),
            (ldap.MOD_REPLACE, "mail", b"emma@acme.example"),
        ]
        connection.modify_s(moved, back)
        connection.rename_s(moved, "CN=Emma Muster")
        connection.unbind_s()


def test_who_is_disabled_is_out_at_the_next_look_and_comes_back(
    directory: Directory, domain: samba.Samba
) -> None:
    _run(directory)
    browser = Client()
    browser.force_login(User.objects.get(login="ben"))
    connection = domain.admin()
    _control(connection, "ben", 0x202)
    try:
        with system_scope("test: the clock"):
            watch()
        assert not User.objects.get(login="ben").is_active
        assert browser.get("/").status_code == 302
        assert not _signs_in("ben")
    finally:
        _control(connection, "ben", 0x200)
        connection.unbind_s()
    _run(directory)
    assert User.objects.get(login="ben").is_active
    assert _signs_in("ben")


def _control(connection: Any, name: str, value: int) -> None:
    changes = [(ldap.MOD_REPLACE, "userAccountControl", str(value).encode())]
    connection.modify_s(samba.person(name), changes)
