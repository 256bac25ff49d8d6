"""Worlds of groups, roles and grants, made at random, for what has to hold in all of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from apps.accounts.models import ApiKey, Group, User
from apps.permissions.roles import KeyScope, Permission, Role
from apps.workspaces.models import Collection, CustomRole
from tests import factories

_N = 4
PERSONNEL = (Permission.WORKSPACE_VIEW, Permission.MEMBER_MANAGE)
LIBRARIAN = (Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ, Permission.COLLECTION_MANAGE)
_WRITER = (Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ, Permission.DOCUMENT_WRITE)


@dataclass(frozen=True)
class World:
    """One person, what they came with, and the collections that they may or may not open."""

    user: User
    key: ApiKey | None
    collections: list[Collection]


@st.composite
def recipes(draw: Any) -> dict[str, Any]:
    """What a world is made of: plain values, so that a failing one can be read."""
    number = st.integers(0, _N - 1)
    holder = st.integers(-1, _N - 1)  # -1: the person, else one of the groups
    role = st.sampled_from([*Role, "personnel", "librarian", "writer"])
    grant = st.sampled_from([Role.VIEWER, Role.CONTRIBUTOR])
    return {
        "is_active": draw(st.sampled_from([True, True, True, False])),
        "is_administrator": draw(st.booleans()),
        "in_groups": draw(st.sets(number)),
        "nestings": draw(st.sets(st.tuples(number, number), max_size=6)),
        "rooms": draw(st.lists(st.lists(st.booleans(), min_size=1, max_size=2), max_size=2)),
        "roles": draw(st.lists(st.tuples(st.integers(0, 1), holder, role), max_size=4)),
        "grants": draw(
            st.lists(st.tuples(number, holder, grant, st.sampled_from([None, -1, 1])), max_size=4)
        ),
        "key": draw(st.sampled_from([None, *KeyScope])),
        "key_state": draw(st.sampled_from(["valid", "valid", "revoked", "expired"])),
    }


def make(recipe: dict[str, Any]) -> World:
    user = factories.make_user(
        is_active=recipe["is_active"], is_administrator=recipe["is_administrator"]
    )
    groups = [factories.make_group() for _ in range(_N)]
    for number in recipe["in_groups"]:
        groups[number].members.add(user)
    for outer, inner in recipe["nestings"]:
        if outer != inner:  # circles of two and more are written: walks have to end
            factories.make_nesting(groups[outer], groups[inner])
    rooms = [factories.make_workspace() for _ in recipe["rooms"]]
    collections = [
        factories.make_collection(room, is_open=is_open)
        for room, opens in zip(rooms, recipe["rooms"], strict=True)
        for is_open in opens
    ]
    own = _own_roles()
    given = set()
    for room, holder, role in recipe["roles"]:
        if room < len(rooms) and (room, holder) not in given:
            given.add((room, holder))
            factories.make_member(rooms[room], _who(user, groups, holder), role=own.get(role, role))
    granted = set()
    for number, holder, role, days in recipe["grants"]:
        if number < len(collections) and (number, holder) not in granted:
            granted.add((number, holder))
            end = None if days is None else timezone.now() + timedelta(days=days)
            who = _who(user, groups, holder)
            factories.make_grant(collections[number], who, role=role, expires_at=end)
    return World(user, _key(user, recipe), collections)


def _own_roles() -> dict[str, CustomRole]:
    return {
        "personnel": factories.make_role("", PERSONNEL),
        "librarian": factories.make_role("", LIBRARIAN),
        "writer": factories.make_role("", _WRITER),
    }


def _who(user: User, groups: list[Group], holder: int) -> User | Group:
    return user if holder < 0 else groups[holder]


def _key(user: User, recipe: dict[str, Any]) -> ApiKey | None:
    if recipe["key"] is None:
        return None
    now = timezone.now()
    state = {
        "valid": {},
        "revoked": {"revoked_at": now},
        "expired": {"expires_at": now - timedelta(days=1)},
    }[recipe["key_state"]]
    return factories.make_api_key(user, scope=recipe["key"], **state)[0]
