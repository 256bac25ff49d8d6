"""Reads of workspaces and collections that are worth a name."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts import nesting
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from apps.workspaces.roles.granting import permissions_of


@dataclass(frozen=True, slots=True)
class Holder:
    """Who may open a collection: a whole workspace, a group or a person."""

    name: str
    kind: str
    role: str


def visible_workspaces() -> QuerySet[Workspace]:
    """Workspaces that the current scope may use, by name."""
    return Workspace.objects.order_by("name")


def unreadable_listed(workspace: Workspace) -> list[str]:
    """Names of listed collections that this actor, being a member, may not open."""
    return [name for _pk, name, _about in unreadable_places(workspace)]


def unreadable_places(workspace: Workspace) -> list[tuple[UUID, str, str]]:
    """(id, name, what is in it) of listed collections that this actor, being a member, may not
    open."""
    scope = current_scope()
    if scope.actor_id is None:
        return []
    person = Q(user_id=scope.actor_id) | Q(group__in=nesting.groups_of(scope.actor_id))
    if not Member.objects.filter(person, workspace=workspace).exists():
        return []
    with system_scope("listed collections: members see the names of those they cannot open"):
        rows = Collection.objects.filter(workspace=workspace, is_listed=True)
        rows = rows.exclude(pk__in=scope.readable).order_by("name")
        return list(rows.values_list("pk", "name", "description"))


def holders(collection: Collection) -> list[Holder]:
    """Who may open this collection, for whoever may open it."""
    members = Member.objects.filter(workspace_id=collection.workspace_id)
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    grants = CollectionGrant.objects.filter(valid, collection=collection)
    found = (
        [Holder(collection.workspace.name, "workspace", Role.VIEWER)]
        if collection.is_open
        else [
            _holder(row)
            for row in members.select_related("user", "group", "custom")
            if Permission.COLLECTION_MANAGE in permissions_of(row.held_role)
        ]
    )
    found += [_holder(row) for row in grants.select_related("user", "group")]
    return list(dict.fromkeys(found))


def _holder(row: Member | CollectionGrant) -> Holder:
    kind = "user" if row.user_id else "group"
    role = str(row.held_role) if isinstance(row, Member) else row.role
    return Holder(str(row.user or row.group), kind, role)
