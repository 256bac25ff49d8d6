"""What the database says of one person's rights, and the fold of it into a Scope.

The explanation of why somebody can or cannot see something reads the same facts and calls the same
rules; there is no second implementation.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.accounts import nesting
from apps.accounts.models import User
from apps.permissions.roles import ADMINISTRATOR, EVERYONE, GRANTS, Permission, Role
from apps.permissions.scope import Scope
from apps.workspaces.models import Collection, CollectionGrant, CustomRole, Member, Workspace

# What an administrator may do in every workspace without a role there: run it, not read it.
RUNS_WORKSPACES = frozenset(
    {Permission.WORKSPACE_VIEW, Permission.MEMBER_MANAGE, Permission.WORKSPACE_MANAGE}
)


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role in a workspace, held by the person (``group_id`` None) or by a group of theirs."""

    workspace_id: UUID
    group_id: UUID | None
    role: str
    custom_id: UUID | None
    permissions: frozenset[Permission]
    origin: str = ""


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant on a collection, in force until ``expires_at``."""

    collection_id: UUID
    workspace_id: UUID
    group_id: UUID | None
    role: Role
    expires_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now

    @property
    def permissions(self) -> frozenset[Permission]:
        return GRANTS[self.role]


@dataclass(frozen=True, slots=True)
class Place:
    """A collection as far as rights go."""

    id: UUID
    workspace_id: UUID
    is_open: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that decides what one person may reach at ``now``.

    ``through`` has each group of theirs with the inner group that leads there; ``places`` are the
    collections of the workspaces in which they hold a role; ``rooms`` every workspace, for
    administrators only.
    """

    user_id: UUID
    is_administrator: bool
    now: datetime
    through: Mapping[UUID, UUID | None]
    roles: tuple[HeldRole, ...]
    grants: tuple[HeldGrant, ...]
    places: tuple[Place, ...]
    rooms: tuple[UUID, ...] = ()

    def by_role(self, workspace_id: UUID) -> frozenset[Permission]:
        """What the roles in a workspace add up to."""
        held: frozenset[Permission] = frozenset()
        for role in self.roles:
            if role.workspace_id == workspace_id:
                held |= role.permissions
        return held


def with_roles(facts: Facts, roles: Mapping[UUID, Role]) -> Facts:
    """The same person if they held these roles too, by workspace. Run it in a system scope."""
    more = tuple(HeldRole(pk, None, role, None, GRANTS[role]) for pk, role in roles.items())
    known = {role.workspace_id for role in facts.roles}
    fresh = set(roles) - known
    return replace(
        facts,
        roles=facts.roles + more,
        places=facts.places + (_places(fresh) if fresh else ()),
    )


def opens(held: frozenset[Permission], *, is_open: bool) -> tuple[bool, bool]:
    """(read, write) in a collection by roles in its workspace alone: an open one for every member
    who may read, a closed one for those who decide who may."""
    reads = Permission.DOCUMENT_READ in held and (is_open or Permission.COLLECTION_MANAGE in held)
    return reads, reads and Permission.DOCUMENT_WRITE in held


def facts_of(user: User) -> Facts:
    """Run it in a system scope: it looks up what the person does not reach yet."""
    through = nesting.groups_of(user.pk)
    holder = Q(user=user)
    if through:
        holder |= Q(group__in=through)
    roles = _roles(holder)
    rooms = {role.workspace_id for role in roles}
    return Facts(
        user_id=user.pk,
        is_administrator=user.is_administrator,
        now=timezone.now(),
        through=through,
        roles=roles,
        grants=_grants(holder),
        places=_places(rooms) if rooms else (),
        rooms=_rooms() if user.is_administrator else (),
    )


def _roles(holder: Q) -> tuple[HeldRole, ...]:
    columns = ("workspace_id", "group_id", "role", "custom_id", "custom__permissions", "origin")
    rows = Member.objects.filter(holder).order_by().values_list(*columns)
    return tuple(
        HeldRole(workspace_id, group_id, role, custom_id, _permissions(role, own), origin)
        for workspace_id, group_id, role, custom_id, own, origin in rows
    )


def _permissions(role: str, custom: list[str] | None) -> frozenset[Permission]:
    return GRANTS[Role(role)] if role else CustomRole(permissions=custom or []).held()


def _grants(holder: Q) -> tuple[HeldGrant, ...]:
    columns = ("collection_id", "workspace_id", "group_id", "role", "expires_at")
    rows = CollectionGrant.objects.filter(holder).values_list(*columns)
    return tuple(
        HeldGrant(collection_id, workspace_id, group_id, Role(role), expires_at)
        for collection_id, workspace_id, group_id, role, expires_at in rows
    )


def _places(rooms: set[UUID]) -> tuple[Place, ...]:
    rows = Collection.objects.filter(workspace_id__in=rooms).order_by()
    return tuple(Place(*row) for row in rows.values_list("pk", "workspace_id", "is_open"))


def _rooms() -> tuple[UUID, ...]:
    """What is planted for a proof is shown to nobody but those whom it was planted for."""
    rows = Workspace.objects.filter(is_canary=False).order_by()
    return tuple(rows.values_list("pk", flat=True))


def folded(facts: Facts) -> Scope:
    """What all of it adds up to."""
    held: defaultdict[UUID, frozenset[Permission]] = defaultdict(frozenset)
    for role in facts.roles:
        held[role.workspace_id] |= role.permissions
    readable, writable = _by_role(facts, held)
    for grant in facts.grants:
        if not grant.is_valid(facts.now):
            continue
        held[grant.workspace_id] |= GRANTS[Role.VIEWER]
        readable.add(grant.collection_id)
        if Permission.DOCUMENT_WRITE in grant.permissions:
            writable.add(grant.collection_id)
    for pk in facts.rooms:
        held[pk] |= RUNS_WORKSPACES
    return Scope(
        actor_id=facts.user_id,
        permissions=ADMINISTRATOR if facts.is_administrator else EVERYONE,
        workspaces=MappingProxyType(dict(held)),
        readable=frozenset(readable),
        writable=frozenset(writable),
    )


def _by_role(
    facts: Facts, held: Mapping[UUID, frozenset[Permission]]
) -> tuple[set[UUID], set[UUID]]:
    readable: set[UUID] = set()
    writable: set[UUID] = set()
    for place in facts.places:
        reads, writes = opens(held[place.workspace_id], is_open=place.is_open)
        if reads:
            readable.add(place.id)
        if writes:
            writable.add(place.id)
    return readable, writable
