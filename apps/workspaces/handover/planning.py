"""What would go over from one person to another, and what would not, and why. Changes nothing."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.accounts.models import BY_HAND, User
from apps.permissions.roles import GRANTS, Permission, Role
from apps.permissions.scope import Scope, current_scope, entered, system_scope
from apps.workspaces.handover.kinds import Field, Giver, Heir, Lack, Thing, kind_named, kinds
from apps.workspaces.models import Workspace
from apps.workspaces.rights.facts import Facts, facts_of, folded, with_roles
from apps.workspaces.roles.granting import is_grantable


class _All:
    """Every line there is."""

    def __contains__(self, key: object) -> bool:
        return True


ALL: Container[str] = _All()
_NOT_YOURS = Lack(_("You may not look after this any more. Whoever manages it can hand it over."))


@dataclass(frozen=True, slots=True)
class Line:
    """Things that fare alike. ``name`` is empty for what the actor may not see by name: those of
    one workspace are one line then. ``lack`` is why they stay; ``role`` is given along."""

    key: str
    kind: str
    name: str
    count: int
    things: tuple[Thing, ...]
    workspace_id: UUID | None = None
    workspace: str = ""
    lack: Lack | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen, in lines by workspace; those of the installation come last. ``roles`` are
    what the heir is given, by workspace."""

    lines: tuple[Line, ...] = ()
    roles: Mapping[UUID, Role] = field(default_factory=dict)

    @property
    def going(self) -> list[Line]:
        return [line for line in self.lines if line.lack is None]

    @property
    def staying(self) -> list[Line]:
        return [line for line in self.lines if line.lack is not None]

    @property
    def needs_roles(self) -> bool:
        """Whether a role would let more go over."""
        return any(line.lack is not None and line.lack.remedy for line in self.lines)


def plan(
    *,
    giver: Giver,
    heir: User | None,
    place: Field,
    gives_roles: bool = False,
    only: Container[str] = ALL,
) -> Plan:
    """What the giver looks after there and, with an heir, what of it would go over. ``only`` keeps
    to lines with these keys. ``gives_roles``: with the roles that it takes, as far as
    the actor may give them."""
    actor = current_scope()
    with system_scope("hand over: what somebody looks after, and whether another person could"):
        found = (thing for kind in kinds() for thing in kind.held(giver, place))
        things = [thing for thing in found if _key(thing, actor) in only]
        names = dict(Workspace.objects.filter(pk__in=place.workspaces).values_list("pk", "name"))
        if heir is None:
            return Plan(_lines(things, {}, {}, actor, names))
        facts = facts_of(heir)
        lacks = _lacks(things, Heir(heir, folded(facts)))
        roles = _roles(lacks, facts, actor) if gives_roles else {}
        if roles:
            lacks = _lacks(things, Heir(heir, folded(with_roles(facts, roles))))
        if place.is_own and giver.user is not None:
            lacks |= _kept_back(things, Heir(giver.user, actor))
    return Plan(_lines(things, lacks, roles, actor, names), roles)


def _lacks(things: Sequence[Thing], heir: Heir) -> dict[Thing, Lack]:
    found = ((thing, kind_named(thing.kind).lack(thing, heir)) for thing in things)
    return {thing: lack for thing, lack in found if lack is not None}


def _kept_back(things: Sequence[Thing], giver: Heir) -> dict[Thing, Lack]:
    return {
        thing: _NOT_YOURS
        for thing in things
        if not kind_named(thing.kind).is_passed_on(thing, giver)
    }


def _roles(lacks: Mapping[Thing, Lack], facts: Facts, actor: Scope) -> dict[UUID, Role]:
    """The least role in each workspace with which the heir lacks nothing that a role can mend."""
    wanted: defaultdict[UUID, set[Role]] = defaultdict(set)
    for thing, lack in lacks.items():
        if thing.workspace_id is not None and lack.remedy is not None:
            wanted[thing.workspace_id].add(lack.remedy)
    found = {pk: Role.MANAGER if Role.MANAGER in each else min(each) for pk, each in wanted.items()}
    return {pk: role for pk, role in found.items() if _may_give(role, pk, facts, actor)}


def _may_give(role: Role, workspace_id: UUID, facts: Facts, actor: Scope) -> bool:
    """As far as the actor's own rights go, and never in the place of a role that gives more."""
    by_hand = [
        held.permissions
        for held in facts.roles
        if (held.workspace_id, held.group_id, held.origin) == (workspace_id, None, BY_HAND)
    ]
    if not all(held <= GRANTS[role] for held in by_hand):
        return False
    if actor.is_system or actor.allows(Permission.ADMINISTER):
        return True
    if Permission.MEMBER_MANAGE not in actor.workspaces.get(workspace_id, frozenset()):
        return False
    with entered(actor):
        return is_grantable(role, workspace_id)


# --- lines ----------------------------------------------------------------------------------------
def _lines(
    things: Sequence[Thing],
    lacks: Mapping[Thing, Lack],
    roles: Mapping[UUID, Role],
    actor: Scope,
    names: Mapping[UUID, str],
) -> tuple[Line, ...]:
    alike: defaultdict[tuple[str, Lack | None], list[Thing]] = defaultdict(list)
    for thing in things:
        alike[_key(thing, actor), lacks.get(thing)].append(thing)
    found = [_line(key, lack, rows, roles, actor, names) for (key, lack), rows in alike.items()]
    order = [kind.name for kind in kinds()]
    return tuple(
        sorted(
            found,
            key=lambda line: (
                line.workspace_id is None,
                line.workspace.casefold(),
                str(line.workspace_id),
                order.index(line.kind),
                line.name.casefold(),
            ),
        )
    )


def _line(
    key: str,
    lack: Lack | None,
    things: Sequence[Thing],
    roles: Mapping[UUID, Role],
    actor: Scope,
    names: Mapping[UUID, str],
) -> Line:
    first = things[0]
    pk = first.workspace_id
    return Line(
        key=key,
        kind=first.kind,
        name=first.name if _is_shown(first, actor) else "",
        count=sum(thing.count for thing in things),
        things=tuple(things),
        workspace_id=pk,
        workspace="" if pk is None else names.get(pk, ""),
        lack=lack,
        role=None if pk is None or lack else roles.get(pk),
    )


def _key(thing: Thing, actor: Scope) -> str:
    """What a line is chosen by. It names nothing that the actor may not see."""
    named = thing.id if _is_shown(thing, actor) else thing.workspace_id
    return f"{thing.kind}:{named}"


def _is_shown(thing: Thing, actor: Scope) -> bool:
    """Names of sources are for those who may add documents, names of collections for readers."""
    if thing.collection_id is None or actor.is_system:
        return True
    seen = actor.writable if thing.kind == "source" else actor.readable
    return thing.collection_id in seen
