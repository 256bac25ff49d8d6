"""How a collection cuts its documents: settings, a preview on a real document, what it costs."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, message_of
from apps.core.pages import show
from apps.documents.forms import CuttingForm
from apps.documents.models import Document
from apps.documents.passages import recutting
from apps.documents.passages.recipes import READ_WHOLE, Wish, usual, values_of, wish, wish_of
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection


@never_cache
@require_safe
def cutting(request: HttpRequest, collection: UUID) -> HttpResponse:
    """The settings; with values in the address also what they would make and cost."""
    place = _managed(collection)
    if "size" not in request.GET:
        return _page(request, place)
    form = CuttingForm(request.GET, collection=place)
    if not form.is_valid():
        return _page(request, place, form=form, status=422)
    chosen = _wish(form)
    context: dict[str, Any] = {"form": form, "chosen": chosen}
    context["cost"] = recutting.cost(collection=place, chosen=chosen)
    document = form.cleaned_data["document"]
    if document is not None:
        try:
            context["preview"] = recutting.preview(document=document, chosen=chosen)
        except AppError as error:
            context["problem"] = message_of(error.code)
    return _page(request, place, **context)


@require_POST
def apply(request: HttpRequest, collection: UUID) -> HttpResponse:
    place = _managed(collection)
    form = CuttingForm(request.POST, collection=place)
    if not form.is_valid():
        return _page(request, place, form=form, status=422)
    return _begun(request, place, recutting.apply(collection=place, chosen=_wish(form)))


@require_POST
def undo(request: HttpRequest, collection: UUID) -> HttpResponse:
    """Back to the settings before, also while the change is under way."""
    place = _managed(collection)
    return _begun(request, place, recutting.undo(collection=place))


@require_POST
def again(request: HttpRequest, collection: UUID) -> HttpResponse:
    place = _managed(collection)
    return _begun(request, place, recutting.again(collection=place))


@never_cache
@require_safe
def progress(request: HttpRequest, collection: UUID) -> HttpResponse:
    """How far it is, asked for again while documents wait."""
    return render(request, "documents/_cutting_progress.html", _progress(_managed(collection)))


def _managed(collection: UUID) -> Collection:
    place = get_object_or_404(Collection.objects.select_related("workspace"), pk=collection)
    current_scope().require(Permission.COLLECTION_MANAGE, place.workspace_id)
    return place


def _wish(form: CuttingForm) -> Wish:
    chosen = form.cleaned_data
    return wish(
        size=chosen["size"],
        overlap=chosen["overlap"],
        headings=chosen["headings"],
        parent=chosen["parent"],
    )


def _begun(request: HttpRequest, place: Collection, runs: int) -> HttpResponse:
    words = ngettext(
        "Saved. %(n)d document is cut anew.", "Saved. %(n)d documents are cut anew.", runs
    )
    messages.success(request, words % {"n": runs} if runs else _("Saved."))
    return redirect("documents:cutting", place.pk)


def _page(
    request: HttpRequest, place: Collection, *, status: int = 200, **more: Any
) -> HttpResponse:
    now = wish_of(place.pk)
    chosen = more.get("chosen")
    context = {
        **_progress(place),
        "workspace": place.workspace,
        "here": "documents",
        "form": CuttingForm(initial=values_of(now), collection=place),
        "now": now,
        "usual": usual(),
        "is_usual": now == usual(),
        "read_whole": READ_WHOLE,
        "is_same": chosen == now,
        "only_around": chosen is not None and chosen.recipe == now.recipe,
        **more,
    }
    return show(
        request, "documents/cutting.html", "documents/_cutting.html", context, status=status
    )


def _progress(place: Collection) -> dict[str, Any]:
    row = recutting.settings_of(place)
    return {
        "collection": place,
        "settings": row,
        "progress": recutting.progress(place) if row else None,
        "may_undo": row is not None and bool(row.previous),
        "empty": not Document.objects.filter(collection=place).exists(),
    }
