"""Pages of a collection: making one, who may use it, removing it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import queries as accounts
from apps.accounts import reauth
from apps.core.errors import AppError
from apps.core.pages import blame, show
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces import services
from apps.workspaces.forms import CollectionForm, DeleteForm, GrantForm
from apps.workspaces.models import Collection, CollectionGrant, Workspace


def _taken() -> dict[str, str]:
    return {"name": _("This workspace has a collection of this name already.")}


@never_cache
def create(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    current_scope().require(Permission.COLLECTION_MANAGE, workspace.pk)
    form = CollectionForm(request.POST or None)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_collection(workspace=workspace, **form.cleaned_data)
        except AppError as error:
            status = error.status
            blame(form, error, _taken())
        else:
            return redirect("documents:list", made.pk)
    context = {"form": form, "workspace": workspace}
    return render(request, "workspaces/collection_create.html", context, status=status)


def _managed(slug: str, pk: UUID) -> Collection:
    """The collection of this address, for somebody who manages it."""
    rows = Collection.objects.select_related("workspace")
    collection = get_object_or_404(rows, pk=pk, workspace__slug=slug)
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)
    return collection


@never_cache
def settings(request: HttpRequest, slug: str, collection: UUID) -> HttpResponse:
    found = _managed(slug, collection)
    if request.method != "POST":
        return _settings(request, found)
    form = CollectionForm(request.POST)
    if not form.is_valid():
        return _settings(request, found, status=422, form=form)
    try:
        services.update_collection(collection=found, **form.cleaned_data)
    except AppError as error:
        found.refresh_from_db()
        blame(form, error, _taken())
        return _settings(request, found, status=error.status, form=form)
    messages.success(request, _("Saved."))
    return redirect("workspaces:collection-settings", slug, found.pk)


def _settings(
    request: HttpRequest, collection: Collection, *, status: int = 200, **forms: object
) -> HttpResponse:
    fields = ("name", "description", "is_open", "is_listed")
    grants = CollectionGrant.objects.filter(collection=collection)
    context = {
        "form": CollectionForm(initial={field: getattr(collection, field) for field in fields}),
        "grant_form": GrantForm(),
        "delete_form": DeleteForm(name=collection.name),
        "workspace": collection.workspace,
        "collection": collection,
        "grants": grants.select_related("user", "group").order_by("user__name", "group__name"),
        "groups": accounts.groups(),
        "size": collection.documents.filter(deleted_at=None).count(),
        "now": timezone.now(),
        **forms,
    }
    template = "workspaces/collection_settings.html"
    return show(request, template, "workspaces/_grants.html", context, status=status)


@require_POST
def grant(request: HttpRequest, slug: str, collection: UUID) -> HttpResponse:
    found = _managed(slug, collection)
    form = GrantForm(request.POST)
    if not form.is_valid():
        return _settings(request, found, status=422, grant_form=form)
    form.found = form.look_up()
    if form.found is None:
        form.add_error("who", _("No person and no group here has this name."))
        return _settings(request, found, status=422, grant_form=form)
    services.grant(
        collection=found,
        role=form.cleaned_data["role"],
        expires_at=form.cleaned_data["until"],
        **form.holder(),
    )
    return _settings(request, found, status=201)


@require_POST
def revoke(request: HttpRequest, slug: str, collection: UUID, grant: UUID) -> HttpResponse:
    found = _managed(slug, collection)
    services.revoke(grant=get_object_or_404(CollectionGrant, pk=grant, collection=found))
    return _settings(request, found)


@require_POST
@reauth.required
def delete(request: HttpRequest, slug: str, collection: UUID) -> HttpResponse:
    found = _managed(slug, collection)
    form = DeleteForm(request.POST, name=found.name)
    if not form.is_valid():
        return _settings(request, found, status=422, delete_form=form)
    services.delete_collection(collection=found)
    messages.success(request, _("The collection %(name)s is deleted.") % {"name": found.name})
    return redirect("documents:workspace", slug)
