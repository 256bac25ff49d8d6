"""Verbs that give what one person looks after to another."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.models import BY_HAND, User
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces import services as workspaces
from apps.workspaces.handover.kinds import Field, Giver, Thing, kind_named, kinds
from apps.workspaces.handover.planning import ALL, Line, plan
from apps.workspaces.handover.rooms import MANAGES
from apps.workspaces.models import Member, Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went over, by kind, and the lines that stay where they are."""

    moved: dict[str, int] = field(default_factory=dict)
    staying: Sequence[Line] = ()

    @property
    def total(self) -> int:
        return sum(self.moved.values())


# --- who may, and where ---------------------------------------------------------------------------
def everywhere() -> Field:
    """Every workspace that the actor runs, and the installation: for administrators."""
    scope = current_scope()
    scope.require(Permission.ADMINISTER)
    return Field(_managed(), has_installation=True)


def _managed() -> frozenset[UUID]:
    return frozenset(pk for pk, held in current_scope().workspaces.items() if held >= MANAGES)


def within(workspace: Workspace) -> Field:
    """One workspace and nothing beyond it: for whoever manages it."""
    for permission in sorted(MANAGES):
        current_scope().require(permission, workspace.pk)
    return Field(frozenset({workspace.pk}))


def of_oneself() -> Field:
    """Wherever the actor may be, as far as they could still look after it."""
    return Field(frozenset(current_scope().workspaces), has_installation=True, is_own=True)


def owners(place: Field) -> QuerySet[User]:
    """Who looks after something there, by name."""
    with system_scope("hand over: who looks after what in a workspace that the actor manages"):
        pks = {pk for kind in kinds() for pk in kind.owners(place)}
    return User.objects.filter(pk__in=pks).order_by("name", "email")


# --- handing over ---------------------------------------------------------------------------------
@transaction.atomic
def hand_over(
    *,
    giver: Giver,
    heir: User,
    place: Field,
    gives_roles: bool = False,
    only: Container[str] = ALL,
) -> Outcome:
    """Give what the giver looks after there to somebody who can. ``place`` says what the actor may
    give away: it comes from one of the functions above. What the heir could not look after stays.
    Asked twice at the same time, it happens once. Raises AppError BAD_REQUEST (``field`` ``to``)
    where the heir is the giver, or nobody who can sign in."""
    heir = _locked(giver, heir)
    made = plan(giver=giver, heir=heir, place=place, gives_roles=gives_roles, only=only)
    for workspace_id, role in made.roles.items():
        _give_role(workspace_id, heir, role)
    things = [thing for line in made.going for thing in line.things]
    return Outcome(_given(things, giver, heir), made.staying)


def _locked(giver: Giver, heir: User) -> User:
    """The heir as they are now, both held in one order so that two cannot wait for each other."""
    pks = {heir.pk} | ({giver.user.pk} if giver.user else set())
    # Rows that name them (events, sessions) may be written meanwhile.
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk")
    found = {row.pk: row for row in rows}.get(heir.pk)
    if found is None or not found.is_active or found.is_application or found == giver.user:
        reason = "same" if found is not None and found == giver.user else "heir"
        raise AppError(ErrorCode.BAD_REQUEST, field="to", reason=reason)
    return found


def _give_role(workspace_id: UUID, heir: User, role: Role) -> None:
    """By the verbs of members, which ask once more whether the actor may."""
    workspace = Workspace.objects.get(pk=workspace_id)
    held = Member.objects.filter(workspace=workspace, user=heir, origin=BY_HAND)
    if (member := held.select_related("custom").first()) is None:
        workspaces.add_member(workspace=workspace, user=heir, role=role)
    else:
        workspaces.change_role(member=member, role=role)


def _given(things: Iterable[Thing], giver: Giver, heir: User | None) -> dict[str, int]:
    moved: Counter[str] = Counter()
    for thing in things:
        with system_scope("hand over: whoever gives it away need not be able to read it"):
            count = kind_named(thing.kind).give(thing, giver, heir)
        if count:
            moved[thing.kind] += count
            _record(thing, count, giver, heir)
    return dict(moved)


def event_of(kind: str) -> str:
    """What an event says of such a thing that went over."""
    return f"{kind}.handed_over"


def _record(thing: Thing, count: int, giver: Giver, heir: User | None) -> None:
    """Of documents it names the collection only by where the event belongs."""
    is_many = thing.collection_id == thing.id
    events.record(
        event_of(thing.kind),
        workspace_id=thing.workspace_id,
        collection_id=thing.id if is_many else None,
        from_person=str(giver),
        to_person=str(heir or ""),
        **({"count": count} if is_many else {"name": thing.name}),
    )


# --- leavers --------------------------------------------------------------------------------------
def take_from(*, leaver: User, successor: User | None) -> int:
    """Give what somebody looked after who left to their successor, where that person can look after
    it; documents else to a manager of their workspace, or nobody. The rest keeps the name of who
    left and is listed as without an owner. Returns the number of documents. Runs in a system
    scope: whoever decides that somebody left reads none of it."""
    giver, place = Giver(leaver), Field(frozenset(_all_rooms()), has_installation=True)
    heir = successor if successor and successor.is_active and successor != leaver else None
    made = plan(giver=giver, heir=heir, place=place)
    going = [] if heir is None else [thing for line in made.going for thing in line.things]
    moved = _given(going, giver, heir)
    gone = set(going)
    rest = [thing for line in made.lines for thing in line.things if thing not in gone]
    for thing in rest:
        if thing.workspace_id is not None and kind_named(thing.kind).falls_to_manager:
            manager = _manager(thing.workspace_id, but=leaver)
            for name, count in _given([thing], giver, manager).items():
                moved[name] = moved.get(name, 0) + count
    return moved.get("document", 0)


def _all_rooms() -> Iterable[UUID]:
    return Workspace.objects.order_by().values_list("pk", flat=True)


def _manager(workspace_id: UUID, *, but: User) -> User | None:
    """Whoever has managed the workspace for longest, as a person before through a group."""
    managers = Member.objects.filter(workspace_id=workspace_id, role=Role.MANAGER)
    for holds in ("memberships", "kb_groups__memberships"):
        rows = User.objects.filter(Q(**{f"{holds}__in": managers}), is_active=True)
        if found := rows.exclude(pk=but.pk).order_by("created_at").first():
            return found
    return None
