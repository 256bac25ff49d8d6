"""Pages of the documents of a collection: the list with its live rows, and what adds to it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError
from apps.core.ids import as_uuid
from apps.core.pages import blame
from apps.documents import services
from apps.documents.dialogs import added, changed
from apps.documents.forms import FilterForm, RenameForm, TextForm, UrlForm
from apps.documents.life import validity
from apps.documents.models import Document, IngestRun
from apps.documents.queries import (
    FAILED,
    READY,
    balance,
    documents_with_state,
    with_state,
)
from apps.documents.runs.incoming import batches
from apps.documents.runs.waiting import places_of, seconds_left
from apps.documents.strings import upload_strings
from apps.engines import archives
from apps.engines.media_types import SUFFIXES
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.queries import holders

PER_PAGE = 50


# --- the list -------------------------------------------------------------------------------------
@require_safe
def workspace(request: HttpRequest, slug: str) -> HttpResponse:
    """The first collection of a workspace, or what to do when there is none."""
    room = get_object_or_404(Workspace, slug=slug)
    first = Collection.objects.filter(workspace=room).first()
    if first is not None:
        return redirect("documents:list", first.pk)
    may_create = current_scope().allows(Permission.COLLECTION_MANAGE, room.pk)
    context = {"workspace": room, "here": "documents", "may_create": may_create}
    return render(request, "documents/none.html", context)


@require_safe
def listing(request: HttpRequest, collection: UUID) -> HttpResponse:
    place = _place(collection)
    context = {
        **_rows(request, place),
        "workspace": place.workspace,
        "here": "documents",
        "holders": holders(place),
        "may_manage": current_scope().allows(Permission.COLLECTION_MANAGE, place.workspace_id),
        "text_form": TextForm(),
        "url_form": UrlForm(),
        "limit_bytes": settings.UPLOAD_MAX_BYTES,
        "suffixes": ",".join(f".{suffix}" for suffix in SUFFIXES if suffix),
        "suffixes_said": " ".join(sorted(f".{suffix}" for suffix in SUFFIXES if suffix)),
        "archives": ",".join(archives.SUFFIXES),
        "archives_said": " ".join(archives.SUFFIXES),
        "upload_strings": upload_strings,
    }
    return render(request, "documents/list.html", context)


@require_safe
def rows(request: HttpRequest, collection: UUID) -> HttpResponse:
    """Balance and rows anew, for htmx: when something changed or the filter did."""
    return render(request, "documents/_rows.html", _rows(request, _place(collection)))


@require_safe
def row(request: HttpRequest, document: UUID) -> HttpResponse:
    return _row(request, get_object_or_404(Document, pk=document))


def _place(collection: UUID) -> Collection:
    return get_object_or_404(Collection.objects.select_related("workspace"), pk=collection)


def _rows(request: HttpRequest, place: Collection) -> dict[str, Any]:
    wanted = FilterForm(request.GET)
    wanted.is_valid()  # what is not understood narrows nothing
    chosen = wanted.cleaned_data
    found = _narrowed(documents_with_state(place), chosen.get("q", ""), chosen.get("state", ""))
    page = _page(found, chosen.get("page") or 1)
    _with_places(page.object_list)
    counts = balance(place)
    return {
        "collection": place,
        "page": page,
        "filter": wanted,
        "is_filtered": bool(chosen.get("q") or chosen.get("state")),
        "balance": counts,
        "seconds_left": seconds_left(place) if counts.waiting else None,
        "may_write": current_scope().may_write(place.pk),
    }


def _narrowed(found: QuerySet[Document], name: str, state: str) -> QuerySet[Document]:
    """Those whose name holds ``name`` and whose annotated ``state`` is the one asked for."""
    if name:
        found = found.filter(name__icontains=name)
    if state in {"expired", "attention"}:
        return validity.narrowed(found, state)
    if state == "waiting":
        return found.exclude(state__in=[READY, FAILED])  # type: ignore[misc]
    return found.filter(state=state) if state else found  # type: ignore[misc]


def _page(found: QuerySet[Document], number: int) -> Page[Document]:
    return Paginator(found, PER_PAGE).get_page(number)


def _with_places(documents: Iterable[Document]) -> None:
    """Tell those that wait their place in the queue, as ``waits``."""
    rows = {row.pk: row for row in documents if row.run_state == IngestRun.State.QUEUED}  # type: ignore[attr-defined]
    for pk, place in places_of(rows.keys()).items():
        rows[pk].waits = place  # type: ignore[attr-defined]


def _row(request: HttpRequest, document: Document) -> HttpResponse:
    found = with_state(Document.objects.filter(pk=document.pk)).get()
    _with_places([found])
    may_write = current_scope().may_write(found.collection_id)
    return render(request, "documents/_row.html", {"document": found, "may_write": may_write})


@never_cache
@require_safe
def incoming(request: HttpRequest) -> HttpResponse:
    """The line about what this person brought, asked for again while something is on its way.
    ``?watched=``: collections it told of; ``?here=``: one whose own page says it already."""
    watched = {key for text in request.GET.get("watched", "").split(",") if (key := as_uuid(text))}
    here = as_uuid(request.GET.get("here", ""))
    found = [one for one in batches(watched) if one.collection.pk != here]
    context = {
        "batches": found,
        "is_active": any(one.waiting for one in found),
        "watched": ",".join(str(one.collection.pk) for one in found),
        "here_id": here,
    }
    return render(request, "documents/_incoming.html", context)


# --- adding ---------------------------------------------------------------------------------------
@require_POST
def add_text(request: HttpRequest, collection: UUID) -> HttpResponse:
    return added(request, collection, TextForm(request.POST), "text", services.add_text)


# --- one document ---------------------------------------------------------------------------------
@require_POST
def retry(request: HttpRequest, document: UUID) -> HttpResponse:
    found = get_object_or_404(Document, pk=document)
    services.retry(document=found)
    return _row(request, found)


@require_POST
def retry_failed(request: HttpRequest, collection: UUID) -> HttpResponse:
    """Everything of a collection that failed, once more; not what fails however often it is read."""
    place = _place(collection)
    services.retry_failed(collection=place)
    return render(request, "documents/_rows.html", _rows(request, place))


@require_POST
def rename(request: HttpRequest, document: UUID) -> HttpResponse:
    found = get_object_or_404(Document, pk=document)
    current_scope().require_write(found.collection_id)
    form = RenameForm(request.POST)
    if form.is_valid():
        try:
            services.rename_document(document=found, name=form.cleaned_data["name"])
            return changed(found.collection_id, close="rename")
        except AppError as error:
            blame(form, error, {"": _("Another document of this collection has this name.")})
    context = {"form": form, "document": found}
    return render(request, "documents/_rename.html", context, status=422)


@require_POST
def delete(request: HttpRequest, document: UUID) -> HttpResponse:
    found = get_object_or_404(Document, pk=document)
    collection = found.collection_id
    services.delete_document(document=found)
    if request.headers.get("HX-Request"):
        return changed(collection)
    return redirect("documents:list", collection)
