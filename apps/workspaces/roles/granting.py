"""Which roles there are, what each allows, and who may give which."""

from uuid import UUID

from django.db.models import Q

from apps.permissions.roles import GRANTS, Permission, Role
from apps.permissions.scope import ScopeDenied, current_scope
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
    scope = current_scope()
    if scope.is_system or scope.allows(Permission.ADMINISTER):
        return
    held = scope.workspaces.get(workspace_id, frozenset())
    if missing := permissions_of(role) - held:
        raise ScopeDenied(min(missing))


def grantable(workspace_id: UUID) -> list[CustomRole]:
    """Of the installation's own roles those that the actor may give in this workspace."""
    scope = current_scope()
    rows = list(CustomRole.objects.all())
    if scope.allows(Permission.ADMINISTER):
        return rows
    held = scope.workspaces.get(workspace_id, frozenset())
    return [role for role in rows if role.held() <= held]
