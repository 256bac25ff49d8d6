"""What the groups of an outside source give here: the one way in for every kind of sign-in.

An *origin* is ``KIND:NAME`` (``ldap:main``, ``oidc:acme``, ``saml:adfs``, ``cas:campus``,
``proxy:gate``, ``scim:hr``). It is written on each row that a mapping makes:
``accounts.GroupMember.origin`` and ``workspaces.Member.origin``; empty there means by hand. Whoever
wants to know why a person has something reads these rows; ``MappingRule`` of the source then says
which outside group gives it, ``Identity.groups`` in which ones the person is.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from apps.accounts.models import Group, GroupMember, User
from apps.core.hooks import Ending
from apps.directory.models import GivenAdministrator, IdentitySource, MappingRule
from apps.events import services as events
from apps.permissions.scope import system_scope
from apps.workspaces.models import CustomRole, Member, Workspace

EVERYBODY = "*"
_COMMA = re.compile(r"(?<!\\),\s*")


class Gift(NamedTuple):
    """One thing that a rule gives: a group, a role in a workspace, or the installation. ``role`` is
    one of the three, ``custom`` one of the installation's own."""

    group: UUID | None = None
    workspace: UUID | None = None
    role: str = ""
    custom: UUID | None = None

    @property
    def is_administrator(self) -> bool:
        return self.group is None and self.workspace is None


@dataclass(frozen=True, slots=True)
class Difference:
    """What one person gets and loses of one source."""

    gains: frozenset[Gift] = frozenset()
    losses: frozenset[Gift] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.gains or self.losses)


# --- names outside --------------------------------------------------------------------------------
def fold(outside: str) -> str:
    """A DN or a name such that two writings of the same are equal."""
    parts = (part.partition("=") for part in _COMMA.split(outside.strip()))
    return ",".join(
        f"{kind.strip()}{sign}{value.strip()}" for kind, sign, value in parts
    ).casefold()


def name_in(outside: str) -> str:
    """The name of a group whose DN begins with CN=; empty for an organisational unit."""
    kind, sign, value = _COMMA.split(outside.strip())[0].partition("=")
    return value.strip().casefold() if sign and kind.strip().casefold() == "cn" else ""


def _names(groups: Iterable[str]) -> set[str]:
    names = {EVERYBODY}
    for group in groups:
        names |= {fold(group), name_in(group)}
    return names - {""}


# --- what is wanted, what is held -----------------------------------------------------------------
def source_of(origin: str) -> IdentitySource:
    """The source of an origin; a first sign-in makes it, so that rules can be written for it."""
    kind, _sign, name = origin.partition(":")
    if kind not in IdentitySource.Kind.values or not name:
        msg = f"not an origin: {origin!r}"
        raise ValueError(msg)
    return IdentitySource.objects.get_or_create(kind=kind, name=name)[0]


def rules_of(source: IdentitySource) -> list[tuple[str, Gift]]:
    """(folded outside group, what it gives) of every rule."""
    rows = MappingRule.objects.filter(source=source)
    return [(fold(row.outside), gift_of(row)) for row in rows]


def gift_of(rule: MappingRule) -> Gift:
    return Gift(rule.group_id, rule.workspace_id, rule.role, rule.custom_id)


def wanted(rules: Iterable[tuple[str, Gift]], groups: Collection[str]) -> frozenset[Gift]:
    """What these outside groups give by these rules."""
    names = _names(groups)
    return frozenset(gift for outside, gift in rules if outside in names)


def held(source: IdentitySource, *users: User) -> dict[UUID, set[Gift]]:
    """What this source gave, by person; of everybody when nobody is named."""
    found: dict[UUID, set[Gift]] = defaultdict(set)
    kept = {"user__in": users} if users else {}
    members = GroupMember.objects.filter(origin=source.origin, **kept)
    for user_id, group_id in members.values_list("user_id", "group_id"):
        found[user_id].add(Gift(group=group_id))
    with system_scope("mapping of outside groups: which roles this source gave"):
        roles = Member.objects.filter(origin=source.origin, **kept)
        columns = ("user_id", "workspace_id", "role", "custom_id")
        for user_id, *role in roles.values_list(*columns):
            found[user_id].add(Gift(None, *role))
    given = GivenAdministrator.objects.filter(source=source, **kept)
    for user_id in given.values_list("user_id", flat=True):
        found[user_id].add(Gift())
    return found


def difference(want: frozenset[Gift], has: Collection[Gift]) -> Difference:
    return Difference(gains=want - set(has), losses=frozenset(has) - want)


def forget_workspace(ending: Ending) -> None:
    """Rules that give roles in a workspace end with it."""
    if ending.kind == "workspace":
        MappingRule.objects.filter(workspace_id=ending.object_id).delete()


# --- doing it -------------------------------------------------------------------------------------
@transaction.atomic
def apply_groups(*, user: User, origin: str, groups: Collection[str]) -> Difference:
    """Make what ``origin`` gives this person exactly what ``groups`` (DNs or names outside) map to.

    Gives what is new and takes back what this origin gave before and gives no more. What was set by
    hand and by other origins stays, and the last active administrator stays one. May be repeated at
    each sign-in: without a difference it writes nothing. Asks no scope: whoever calls it has been
    told the groups by the source itself. Raises ValueError for what is no origin.
    """
    source = source_of(origin)
    return _settle(source, user, wanted(rules_of(source), groups))


@transaction.atomic
def withdraw(*, user: User, origin: str) -> Difference:
    """Take back everything that ``origin`` gave this person."""
    return _settle(source_of(origin), user, frozenset())


def _settle(source: IdentitySource, user: User, want: frozenset[Gift]) -> Difference:
    # Locked, so that two sign-ins at the same time do not give and take across each other.
    user = User.objects.select_for_update().get(pk=user.pk)
    changed = difference(want, held(source, user).get(user.pk, set()))
    if changed:
        with system_scope("mapping of outside groups: roles are given and taken back"):
            _take(source, user, changed.losses)
            _give(source, user, changed.gains)
            gained, lost = words_of(changed.gains), words_of(changed.losses)
            events.record("directory.mapped", user, origin=source.origin, gained=gained, lost=lost)
    return changed


def _give(source: IdentitySource, user: User, gifts: Iterable[Gift]) -> None:
    for gift in gifts:
        if gift.group is not None:
            GroupMember.objects.get_or_create(group_id=gift.group, user=user, origin=source.origin)
        elif gift.workspace is not None:
            Member.objects.get_or_create(user=user, origin=source.origin, **_role_of(gift))
        else:
            _make_administrator(source, user)


def _role_of(gift: Gift) -> dict[str, Any]:
    """The columns of ``Member`` that say which role where."""
    return {"workspace_id": gift.workspace, "role": gift.role, "custom_id": gift.custom}


def _take(source: IdentitySource, user: User, gifts: Iterable[Gift]) -> None:
    for gift in gifts:
        where = {"user": user, "origin": source.origin}
        if gift.group is not None:
            GroupMember.objects.filter(group_id=gift.group, **where).delete()
        elif gift.workspace is not None:
            Member.objects.filter(**_role_of(gift), **where).delete()
        else:
            _unmake_administrator(source, user)


def _make_administrator(source: IdentitySource, user: User) -> None:
    earlier = GivenAdministrator.objects.filter(user=user).first()
    by_hand = user.is_administrator if earlier is None else earlier.was_by_hand
    GivenAdministrator.objects.create(source=source, user=user, was_by_hand=by_hand)
    if not user.is_administrator:
        user.is_administrator = True
        user.save(update_fields=["is_administrator"])


def _unmake_administrator(source: IdentitySource, user: User) -> None:
    """Takes back what the source gave; whoever was an administrator by hand stays one."""
    given = GivenAdministrator.objects.filter(user=user)
    if given.exclude(source=source).exists() or given.filter(was_by_hand=True).exists():
        given.filter(source=source).delete()
        return
    others = User.objects.select_for_update().filter(is_administrator=True, is_active=True)
    if not others.exclude(pk=user.pk).exists():
        # Nobody could run the installation any more: the right stays, and so does the reason.
        events.record("directory.last_administrator", user, origin=source.origin)
        return
    given.filter(source=source).delete()
    user.is_administrator = False
    user.save(update_fields=["is_administrator"])


# --- words ----------------------------------------------------------------------------------------
def words_of(gifts: Collection[Gift]) -> list[str]:
    """Gifts as people read them: names of groups, and of workspaces with the role."""
    return sorted(names_of(gifts).values())


def names_of(gifts: Collection[Gift]) -> dict[Gift, str]:
    """Each gift with its words, in three queries however many there are."""
    groups = dict(
        Group.objects.filter(pk__in=[g.group for g in gifts if g.group]).values_list("pk", "name")
    )
    with system_scope("mapping of outside groups: names of workspaces for an administrator"):
        rooms = Workspace.objects.filter(pk__in=[g.workspace for g in gifts if g.workspace])
        names = dict(rooms.values_list("pk", "name"))
    own = CustomRole.objects.filter(pk__in=[g.custom for g in gifts if g.custom])
    names |= dict(own.values_list("pk", "name"))
    return {gift: _words(gift, groups | names) for gift in gifts}


def _words(gift: Gift, names: Mapping[UUID, str]) -> str:
    if gift.group is not None:
        return names.get(gift.group, "?")
    if gift.workspace is not None:
        role = names.get(gift.custom, "?") if gift.custom else gift.role
        return f"{names.get(gift.workspace, '?')}: {role}"
    return "administrator"
