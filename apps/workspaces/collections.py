"""Verbs on collections and on grants to them; called through ``services``."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import Group, User
from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.core.ids import uuid7
from apps.events import services as events
from apps.permissions.roles import GRANTS, Permission, Role
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import AccessRequest, Collection, CollectionGrant, Workspace

_EDITABLE = frozenset({"name", "description", "is_open", "is_listed"})


@transaction.atomic
def create_collection(
    *,
    workspace: Workspace,
    name: str,
    description: str = "",
    is_open: bool = True,
    is_listed: bool = True,
) -> Collection:
    """Raises AppError CONFLICT with ``field`` when the workspace has a collection of this name."""
    current_scope().require(Permission.COLLECTION_MANAGE, workspace.pk)
    collection = Collection(
        workspace=workspace,
        name=name.strip(),
        description=description.strip(),
        is_open=is_open,
        is_listed=is_listed,
    )
    _save(collection)
    _record("collection.created", collection, name=collection.name)
    return collection


@transaction.atomic
def update_collection(*, collection: Collection, **values: str | bool) -> Collection:
    """Change name, description, is_open or is_listed."""
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)
    if unknown := set(values) - _EDITABLE:
        msg = f"not editable: {sorted(unknown)}"
        raise ValueError(msg)
    for field, value in values.items():
        setattr(collection, field, value.strip() if isinstance(value, str) else value)
    _save(collection)
    _record("collection.changed", collection, **values)
    return collection


def _save(collection: Collection) -> None:
    try:
        with transaction.atomic():
            collection.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error


@transaction.atomic
def delete_collection(*, collection: Collection) -> UUID:
    """Remove the collection with its documents. They are gone from search at once; what the index
    and the disk still hold of them is removed by a job. Returns the id of its receipt."""
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)
    # Of the workspace: nobody can be let into what is gone.
    events.record("collection.deleted", collection, name=collection.name)
    workspace = collection.workspace
    receipt = announce_end(workspace, "collection", collection.pk, collection.name, [collection.pk])
    collection.delete()
    return receipt


def announce_end(
    workspace: Workspace, kind: str, pk: UUID, name: str, collection_ids: Iterable[UUID]
) -> UUID:
    """Let the apps above forget what they hold of collections that end now. Returns the id under
    which the receipt is found."""
    ending = hooks.Ending(
        id=uuid7(),
        kind=kind,
        object_id=pk,
        name=name,
        workspace_id=workspace.pk,
        workspace_name=workspace.name,
        actor_id=current_scope().actor_id,
        collections=frozenset(collection_ids),
    )
    with system_scope("collections end: quotes, files and vectors of everybody's documents go"):
        hooks.place_ending(ending)
        hooks.collections_removed(ending.collections)
        AccessRequest.objects.filter(collection_id__in=ending.collections).delete()
    return ending.id


@transaction.atomic
def grant(
    *,
    collection: Collection,
    user: User | None = None,
    group: Group | None = None,
    role: str = Role.VIEWER,
    expires_at: datetime | None = None,
) -> CollectionGrant:
    """Let a person or a group into one collection. Granted again: role and end are replaced.
    Nobody lets others, or themselves, write where they may not."""
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)
    if Permission.DOCUMENT_WRITE in GRANTS[Role(role)]:
        current_scope().require(Permission.DOCUMENT_WRITE, collection.workspace_id)
    row, _is_new = CollectionGrant.objects.update_or_create(
        collection=collection,
        user=user,
        group=group,
        defaults={"role": Role(role), "expires_at": expires_at},
        create_defaults={
            "workspace_id": collection.workspace_id,
            "role": Role(role),
            "expires_at": expires_at,
        },
    )
    _record("collection.granted", collection, who=str(user or group), role=role)
    return row


@transaction.atomic
def revoke(*, grant: CollectionGrant) -> None:
    """The holder loses the collection with the next request."""
    current_scope().require(Permission.COLLECTION_MANAGE, grant.workspace_id)
    events.record("collection.revoked", grant, who=str(grant.user or grant.group))
    grant.delete()


def _record(kind: str, collection: Collection, **data: Any) -> None:
    events.record(kind, collection, collection_id=collection.pk, **data)
