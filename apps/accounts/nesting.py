"""Groups in groups: who is in which, through which, and the verbs that change it.

A group may hold other groups. Whoever is in an inner one is in the outer one too. Walks remember
where they have been, so that even a circle that was written past the verbs ends.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.models import Group, GroupMember, Nesting, User
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

MAX_DEPTH = 10


def groups_of(user_id: UUID) -> dict[UUID, UUID | None]:
    """Every group that a person is in, with the inner group that leads there (None: they are in it
    themselves). One query, and one more for each level of nesting."""
    direct = GroupMember.objects.filter(user_id=user_id)
    return _outwards(direct.values_list("group_id", flat=True))


def _outwards(start: Iterable[UUID]) -> dict[UUID, UUID | None]:
    found: dict[UUID, UUID | None] = dict.fromkeys(start)
    edge = set(found)
    for _level in range(MAX_DEPTH):
        if not edge:
            break
        rows = Nesting.objects.filter(inner_id__in=edge).order_by("pk")
        steps = list(rows.values_list("inner_id", "outer_id"))
        edge = {outer for _inner, outer in steps} - found.keys()
        for inner, outer in steps:
            found.setdefault(outer, inner)
    return found


def path_to(group_id: UUID, through: Mapping[UUID, UUID | None]) -> list[UUID]:
    """The groups from the one that the person is in to this one, as ``groups_of`` found them."""
    path: list[UUID] = []
    at: UUID | None = group_id
    while at is not None and at not in path:
        path.append(at)
        at = through.get(at)
    return path[::-1]


def groups_within(group_ids: Collection[UUID]) -> set[UUID]:
    """These groups and every group inside of them."""
    found = set(group_ids)
    edge = set(group_ids)
    for _level in range(MAX_DEPTH):
        if not edge:
            break
        inner = Nesting.objects.filter(outer_id__in=edge).values_list("inner_id", flat=True)
        edge = set(inner) - found
        found |= edge
    return found


def people_in(group_ids: Collection[UUID]) -> QuerySet[User]:
    """Everybody in these groups, or in groups inside of them."""
    return User.objects.filter(kb_groups__in=groups_within(group_ids)).distinct()


@transaction.atomic
def nest(*, outer: Group, inner: Group) -> Nesting:
    """Whoever is in ``inner`` is in ``outer`` too. Raises AppError CONFLICT where that would be a
    circle, or deeper than is followed."""
    current_scope().require(Permission.ADMINISTER)
    # In one order for all, so that two halves of a circle cannot be written at the same time.
    list(Group.objects.select_for_update().order_by("pk").values_list("pk"))
    above = _outwards([outer.pk])
    if inner.pk in above:
        raise AppError(ErrorCode.CONFLICT, status=409, field="group", reason="circle")
    if _height(above) + _depth({inner.pk}) >= MAX_DEPTH:
        raise AppError(ErrorCode.CONFLICT, status=409, field="group", reason="too_deep")
    nesting, is_new = Nesting.objects.get_or_create(outer=outer, inner=inner)
    if is_new:
        events.record("group.nested", outer, name=outer.name, inner=inner.name)
    return nesting


@transaction.atomic
def take_out(*, outer: Group, inner: Group) -> None:
    """Who is only in ``inner`` is no longer in ``outer``, from their next request on."""
    current_scope().require(Permission.ADMINISTER)
    gone, _rows = Nesting.objects.filter(outer=outer, inner=inner).delete()
    if gone:
        events.record("group.unnested", outer, name=outer.name, inner=inner.name)


def _height(above: Mapping[UUID, UUID | None]) -> int:
    return max(len(path_to(pk, above)) for pk in above)


def _depth(edge: set[UUID]) -> int:
    """How many levels of groups lie inside of these."""
    levels, seen = 0, set(edge)
    while edge and levels <= MAX_DEPTH:
        inner = Nesting.objects.filter(outer_id__in=edge).values_list("inner_id", flat=True)
        edge = set(inner) - seen
        seen |= edge
        levels += bool(edge)
    return levels
