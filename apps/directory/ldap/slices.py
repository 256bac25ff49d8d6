"""Attributes that come in slices: Active Directory gives at most 1,500 values of one at a time (more
or fewer by its policy), as ``member;range=0-1499``, and the rest when it is asked for by number
(MS-ADTS 3.1.1.3.1.3.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import ldap
from ldap.ldapobject import LDAPObject

Values = list[bytes | str]
_SLICE = re.compile(r"(?P<name>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)", re.IGNORECASE)
# Of one attribute of one entry: a server that never comes to an end is not followed for ever.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Values ``first`` to ``last`` of an attribute, counted from 0; ``last`` None: to the end."""

    name: str
    first: int
    last: int | None
    values: Values


def slices_of(found: Mapping[str, Values]) -> list[Slice]:
    """Those of an entry that are not the end of their attribute."""
    every = (_slice(name, values) for name, values in found.items())
    return [each for each in every if each is not None and each.last is not None]


def _slice(name: str, values: Values) -> Slice | None:
    match = _SLICE.fullmatch(name)
    if match is None:
        return None
    last = None if match["last"] == "*" else int(match["last"])
    return Slice(match["name"].lower(), int(match["first"]), last, values)


def completed(connection: LDAPObject, dn: str, found: Mapping[str, Values]) -> dict[str, Values]:
    """The entry with every value of what came in slices. Raises LDAPError when the server does not
    give them all, so that nobody takes a part for the whole."""
    whole = dict(found)
    for each in slices_of(found):
        if each.first != 0:
            raise _not_following()
        whole[f"{each.name};range={(each.last or 0) + 1}-*"] = _rest(connection, dn, each)
    return whole


def _rest(connection: LDAPObject, dn: str, begun: Slice) -> Values:
    values: Values = []
    last = begun.last
    for _round in range(_MOST):
        if last is None:
            return values
        following = _asked(connection, dn, begun.name, last + 1)
        if following.first != last + 1 or not following.values:
            break
        values += following.values
        last = following.last
    raise _not_following()


def _asked(connection: LDAPObject, dn: str, name: str, first: int) -> Slice:
    """The slice from value ``first`` on."""
    timeout = connection.get_option(ldap.OPT_TIMEOUT) or -1
    wanted = [f"{name};range={first}-*"]
    rows = connection.search_ext_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", wanted, timeout=timeout)
    for row_dn, found in rows:
        slices = (_slice(each, values) for each, values in found.items() if row_dn is not None)
        for one in slices:
            if one is not None and one.name == name:
                return one
    raise _not_following()


def _not_following() -> ldap.LDAPError:
    return ldap.PROTOCOL_ERROR({"desc": "slices of an attribute do not follow each other"})
