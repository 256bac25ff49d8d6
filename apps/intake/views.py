"""Pages of what comes in: files by form, and what came of archives."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, ErrorCode
from apps.documents.dialogs import added
from apps.documents.forms import UrlForm
from apps.intake import archives
from apps.intake.forms import UploadForm
from apps.intake.models import Unpacking
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

SHOWN = 20


@require_POST
def upload(request: HttpRequest, collection: UUID) -> HttpResponse:
    """One file of <kb-upload>: JSON, so that each file of many answers for itself."""
    place = get_object_or_404(Collection, pk=collection)
    current_scope().require_write(place.pk)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        raise AppError(ErrorCode.BAD_REQUEST, fields=sorted(form.errors))
    file = form.cleaned_data["file"]
    taken = archives.take(
        collection=place,
        file=file,
        name=form.cleaned_data["name"] or file.name,
        on_existing=form.cleaned_data["on_existing"] or "ask",
        keeps_folders=True,
    )
    if isinstance(taken, Unpacking):
        return JsonResponse({"unpacking": str(taken.pk), "is_duplicate": False}, status=201)
    body = {"document": str(taken.document.pk), "is_duplicate": taken.is_duplicate}
    return JsonResponse(body, status=200 if taken.is_duplicate else 201)


@require_POST
def add_url(request: HttpRequest, collection: UUID) -> HttpResponse:
    """A page, a file or an archive at a public address."""
    form = UrlForm(request.POST)
    return added(request, collection, form, "url", archives.take_url)


@require_safe
def unpackings(request: HttpRequest, collection: UUID) -> HttpResponse:
    """The latest archives of a collection, for its page."""
    return _shown(request, get_object_or_404(Collection, pk=collection))


@require_POST
def forget(request: HttpRequest, unpacking: UUID) -> HttpResponse:
    found = get_object_or_404(Unpacking, pk=unpacking)
    current_scope().require_write(found.collection_id)
    archives.forget(unpacking=found)
    return _shown(request, found.collection)


def _shown(request: HttpRequest, place: Collection) -> HttpResponse:
    context = {
        "collection": place,
        "unpackings": Unpacking.objects.filter(collection=place)[:SHOWN],
        "may_write": current_scope().may_write(place.pk),
    }
    return render(request, "intake/_unpackings.html", context)
