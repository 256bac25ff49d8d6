"""Which roles there are, what each allows, and who may give which."""

from uuid import UUID

from django.db.models import Q

from apps.accounts.models import User
from apps.permissions.roles import GRANTS, Permission, Role
from apps.permissions.scope import ScopeDenied, current_scope, system_scope
from apps.workspaces.rights.facts import facts_of
from apps.workspaces.roles.models import CustomRole

AnyRole = Role | CustomRole


def permissions_of(role: AnyRole) -> frozenset[Permission]:
    return role.held() if isinstance(role, CustomRole) else GRANTS[role]


def role_named(value: str) -> AnyRole | None:
    """One of the three by its word, one of the installation's own by id or name; None: no role."""
    if value in Role.values:
        return Role(value)
    try:
        return CustomRole.objects.filter(pk=UUID(value)).first()
    except ValueError:
        return CustomRole.objects.filter(Q(name__iexact=value.strip())).first()


def require_grantable(role: AnyRole, workspace_id: UUID) -> None:
    """Raise ScopeDenied where the role is more than the actor holds in this workspace. Whoever
    runs the installation may give every role, to themselves too: the log of events says so."""
    if missing := _missing(role, workspace_id):
        raise ScopeDenied(min(missing))


def is_grantable(role: AnyRole, workspace_id: UUID) -> bool:
    """Whether the actor may give this role there."""
    return not _missing(role, workspace_id)


def _missing(role: AnyRole, workspace_id: UUID) -> frozenset[Permission]:
    scope = current_scope()
    if scope.is_system or scope.allows(Permission.ADMINISTER):
        return frozenset()
    return permissions_of(role) - _held(workspace_id)


def grantable(workspace_id: UUID) -> list[CustomRole]:
    """Of the installation's own roles those that the actor may give in this workspace."""
    scope = current_scope()
    rows = list(CustomRole.objects.all())
    if not rows or scope.allows(Permission.ADMINISTER):
        return rows
    held = _held(workspace_id)
    return [role for role in rows if role.held() <= held]


def _held(workspace_id: UUID) -> frozenset[Permission]:
    """What the actor's roles give in the whole workspace. A grant on one collection lets them in
    there, and is nothing that they could give on for the others."""
    scope = current_scope()
    if scope.actor_id is None:
        return frozenset()
    with system_scope("what roles alone give, before one is given on"):
        user = User.objects.filter(pk=scope.actor_id).first()
        by_role = facts_of(user).by_role(workspace_id) if user else frozenset()
    return by_role & scope.workspaces.get(workspace_id, frozenset())
