"""Who would get and lose what: a whole directory against what is here. Changes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from apps.accounts.models import User
from apps.directory import mapping
from apps.directory.mapping import Difference, Gift
from apps.directory.models import Directory, Identity
from apps.directory.people import Outside, address_of

SHARE = 0.05
AT_LEAST = 10


class Kind(StrEnum):
    """What a line of a plan is about. The order is that of the page."""

    LEAVES = "leaves"
    LOSES = "loses"
    GAINS = "gains"
    JOINS = "joins"
    RETURNS = "returns"
    RENAMED = "renamed"
    CLASHES = "clashes"
    UNKEYED = "unkeyed"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that would happen to one person."""

    kind: Kind
    who: str
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    key: str = ""


@dataclass
class Plan:
    """What a synchronisation would do."""

    seen: int = 0
    known: int = 0
    joining: list[Outside] = field(default_factory=list)
    present: list[Outside] = field(default_factory=list)
    leaving: list[Identity] = field(default_factory=list)
    losing: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    names: Mapping[Gift, str] = field(default_factory=dict)

    def words(self, gifts: Iterable[Gift]) -> tuple[str, ...]:
        return tuple(sorted(self.names[gift] for gift in gifts))

    @property
    def removals(self) -> int:
        """People who would leave or lose something."""
        return len(self.leaving) + len(self.losing)

    @property
    def is_large(self) -> bool:
        return is_too_many(self.removals, self.known)

    def counts(self) -> dict[str, int]:
        found = Counter(str(line.kind) for line in self.lines)
        return {str(kind): found[str(kind)] for kind in Kind if found[str(kind)]}

    def sorted_lines(self) -> list[Line]:
        order = list(Kind)
        return sorted(self.lines, key=lambda line: (order.index(line.kind), line.who.casefold()))


def is_too_many(removed: int, of: int) -> bool:
    """More than one in twenty, and at least ten people; or everybody, as it looks when a base is
    wrong: a person is asked first."""
    if removed == of:
        return of > 1
    return removed >= AT_LEAST and removed > of * SHARE


def plan(directory: Directory, people: Sequence[Outside]) -> Plan:
    """Compare everybody that a directory listed with the identities and memberships here."""
    source = directory.source
    rules = mapping.rules_of(source)
    held = mapping.held(source)
    names = mapping.names_of({gift for _, gift in rules}.union(*held.values()))
    known = {
        each.key: each for each in Identity.objects.filter(source=source).select_related("user")
    }
    made = Plan(seen=len(people), names=names)
    made.known = sum(each.is_enabled for each in known.values())
    good = _keyed(people, made)
    addresses = _addresses() if directory.prepares else set()
    for outside in good:
        identity = known.get(outside.key)
        want = mapping.wanted(rules, outside.groups) if outside.is_enabled else frozenset()
        if identity is None:
            if directory.prepares and outside.is_enabled:
                _newcomer(made, outside, want, address_of(source, outside), addresses)
        elif outside.is_enabled:
            _known(
                made, outside, identity, mapping.difference(want, held.get(identity.user_id, ()))
            )
    here = {outside.key for outside in good if outside.is_enabled}
    # A key that is there twice is there: nobody leaves because the directory is unclear.
    unclear = {outside.key for outside in people} - {outside.key for outside in good}
    for key, identity in known.items():
        # Who was deactivated by hand did not leave: they would come back with the directory.
        if key not in here | unclear and identity.is_enabled and identity.user.is_active:
            made.leaving.append(identity)
            lost = made.words(held.get(identity.user_id, ()))
            made.lines.append(Line(Kind.LEAVES, str(identity.user), lost=lost))
    return made


def _keyed(people: Iterable[Outside], made: Plan) -> list[Outside]:
    """Those with a key of their own. The others are named, and otherwise left alone."""
    times = Counter(outside.key for outside in people)
    good: list[Outside] = []
    for outside in people:
        if outside.key and times[outside.key] == 1:
            good.append(outside)
        else:
            made.lines.append(Line(Kind.UNKEYED, outside.name))
    return good


def _addresses() -> set[str]:
    return {email.casefold() for email in User.objects.values_list("email", flat=True)}


def _newcomer(
    made: Plan,
    outside: Outside,
    want: frozenset[Gift],
    address: str,
    addresses: set[str],
) -> None:
    who = outside.full_name or address
    if address.casefold() in addresses:
        made.lines.append(Line(Kind.CLASHES, f"{who} <{address}>", key=outside.key))
        return
    addresses.add(address.casefold())
    made.joining.append(outside)
    made.lines.append(Line(Kind.JOINS, who, gained=made.words(want)))


def _known(made: Plan, outside: Outside, identity: Identity, changed: Difference) -> None:
    who = str(identity.user)
    if not identity.is_enabled:
        made.lines.append(Line(Kind.RETURNS, who))
    if outside.full_name and outside.full_name != identity.user.name:
        made.lines.append(Line(Kind.RENAMED, f"{who} → {outside.full_name}"))
    if changed or _differs(outside, identity):
        made.present.append(outside)
    if not changed:
        return
    gained, lost = made.words(changed.gains), made.words(changed.losses)
    if changed.losses:
        made.losing.add(outside.key)
    made.lines.append(Line(Kind.LOSES if lost else Kind.GAINS, who, gained, lost))


def _differs(outside: Outside, identity: Identity) -> bool:
    """Whether the account has to follow: another name, address, place or list of groups."""
    user = identity.user
    is_same = identity.is_enabled and (
        (identity.name, list(identity.groups)) == (outside.name, list(outside.groups))
    )
    return not (
        is_same
        and outside.full_name in {"", user.name}
        and outside.email in {"", user.email}
        and outside.login.casefold() in {"", user.login.casefold()}
    )
