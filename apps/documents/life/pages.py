"""What a document goes through: when it counts, what changed between two versions, and back."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError
from apps.core.pages import blame
from apps.documents import services
from apps.documents.forms import ValidityForm
from apps.documents.life.comparing import compare as compared
from apps.documents.life.validity import Validity, set_validity
from apps.documents.models import Document, DocumentVersion
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection


@require_POST
def validity(request: HttpRequest, document: UUID) -> HttpResponse:
    """The form of a dialog: on success the page is loaded again."""
    found = get_object_or_404(Document, pk=document)
    current_scope().require_write(found.collection_id)
    form = ValidityForm(request.POST)
    if form.is_valid():
        owner = form.cleaned_data.pop("owner")
        try:
            set_validity(document=found, validity=Validity(**form.cleaned_data), owner=owner)
        except AppError as error:
            blame(form, error, _words())
        else:
            return _reloaded(request, found)
    context = {"validity_form": form, "document": found}
    return render(request, "documents/_validity.html", context, status=422)


@require_safe
def compare(request: HttpRequest, document: UUID) -> HttpResponse:
    """Two versions: ``?old=`` and ``?new=``; without them the last two."""
    found = get_object_or_404(Document, pk=document)
    versions = list(found.versions.order_by("-number"))
    new = _named(versions, request.GET.get("new", ""), at=0)
    old = _named(versions, request.GET.get("old", ""), at=min(1, len(versions) - 1))
    place = Collection.objects.select_related("workspace").get(pk=found.collection_id)
    context = {
        "document": found,
        "collection": place,
        "workspace": place.workspace,
        "here": "documents",
        "versions": versions,
        "old": old,
        "new": new,
        "compared": compared(old, new),
        "may_write": current_scope().may_write(place.pk),
    }
    return render(request, "documents/compare.html", context)


@require_POST
def return_to(request: HttpRequest, document: UUID, version: UUID) -> HttpResponse:
    """An older version becomes the newest again."""
    found = get_object_or_404(DocumentVersion, pk=version, document_id=document)
    services.return_to(version=found)
    messages.success(request, _("This version answers again as soon as it is indexed."))
    return redirect("documents:document", document)


def _named(versions: list[DocumentVersion], wanted: str, *, at: int) -> DocumentVersion:
    if not wanted:
        return versions[at]
    found = next((one for one in versions if str(one.pk) == wanted), None)
    if found is None:
        raise Http404
    return found


def _reloaded(request: HttpRequest, document: Document) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return redirect("documents:document", document.pk)
    response = HttpResponse(status=204)
    response["HX-Refresh"] = "true"
    return response


def _words() -> dict[str, str]:
    return {
        "before_start": _("This day is before the one that it is valid from."),
        "owner": _("Nobody of this address or name can open this document."),
    }
