"""Which collections a request of a machine names."""

from collections.abc import Collection as Some
from uuid import UUID

from apps.core.errors import AppError, ErrorCode
from apps.core.ids import as_uuid
from apps.workspaces.models import Collection, Workspace


def named_collections(
    *, workspaces: Some[str] = (), collections: Some[UUID] = ()
) -> frozenset[UUID] | None:
    """The collections meant, all of them readable by the caller; None when nothing was named.

    A named workspace stands for its readable collections, unless collections of it are named too:
    then those narrow it. A name that the caller cannot see is NOT_FOUND: silence would widen or
    empty the search without a word.
    """
    if not workspaces and not collections:
        return None
    rooms = _rooms(workspaces)
    named = {row.pk: row.workspace_id for row in Collection.objects.filter(pk__in=collections)}
    if set(collections) - set(named):
        raise AppError(ErrorCode.NOT_FOUND, status=404, field="collections")
    whole = rooms - set(named.values())
    more = Collection.objects.filter(workspace_id__in=whole).values_list("pk", flat=True)
    return frozenset(named) | frozenset(more)


def _rooms(names: Some[str]) -> set[UUID]:
    """Ids of workspaces named by slug or id."""
    ids = {value for name in names if (value := as_uuid(name))}
    slugs = {name for name in names if not as_uuid(name)}
    found = set(Workspace.objects.filter(pk__in=ids).values_list("pk", flat=True))
    by_slug = dict(Workspace.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    if ids - found or slugs - set(by_slug):
        raise AppError(ErrorCode.NOT_FOUND, status=404, field="workspaces")
    return found | set(by_slug.values())
