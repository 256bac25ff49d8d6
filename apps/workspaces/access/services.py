"""Verbs on requests to be let in. Each is answered once, however many managers answer it."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import GRANTS, Permission, Role
from apps.permissions.scope import ScopeDenied, current_scope
from apps.workspaces.collections import grant
from apps.workspaces.models import AccessRequest, Collection, CollectionGrant, Workspace
from apps.workspaces.queries import unreadable_places


@transaction.atomic
def ask(*, workspace: Workspace, collection_id: UUID, reason: str) -> AccessRequest:
    """Ask to read a listed collection. What one may not see the name of is as absent here as
    anywhere (DoesNotExist). Raises AppError CONFLICT while a request of theirs waits."""
    scope = current_scope()
    scope.require(Permission.WORKSPACE_VIEW, workspace.pk)
    if scope.actor_id is None or scope.application_id is not None:  # people ask for themselves
        raise ScopeDenied(Permission.WORKSPACE_VIEW)
    if collection_id not in {pk for pk, _name, _about in unreadable_places(workspace)}:
        raise Collection.DoesNotExist
    row = AccessRequest(
        workspace_id=workspace.pk,
        collection_id=collection_id,
        asker_id=scope.actor_id,
        reason=reason.strip(),
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="asked_already") from error
    events.record("access.requested", row, reason=row.reason)
    return row


@transaction.atomic
def withdraw(*, request: AccessRequest) -> None:
    """By who asked."""
    scope = current_scope()
    if request.asker_id != scope.actor_id or scope.application_id is not None:
        raise AccessRequest.DoesNotExist
    _answered(request, AccessRequest.State.WITHDRAWN, "")


@transaction.atomic
def approve(
    *,
    request: AccessRequest,
    role: str = Role.VIEWER,
    expires_at: datetime | None = None,
    answer: str = "",
) -> AccessRequest:
    """Grant what was asked for. Raises AppError CONFLICT when it is answered already."""
    current_scope().require(Permission.COLLECTION_MANAGE, request.workspace_id)
    _answered(request, AccessRequest.State.GRANTED, answer)
    collection = Collection.objects.get(pk=request.collection_id)
    role, expires_at = _never_less(collection, request, Role(role), expires_at)
    grant(collection=collection, user=request.asker, role=role, expires_at=expires_at)
    events.record("access.granted", request, who=str(request.asker), role=role)
    return request


def _never_less(
    collection: Collection, request: AccessRequest, role: Role, ends: datetime | None
) -> tuple[Role, datetime | None]:
    """What they were granted while the request waited is not made less by saying yes to it."""
    held = CollectionGrant.objects.filter(collection=collection, user=request.asker).first()
    if held is None or (held.expires_at is not None and held.expires_at <= timezone.now()):
        return role, ends
    wider = role if GRANTS[role] >= GRANTS[Role(held.role)] else Role(held.role)
    later = None if None in (ends, held.expires_at) else max(filter(None, (ends, held.expires_at)))
    return wider, later


@transaction.atomic
def refuse(*, request: AccessRequest, answer: str) -> AccessRequest:
    """Say no, and why: who asked reads the reason."""
    current_scope().require(Permission.COLLECTION_MANAGE, request.workspace_id)
    _answered(request, AccessRequest.State.REFUSED, answer)
    events.record("access.refused", request, who=str(request.asker), reason=request.answer)
    return request


def decided_here(pk: UUID, workspace: Workspace) -> AccessRequest:
    """A request in this workspace, for who decides there; asked before anything is looked up."""
    current_scope().require(Permission.COLLECTION_MANAGE, workspace.pk)
    return AccessRequest.objects.select_related("asker").get(pk=pk, workspace_id=workspace.pk)


def _answered(request: AccessRequest, state: str, answer: str) -> None:
    waiting = AccessRequest.objects.filter(pk=request.pk, state=AccessRequest.State.WAITING)
    done = waiting.update(
        state=state,
        answer=answer.strip(),
        answered_by_id=current_scope().actor_id,
        answered_at=timezone.now(),
    )
    if not done:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="answered_already")
    request.refresh_from_db()
