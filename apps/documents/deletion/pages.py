"""Pages of what was deleted: the receipts of a workspace or a collection, and one of them."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.documents.deletion import receipts
from apps.documents.models import DeletionReceipt
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection, Workspace

PER_PAGE = 50

STEPS = {
    "hidden": _("Out of every list and search"),
    "index_dropped": _("Vectors and full text removed from the index"),
    "quotes_erased": _("Quotes in old answers blanked"),
    "passages_erased": _("Passages erased"),
    "files_erased": _("Files and what was read from them erased"),
    "rows_erased": _("Entries erased from the database"),
    "index_purged": _("Older states of the index removed from the disk"),
    "database_purged": _("Space of the database freed on the disk"),
}
STORES = {
    "collections": _("Collections"),
    "documents": _("Documents"),
    "versions": _("Versions"),
    "chunks": _("Passages"),
    "edits": _("Edits of passages, with their history"),
    "vectors": _("Vectors, each with its full text"),
    "files": _("Files"),
    "files_kept": _("Files kept, because another document has the same"),
    "recognised": _("Pages as they were recognised"),
    "quotes": _("Quotes in answers"),
}


@never_cache
@require_safe
def everywhere(request: HttpRequest) -> HttpResponse:
    """All receipts that one may see; to administrators also those of workspaces that are gone."""
    return _list(request, receipts.visible(), {"here": "deletions", "is_everywhere": True})


@never_cache
@require_safe
def of_workspace(request: HttpRequest, slug: str) -> HttpResponse:
    room = get_object_or_404(Workspace, slug=slug)
    return _list(request, receipts.visible(workspace_id=room.pk), {"workspace": room})


@never_cache
@require_safe
def of_collection(request: HttpRequest, collection: UUID) -> HttpResponse:
    place = get_object_or_404(Collection.objects.select_related("workspace"), pk=collection)
    found = receipts.visible(collection_id=place.pk)
    return _list(request, found, {"workspace": place.workspace, "collection": place})


def _list(
    request: HttpRequest, found: QuerySet[DeletionReceipt], context: dict[str, Any]
) -> HttpResponse:
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "documents/deletions.html", {"page": page, **context})


@never_cache
@require_safe
def receipt(request: HttpRequest, deletion: UUID) -> HttpResponse:
    found = get_object_or_404(receipts.visible(), pk=deletion)
    room = Workspace.objects.filter(pk=found.workspace_id).first()
    manages = current_scope().allows(Permission.COLLECTION_MANAGE, found.workspace_id)
    context = {
        "receipt": found,
        "workspace": room,
        "may_see_list": room is not None and manages,
        "steps": [(STEPS[one["step"]], parse_datetime(one["at"])) for one in found.steps],
        "removed": _counted(found.removed),
        "remaining": sum(found.remaining.values()),
        "is_intact": receipts.is_intact(found),
    }
    return render(request, "documents/deletion.html", context)


def _counted(counts: dict[str, int]) -> list[tuple[Any, int]]:
    return [(words, counts[name]) for name, words in STORES.items() if name in counts]


@never_cache
@require_safe
def receipt_file(request: HttpRequest, deletion: UUID) -> HttpResponse:
    """The canonical JSON as a file: its SHA-256 is the one on the receipt."""
    del request
    found = get_object_or_404(receipts.visible(), pk=deletion)
    response = HttpResponse(receipts.canonical(found), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="deletion-{found.pk}.json"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
