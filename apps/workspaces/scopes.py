"""From a person (and the key they came with) to a Scope. Four queries at most."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.permissions.roles import (
    ADMINISTRATOR,
    EVERYONE,
    GRANTS,
    KEY_GRANTS,
    KeyScope,
    Permission,
    Role,
)
from apps.permissions.scope import NOBODY, Scope, system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace

# What an administrator may do in every workspace without a role there: run it, not read it.
_RUNS_WORKSPACES = frozenset(
    {Permission.WORKSPACE_VIEW, Permission.MEMBER_MANAGE, Permission.WORKSPACE_MANAGE}
)
Held = defaultdict[UUID, frozenset[Permission]]


def scope_of(user: User | AnonymousUser, *, key: ApiKey | None = None) -> Scope:
    """What this person may reach now; with ``key``, no more than the key is for."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    with system_scope("sign-in: what this person may reach"):
        scope = _resolved(user)
    return scope if key is None else _kept_to(scope, key)


def _resolved(user: User) -> Scope:
    roles = _roles(user)
    held: Held = defaultdict(frozenset)
    for workspace_id, permissions in roles.items():
        held[workspace_id] |= permissions
    readable, writable = _by_role(roles)
    for collection_id, workspace_id, role in _granted(user):
        held[workspace_id] |= GRANTS[Role.VIEWER]
        readable.add(collection_id)
        if Permission.DOCUMENT_WRITE in GRANTS[Role(role)]:
            writable.add(collection_id)
    if user.is_administrator:
        for pk in Workspace.objects.values_list("pk", flat=True):
            held[pk] |= _RUNS_WORKSPACES
    return Scope(
        actor_id=user.pk,
        permissions=ADMINISTRATOR if user.is_administrator else EVERYONE,
        workspaces=MappingProxyType(dict(held)),
        readable=frozenset(readable),
        writable=frozenset(writable),
    )


def _of(user: User) -> Q:
    return Q(user=user) | Q(group__members=user)


def _roles(user: User) -> Mapping[UUID, frozenset[Permission]]:
    """What the person's own role and those of their groups add up to, per workspace."""
    roles: Held = defaultdict(frozenset)
    for workspace_id, role in Member.objects.filter(_of(user)).values_list("workspace_id", "role"):
        roles[workspace_id] |= GRANTS[Role(role)]
    return roles


def _by_role(roles: Mapping[UUID, frozenset[Permission]]) -> tuple[set[UUID], set[UUID]]:
    """Collections that a role opens: to managers every one, to others the open ones."""
    readable: set[UUID] = set()
    writable: set[UUID] = set()
    rows = Collection.objects.filter(workspace_id__in=roles) if roles else Collection.objects.none()
    for pk, workspace_id, is_open in rows.values_list("pk", "workspace_id", "is_open"):
        held = roles[workspace_id]
        if is_open or Permission.COLLECTION_MANAGE in held:
            readable.add(pk)
            if Permission.DOCUMENT_WRITE in held:
                writable.add(pk)
    return readable, writable


def _granted(user: User) -> list[tuple[UUID, UUID, str]]:
    """(collection, workspace, role) of every grant that has not run out."""
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = CollectionGrant.objects.filter(_of(user), valid)
    return list(rows.values_list("collection_id", "workspace_id", "role"))


def _kept_to(scope: Scope, key: ApiKey) -> Scope:
    """Never more than the owner may do, and of that only what the key is for."""
    granted = KEY_GRANTS[KeyScope(key.scope)]
    workspaces = {pk: held & granted for pk, held in scope.workspaces.items()}
    return replace(
        scope,
        permissions=scope.permissions & granted,
        workspaces=MappingProxyType(workspaces),
        readable=scope.readable if Permission.DOCUMENT_READ in granted else frozenset(),
        writable=scope.writable if Permission.DOCUMENT_WRITE in granted else frozenset(),
        via_key=key.pk,
    )
