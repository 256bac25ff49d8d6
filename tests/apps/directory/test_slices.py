"""Attributes that a server gives in slices, as Active Directory does beyond 1,500 values."""

import re
from typing import Any

import ldap
import pytest
from ldap.controls import SimplePagedResultsControl

from apps.core.errors import AppError
from apps.directory.ldap import connecting, reading
from apps.directory.ldap.settings import Settings

DN = "CN=Crowd,OU=Groups,DC=acme,DC=example"
SETTINGS = Settings(addresses=("ldap://127.0.0.1",), group_bases=("DC=acme,DC=example",))


class Windows:
    """A server that answers as Active Directory: ``slice_of`` values of an attribute at most."""

    def __init__(self, members: list[str], *, slice_of: int = 1500) -> None:
        self.members, self.slice_of = members, slice_of
        self.asked: list[str] = []

    def get_option(self, _option: int) -> float:
        return 5.0

    def search_ext(self, _base: str, _scope: int, _filter: str, *_rest: Any, **_more: Any) -> int:
        return 1

    def result3(self, number: int, timeout: float) -> Any:
        done = SimplePagedResultsControl(criticality=True, size=0, cookie=b"")
        entry = {"cn": [b"Crowd"], "member": [], **self._from(0)}
        return ldap.RES_SEARCH_RESULT, [(DN, entry), (None, ["ldap://other"])], number, [done]

    def search_ext_s(
        self, dn: str, scope: int, _filter: str, wanted: list[str], timeout: float
    ) -> Any:
        assert (dn, scope, timeout) == (DN, ldap.SCOPE_BASE, 5.0)
        self.asked += wanted
        found = re.fullmatch(r"member;range=(\d+)-\*", wanted[0])
        assert found
        return [(dn, self._from(int(found[1])))]

    def _from(self, first: int) -> dict[str, list[bytes]]:
        values = self.members[first : first + self.slice_of]
        last = "*" if first + len(values) == len(self.members) else str(first + len(values) - 1)
        return {f"member;range={first}-{last}": [value.encode() for value in values]}


class Stuck(Windows):
    """Gives the first slice again and again."""

    def _from(self, _first: int) -> dict[str, list[bytes]]:
        return super()._from(0)


class Silent(Windows):
    """Gives nothing after the first slice."""

    def search_ext_s(self, *_asked: Any, **_more: Any) -> Any:
        return [(DN, {"cn": [b"Crowd"]})]


class Gone(Windows):
    def search_ext_s(self, *_asked: Any, **_more: Any) -> Any:
        raise ldap.NO_SUCH_OBJECT


def _people(count: int) -> list[str]:
    return [f"CN=Person {n},OU=People,DC=acme,DC=example" for n in range(count)]


def _members(server: Windows) -> set[str]:
    groups = reading.read_groups(server, SETTINGS)
    return {member for member, held_by in groups.holders.items() if held_by}


@pytest.mark.parametrize("size", [1, 1500, 1501, 3000, 4001])
def test_a_group_beyond_one_slice_has_all_its_members(size: int) -> None:
    server = Windows(_people(size))
    assert len(_members(server)) == size
    assert len(server.asked) == (size - 1) // 1500


def test_a_slice_may_be_of_any_size() -> None:
    server = Windows(_people(11), slice_of=5)
    assert len(_members(server)) == 11
    assert server.asked == ["member;range=5-*", "member;range=10-*"]


@pytest.mark.parametrize("kind", [Stuck, Silent, Gone])
def test_a_part_is_never_taken_for_the_whole(kind: type[Windows]) -> None:
    with pytest.raises(ldap.LDAPError) as refused:
        _members(kind(_people(2000)))
    said = connecting.refusal(refused.value)
    assert isinstance(said, AppError)
    assert said.status == 502


def test_the_person_is_in_a_group_whose_last_slice_names_them() -> None:
    groups = reading.read_groups(Windows(_people(3001)), SETTINGS)
    last = _people(3001)[-1]
    assert groups.of(last, {}, "") == [DN]
    assert groups.of("CN=Stranger,OU=People,DC=acme,DC=example", {}, "") == []
