"""The kinds of things that somebody looks after. Higher apps register theirs in ``AppConfig.ready``.

What belongs to a person alone (conversations, keys, saved questions) is no such thing: it stays
theirs and ends with them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from apps.accounts.models import User
from apps.permissions.roles import Role
from apps.permissions.scope import Scope


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that somebody looks after, or ``count`` alike ones (documents) of one collection,
    whose id and name these are then: ``is_open`` to every member. Outside of workspaces it belongs
    to the installation."""

    kind: str
    id: UUID
    name: str
    workspace_id: UUID | None = None
    collection_id: UUID | None = None
    count: int = 1
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """Where a hand-over looks: the workspaces that are named, and what belongs to the installation
    if that is said. ``is_own``: one's own things, for which nobody had to manage anything."""

    workspaces: frozenset[UUID]
    has_installation: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Giver:
    """Whose things go over. None: those that nobody looks after any more, since they have no owner
    or theirs is deactivated."""

    user: User | None

    def rows(self, column: str = "owner") -> Q:
        if self.user is not None:
            return Q(**{column: self.user})
        # No join: whoever comes second finds the row as the first one left it.
        gone = User.objects.filter(is_active=False)
        return Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__in": gone})

    def __str__(self) -> str:
        return "" if self.user is None else str(self.user)


@dataclass(frozen=True, slots=True)
class Heir:
    """Who gets them, with what they may do, or would with the roles that are given as well."""

    user: User
    scope: Scope


@dataclass(frozen=True, slots=True)
class Lack:
    """Why somebody cannot look after a thing, and the role in its workspace that would mend it."""

    sentence: Promise
    remedy: Role | None = None


class Kind(Protocol):
    """One kind of thing. Everything is called in a system scope."""

    @property
    def name(self) -> str: ...

    @property
    def one(self) -> Promise: ...

    @property
    def falls_to_manager(self) -> bool:
        """Whether a manager of the workspace gets what a leaver's successor cannot look after."""

    def held(self, giver: Giver, place: Field) -> Sequence[Thing]:
        """What the giver looks after there."""

    def owners(self, place: Field) -> Iterable[UUID]:
        """Who looks after such things there."""

    def lack(self, thing: Thing, heir: Heir) -> Lack | None:
        """Why this person cannot look after it; None: they can."""

    def is_passed_on(self, thing: Thing, giver: Heir) -> bool:
        """Whether the giver may give it away by their own hand. What acts with its owner's rights
        would act again, with the heir's, after its owner had lost them."""

    def give(self, thing: Thing, giver: Giver, heir: User | None) -> int:
        """Make it theirs (None: nobody's) as far as it still is the giver's. Returns how many."""


@dataclass(frozen=True)
class OfInstallation:
    """A kind whose rows have a name and a person, and lie in no workspace. ``lack`` is what somebody
    lacks who is no administrator; ``is_optional``: without a person, nobody misses one;
    ``is_duty``: it gives no rights, so that whoever has it may pass it on."""

    name: str
    one: Promise
    objects: Callable[[], QuerySet[Any]]
    column: str = "owner"
    lacks: Lack | None = None
    is_optional: bool = False
    is_duty: bool = False
    falls_to_manager: bool = False

    def held(self, giver: Giver, place: Field) -> Sequence[Thing]:
        if not place.has_installation:
            return []
        rows = self.objects().filter(giver.rows(self.column))
        if self.is_optional:
            rows = rows.filter(**{f"{self.column}__isnull": False})
        return [Thing(self.name, row.pk, str(row)) for row in rows]

    def owners(self, place: Field) -> Iterable[UUID]:
        if not place.has_installation:
            return []
        held = self.objects().filter(**{f"{self.column}__isnull": False})
        return held.order_by().values_list(f"{self.column}_id", flat=True)

    def lack(self, thing: Thing, heir: Heir) -> Lack | None:
        return None if heir.user.is_administrator else self.lacks

    def is_passed_on(self, thing: Thing, giver: Heir) -> bool:
        return self.is_duty or giver.user.is_administrator

    def give(self, thing: Thing, giver: Giver, heir: User | None) -> int:
        rows = self.objects().filter(giver.rows(self.column), pk=thing.id)
        return rows.update(**{self.column: heir})


@dataclass
class _Registry:
    kinds: dict[str, Kind] = field(default_factory=dict)


_registry = _Registry()


def register(kind: Kind) -> None:
    """Add a kind, once."""
    _registry.kinds.setdefault(kind.name, kind)


def kinds() -> list[Kind]:
    return list(_registry.kinds.values())


def kind_named(name: str) -> Kind:
    return _registry.kinds[name]
