"""Reading people and groups: in pages, whole or not at all, with groups inside groups."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.filter import escape_filter_chars
from ldap.ldapobject import LDAPObject

from apps.directory.ldap import entries
from apps.directory.ldap.entries import Attributes, OutsidePerson, canonical, units_above
from apps.directory.ldap.settings import IN_CHAIN, Settings
from apps.directory.ldap.slices import Values, completed, slices_of

PAGE = 500
_DEEPEST = 20
_AT_ONCE = 50
_MEMBERS = ("member", "uniqueMember", "memberUid")
_GROUP = ("cn", "memberOf", "objectSid", *_MEMBERS)
Entry = tuple[str, Attributes]


def search(
    connection: LDAPObject,
    base: str,
    filter_text: str,
    attributes: Sequence[str],
    scope: int = ldap.SCOPE_SUBTREE,
) -> Iterator[Entry]:
    """Every entry below ``base`` that fits, page by page and whole. Raises LDAPError when the server breaks
    off, so that nobody takes a part for the whole."""
    control = SimplePagedResultsControl(criticality=True, size=PAGE, cookie="")
    timeout = connection.get_option(ldap.OPT_TIMEOUT) or -1
    sliced: list[tuple[str, dict[str, Values]]] = []
    while True:
        number = connection.search_ext(
            base, scope, filter_text, list(attributes), serverctrls=[control]
        )
        # OPT_TIMEOUT holds for each page, not for all of them.
        _kind, rows, _number, answers = connection.result3(number, timeout=timeout)
        for dn, found in rows:
            if dn is None:  # a referral, which is not followed
                continue
            if slices_of(found):
                sliced.append((dn, found))
            else:
                yield dn, entries.folded(found)
        cookie = next(
            (each.cookie for each in answers if each.controlType == control.controlType), b""
        )
        if not cookie:
            break
        control.cookie = cookie
    # Between two pages nothing else is asked: some servers forget then where they were.
    for dn, found in sliced:
        yield dn, entries.folded(completed(connection, dn, found))


# --- groups ---------------------------------------------------------------------------------------
@dataclass
class Groups:
    """Every group of a directory, by what its members are called."""

    names: dict[str, str] = field(default_factory=dict)  # canonical DN → DN
    holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_rid: dict[str, str] = field(default_factory=dict)

    def add(self, dn: str, attributes: Attributes) -> None:
        own = canonical(dn)
        self.names[own] = dn
        for name in ("member", "uniqueMember"):
            for member in entries.texts(attributes, name):
                self.holders[canonical(member)].add(own)
        for login in entries.texts(attributes, "memberUid"):
            self.holders[f"uid:{login.casefold()}"].add(own)
        for parent in entries.texts(attributes, "memberOf"):
            self.holders[own].add(canonical(parent))
        if rid := _rid(attributes):
            self.by_rid[rid] = own

    def of(self, dn: str, attributes: Attributes, login: str) -> list[str]:
        """Groups of a person, those that hold them through other groups included."""
        own = canonical(dn)
        first = set(self.holders.get(own, ())) | self.holders.get(f"uid:{login.casefold()}", set())
        first |= {canonical(parent) for parent in entries.texts(attributes, "memberOf")}
        if primary := self.by_rid.get(entries.text(attributes, "primaryGroupID")):
            first.add(primary)
        found: set[str] = set()
        waiting = first
        while waiting:
            found |= waiting
            waiting = {up for one in waiting for up in self.holders.get(one, ())} - found
        # Groups outside of the named places count for nothing, as when somebody signs in.
        return sorted(self.names[each] for each in found if each in self.names)


def _rid(attributes: Attributes) -> str:
    """The last number of a Windows SID, which a person's primaryGroupID names."""
    sid = attributes.get("objectsid", [b""])[0]
    return str(int.from_bytes(sid[-4:], "little")) if len(sid) >= 12 else ""


def _nobody() -> None:
    """Nobody waits."""


def read_groups(
    connection: LDAPObject, settings: Settings, beat: Callable[[], None] = _nobody
) -> Groups:
    groups = Groups()
    # A large group of Active Directory takes many questions; there people say where they are.
    names = [each for each in _GROUP if each not in _MEMBERS or not settings.is_active_directory]
    for base in settings.group_bases:
        for dn, attributes in search(connection, base, settings.group_filter, names):
            beat()
            groups.add(dn, attributes)
    return groups


def groups_of(
    connection: LDAPObject, settings: Settings, dn: str, attributes: Attributes
) -> list[str]:
    """Groups of one person, nested ones included, with as few questions as the server allows."""
    if settings.is_active_directory:
        found = _in_chain(connection, settings, dn, attributes)
    else:
        found = _upwards(
            connection, settings, dn, entries.text(attributes, settings.login_attribute)
        )
    return [*sorted(found), *units_above(dn)]


def _in_chain(
    connection: LDAPObject, settings: Settings, dn: str, attributes: Attributes
) -> set[str]:
    terms = f"(member:{IN_CHAIN}:={escape_filter_chars(dn)})"
    found = _names(connection, settings, terms)
    primary = entries.text(attributes, "primaryGroupID")
    sid = attributes.get("objectsid", [b""])[0]
    if primary.isdecimal() and len(sid) >= 12:
        whole = sid[:-4] + int(primary).to_bytes(4, "little")
        named = "".join(f"\\{byte:02x}" for byte in whole)
        direct = _names(connection, settings, f"(objectSid={named})")
        found |= direct
        for group in direct:
            found |= _names(
                connection, settings, f"(member:{IN_CHAIN}:={escape_filter_chars(group)})"
            )
    return found


def _upwards(connection: LDAPObject, settings: Settings, dn: str, login: str) -> set[str]:
    found: dict[str, str] = {}
    uid = f"(memberUid={escape_filter_chars(login)})" if login else ""
    terms = [_holds(dn) + uid]
    for _level in range(_DEEPEST):
        new: dict[str, str] = {}
        for several in _chunks(terms):
            names = _names(connection, settings, f"(|{''.join(several)})")
            new |= {canonical(name): name for name in names if canonical(name) not in found}
        if not new:
            break
        found |= new
        terms = [_holds(name) for name in new.values()]
    return set(found.values())


def _holds(dn: str) -> str:
    value = escape_filter_chars(dn)
    return f"(member={value})(uniqueMember={value})"


def _names(connection: LDAPObject, settings: Settings, terms: str) -> set[str]:
    wanted = f"(&{settings.group_filter}{terms})"
    return {
        dn for base in settings.group_bases for dn, _ in search(connection, base, wanted, ["1.1"])
    }


def _chunks(terms: list[str]) -> Iterable[list[str]]:
    return (terms[n : n + _AT_ONCE] for n in range(0, len(terms), _AT_ONCE))


# --- people ---------------------------------------------------------------------------------------
def read_people(
    connection: LDAPObject, settings: Settings, *, beat: Callable[[], None] = _nobody
) -> list[OutsidePerson]:
    """Everybody below the bases, each with their groups. An entry below two bases counts once.
    ``beat`` is called again and again while that takes."""
    groups = read_groups(connection, settings, beat)
    names = entries.wanted_attributes(settings)
    found: dict[str, OutsidePerson] = {}
    for base in settings.user_bases:
        for dn, attributes in search(connection, base, settings.user_filter, names):
            beat()
            login = entries.text(attributes, settings.login_attribute)
            theirs = [*groups.of(dn, attributes, login), *units_above(dn)]
            found[canonical(dn)] = entries.person_from(dn, attributes, settings, theirs)
    return list(found.values())


def read_states(connection: LDAPObject, settings: Settings, keys: Sequence[str]) -> dict[str, bool]:
    """Key → whether the account counts, of those keys that are there."""
    found: dict[str, bool] = {}
    names = [settings.key_attribute, *entries.STATE]
    filters = [entries.key_filter(key, settings) for key in keys if entries.is_key(key, settings)]
    for several in _chunks(filters):
        wanted = f"(&{settings.user_filter}(|{''.join(several)}))"
        for base in settings.user_bases:
            for _dn, attributes in search(connection, base, wanted, names):
                found[entries.key_of(attributes, settings)] = entries.is_enabled(attributes)
    return found


def entries_of_key(connection: LDAPObject, settings: Settings, key: str) -> set[str]:
    """DNs that bear this key: one, or the directory is not to be trusted with it."""
    wanted = entries.key_filter(key, settings)
    return {
        canonical(dn)
        for base in settings.user_bases
        for dn, _ in search(connection, base, wanted, ["1.1"])
    }


def children(connection: LDAPObject, base: str) -> list[tuple[str, list[str]]]:
    """(DN, object classes) one level below ``base``, for looking around."""
    rows = search(connection, base, "(objectClass=*)", ["objectClass"], ldap.SCOPE_ONELEVEL)
    return [(dn, entries.texts(attributes, "objectClass")) for dn, attributes in rows]


def roots(connection: LDAPObject) -> list[str]:
    """Where the tree of this server begins, as the server itself says."""
    rows = connection.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["namingContexts"])
    return [
        name
        for dn, found in rows
        if dn is not None
        for name in entries.texts(entries.folded(found), "namingContexts")
    ]
