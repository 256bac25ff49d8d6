"""What the sidebar asks for: the collections of one workspace, and who manages it."""

from uuid import UUID

from django import template
from django.db.models import Count, Q, QuerySet

from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection, Workspace

register = template.Library()


@register.simple_tag
def collections_of(workspace: Workspace) -> QuerySet[Collection]:
    """Readable collections of a workspace with the number of their documents; one query."""
    live = Count("documents", filter=Q(documents__deleted_at__isnull=True))
    return Collection.objects.filter(workspace_id=workspace.pk).annotate(document_count=live)


@register.simple_tag
def manages(workspace: Workspace) -> bool:
    """Whether this person may change the workspace and its members."""
    return current_scope().allows(Permission.WORKSPACE_MANAGE, UUID(str(workspace.pk)))


@register.filter
def initials(name: object) -> str:
    """One or two letters for the round mark: 张, AW."""
    words = str(name).split("@")[0].replace(".", " ").split()
    if not words:
        return "?"
    if not words[0].isascii():
        return words[0][0]
    return "".join(word[0] for word in words[:2]).upper()
