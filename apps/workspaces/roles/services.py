"""Verbs on the installation's own roles. They bite on the next request of whoever holds one."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import NEEDS, WORKSPACE_PERMISSIONS, Permission, Role
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.roles.models import CustomRole


@transaction.atomic
def create_role(*, name: str, permissions: Iterable[str]) -> CustomRole:
    """Raises AppError: CONFLICT when the name is taken, BAD_REQUEST when the set makes no sense."""
    current_scope().require(Permission.ADMINISTER)
    role = CustomRole(name=_free(name), permissions=_complete(permissions))
    _save(role)
    events.record("role.created", role, name=role.name, permissions=role.permissions)
    return role


@transaction.atomic
def update_role(
    *, role: CustomRole, name: str | None = None, permissions: Iterable[str] | None = None
) -> CustomRole:
    """Everybody who holds the role may do what it says now, from their next request on."""
    current_scope().require(Permission.ADMINISTER)
    if name is not None:
        role.name = _free(name)
    if permissions is not None:
        role.permissions = _complete(permissions)
    _save(role)
    events.record("role.changed", role, name=role.name, permissions=role.permissions)
    return role


@transaction.atomic
def delete_role(*, role: CustomRole) -> None:
    """Raises AppError CONFLICT while somebody holds it, or something else gives it: reason
    ``role_in_use``, ``role_in_rule``."""
    current_scope().require(Permission.ADMINISTER)
    events.record("role.deleted", role, name=role.name)
    try:
        with transaction.atomic(), system_scope("delete a role: who holds it, in any workspace"):
            role.delete()
    except ProtectedError as error:
        is_held = any(isinstance(row, role.members.model) for row in error.protected_objects)
        reason = "role_in_use" if is_held else "role_in_rule"
        raise AppError(ErrorCode.CONFLICT, status=409, reason=reason) from error


def _free(name: str) -> str:
    """A name that cannot be mistaken for one of the three roles."""
    name = name.strip()
    words = {role.value for role in Role} | {str(role.label).casefold() for role in Role}
    if name.casefold() in words:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name")
    return name


def _complete(permissions: Iterable[str]) -> list[str]:
    """The set with what each part of it needs, in the order of the table."""
    wanted = {Permission(value) for value in permissions}
    if not wanted or not wanted <= set(WORKSPACE_PERMISSIONS):
        raise AppError(ErrorCode.BAD_REQUEST, field="permissions")
    wanted |= {NEEDS[permission] for permission in wanted if permission in NEEDS}
    wanted.add(Permission.WORKSPACE_VIEW)
    return [permission.value for permission in WORKSPACE_PERMISSIONS if permission in wanted]


def _save(role: CustomRole) -> None:
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error
