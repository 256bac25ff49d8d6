"""Verbs on workspaces and their members. Those on collections are in ``collections``."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.accounts import nesting
from apps.accounts.models import BY_HAND, Group, User
from apps.core.errors import AppError, ErrorCode
from apps.core.ids import uuid7
from apps.events import services as events
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.collections import (
    announce_end,
    create_collection,
    delete_collection,
    grant,
    revoke,
    update_collection,
)
from apps.workspaces.models import AnswerMode, Collection, Member, Workspace
from apps.workspaces.roles.granting import AnyRole, permissions_of, require_grantable

__all__ = [
    "add_member",
    "change_role",
    "create_collection",
    "create_workspace",
    "delete_collection",
    "delete_workspace",
    "grant",
    "remove_member",
    "revoke",
    "update_collection",
    "update_workspace",
]

_EDITABLE = frozenset({"name", "mode", "language", "prompt", "model"})
_SLUG_MAX = 50


# --- workspaces -----------------------------------------------------------------------------------
def create_workspace(
    *,
    name: str,
    slug: str = "",
    mode: str = AnswerMode.DOCUMENTS_ONLY,
    language: str = "",
    prompt: str = "",
) -> Workspace:
    """A workspace with a first collection; whoever makes it becomes its manager. Raises AppError
    CONFLICT with ``field`` when the slug is taken."""
    scope = current_scope()
    scope.require(Permission.WORKSPACE_CREATE)
    values = {"name": name.strip(), "mode": mode, "language": language, "prompt": prompt}
    owner = {"owner_id": scope.actor_id}
    with transaction.atomic(), system_scope("create workspace: nobody has a role in it yet"):
        workspace = _insert(slug=slug or _free_slug(name), **values, **owner)
        with translation.override(language or translation.get_language() or settings.LANGUAGE_CODE):
            first = _("Documents")
        Collection.objects.create(workspace=workspace, name=first)
        if scope.actor_id is not None:
            Member.objects.create(workspace=workspace, user_id=scope.actor_id, role=Role.MANAGER)
    events.record("workspace.created", workspace, workspace_id=workspace.pk, name=workspace.name)
    return workspace


def _insert(**values: Any) -> Workspace:
    try:
        with transaction.atomic():
            return Workspace.objects.create(**values)
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="slug") from error


def _free_slug(name: str) -> str:
    """An address from the name; a name without Latin letters gets a short random one."""
    base = slugify(name)[:_SLUG_MAX] or f"w-{uuid7().hex[-8:]}"
    taken = set(Workspace.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    free = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken and base != "new" else next(s for s in free if s not in taken)


@transaction.atomic
def update_workspace(*, workspace: Workspace, **values: str) -> Workspace:
    """Change name, mode, language, prompt or model; the address stays."""
    current_scope().require(Permission.WORKSPACE_MANAGE, workspace.pk)
    if unknown := set(values) - _EDITABLE:
        msg = f"not editable: {sorted(unknown)}"
        raise ValueError(msg)
    for field, value in values.items():
        setattr(workspace, field, value.strip())
    workspace.save(update_fields=[*values, "updated_at"])
    events.record("workspace.changed", workspace, workspace_id=workspace.pk, fields=sorted(values))
    return workspace


@transaction.atomic
def delete_workspace(*, workspace: Workspace) -> UUID:
    """Remove the workspace with its collections, documents and conversations. What the index and
    the disk still hold of it is removed by a job. Returns the id of its receipt."""
    current_scope().require(Permission.WORKSPACE_MANAGE, workspace.pk)
    events.record("workspace.deleted", workspace, name=workspace.name)
    with system_scope("delete workspace: an administrator cannot read its collections"):
        ids = list(Collection.objects.filter(workspace=workspace).values_list("pk", flat=True))
    receipt = announce_end(workspace, "workspace", workspace.pk, workspace.name, ids)
    workspace.delete()
    return receipt


# --- members --------------------------------------------------------------------------------------
@transaction.atomic
def add_member(
    *,
    workspace: Workspace,
    user: User | None = None,
    group: Group | None = None,
    role: AnyRole = Role.VIEWER,
) -> Member:
    """Give a person or a group a role, no greater one than the actor's own. Raises AppError
    CONFLICT when it has one already."""
    current_scope().require(Permission.MEMBER_MANAGE, workspace.pk)
    require_grantable(role, workspace.pk)
    member = Member(workspace=workspace, user=user, group=group)
    member.give(role)
    try:
        with transaction.atomic():
            member.save(force_insert=True)
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="who") from error
    events.record("member.added", member, who=str(user or group), role=str(member.held_role))
    return member


@transaction.atomic
def change_role(*, member: Member, role: AnyRole) -> Member:
    """Raises AppError CONFLICT when the workspace would be left without a manager, or when the role
    comes from outside."""
    _require_over(member)
    require_grantable(role, member.workspace_id)
    _require_by_hand(member)
    if not _is_managing(role):
        _keep_a_manager(but=member)
    member.give(role)
    member.save(update_fields=["role", "custom"])
    who = str(member.user or member.group)
    events.record("member.role_changed", member, who=who, role=str(member.held_role))
    return member


@transaction.atomic
def remove_member(*, member: Member) -> None:
    """Raises AppError CONFLICT when the workspace would be left without a manager, or when the role
    comes from outside."""
    _require_over(member)
    _require_by_hand(member)
    _keep_a_manager(but=member)
    events.record("member.removed", member, who=str(member.user or member.group))
    member.delete()


def _require_by_hand(member: Member) -> None:
    """What an outside source gives is changed there, or in its mapping: it would come back."""
    if member.origin != BY_HAND:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="from_outside")


def _require_over(member: Member) -> None:
    """Who holds more than the actor is not theirs to change."""
    current_scope().require(Permission.MEMBER_MANAGE, member.workspace_id)
    require_grantable(member.held_role, member.workspace_id)


def _is_managing(role: AnyRole) -> bool:
    return {Permission.WORKSPACE_MANAGE, Permission.MEMBER_MANAGE} <= permissions_of(role)


def _keep_a_manager(*, but: Member) -> None:
    """Somebody who can sign in has to stay manager, as a person or through a group."""
    if not _is_managing(but.held_role):
        return
    # Locked, so that two managers cannot remove each other at the same time.
    Workspace.objects.select_for_update().get(pk=but.workspace_id)
    others = Member.objects.filter(workspace_id=but.workspace_id).exclude(pk=but.pk)
    if not managers_among(others.select_related("user", "custom")):
        raise AppError(ErrorCode.CONFLICT, status=409, reason="last_manager")


def managers_among(members: Iterable[Member]) -> bool:
    """Whether one of these manages and is, or holds, somebody who can sign in."""
    managing = [member for member in members if _is_managing(member.held_role)]
    if any(member.user is not None and member.user.is_active for member in managing):
        return True
    groups = [member.group_id for member in managing if member.group_id is not None]
    return nesting.people_in(groups).filter(is_active=True).exists()
