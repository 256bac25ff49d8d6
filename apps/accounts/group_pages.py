"""Pages of the administration: groups, and the state of the installation."""

import platform
from uuid import UUID

import django
from django.apps import apps
from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import groups as verbs
from apps.accounts import nesting, queries, reauth
from apps.accounts.forms import GroupFactorForm, GroupForm, NestForm, WhoForm
from apps.accounts.models import Group, User
from apps.core import health
from apps.core.errors import AppError
from apps.core.pages import blame, show
from apps.events.siem import relay
from apps.permissions.pages import for_administrators
from apps.permissions.scope import system_scope


def _taken() -> dict[str, str]:
    return {"name": _("There is a group of this name already.")}


@for_administrators
@never_cache
def groups(request: HttpRequest) -> HttpResponse:
    """All groups; a posted name makes one."""
    form = GroupForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                group = verbs.create_group(**form.cleaned_data)
            except AppError as error:
                status = error.status
                blame(form, error, _taken())
            else:
                return redirect("administration:group", group.pk)
    context = {"form": form, "groups": queries.groups(), "here": "groups"}
    return render(request, "administration/groups.html", context, status=status)


@for_administrators
@never_cache
@require_safe
def group(request: HttpRequest, group: UUID) -> HttpResponse:
    return _group(request, get_object_or_404(Group, pk=group))


def _group(
    request: HttpRequest, group: Group, *, status: int = 200, **forms: object
) -> HttpResponse:
    context = {
        "group": group,
        "members": queries.members_of(group),
        "inner": Group.objects.filter(outer_nestings__outer=group).order_by("name"),
        "outer": Group.objects.filter(inner_nestings__inner=group).order_by("name"),
        "group_names": Group.objects.exclude(pk=group.pk).order_by("name"),
        "nest_form": NestForm(),
        "form": WhoForm(),
        "name_form": GroupForm(initial={"name": group.name}),
        "factor_form": GroupFactorForm(initial={"needs_second_factor": group.needs_second_factor}),
        "here": "groups",
        **forms,
    }
    template = "administration/group.html"
    return show(request, template, "administration/_group.html", context, status=status)


@for_administrators
@require_POST
def add(request: HttpRequest, group: UUID) -> HttpResponse:
    found = get_object_or_404(Group, pk=group)
    form = WhoForm(request.POST)
    if not form.is_valid():
        return _group(request, found, status=422, form=form)
    user = queries.person(form.cleaned_data["who"])
    if user is None:
        form.add_error("who", _("Nobody here has this address or login name."))
        return _group(request, found, status=422, form=form)
    verbs.add_to_group(group=found, users=[user])
    return _group(request, found)


@for_administrators
@require_POST
def remove(request: HttpRequest, group: UUID, user: UUID) -> HttpResponse:
    found = get_object_or_404(Group, pk=group)
    person = get_object_or_404(User, pk=user)
    try:
        verbs.remove_from_group(group=found, user=person)
    except AppError as error:
        return _group(request, found, status=error.status, refused_for=person)
    return _group(request, found)


@for_administrators
@require_POST
def nest(request: HttpRequest, group: UUID) -> HttpResponse:
    """Put a group into this one."""
    found = get_object_or_404(Group, pk=group)
    form = NestForm(request.POST)
    if not form.is_valid():
        return _group(request, found, status=422, nest_form=form)
    inner = Group.objects.filter(name__iexact=form.cleaned_data["group"].strip()).first()
    if inner is None:
        form.add_error("group", _("There is no group of this name."))
        return _group(request, found, status=422, nest_form=form)
    try:
        nesting.nest(outer=found, inner=inner)
    except AppError as error:
        words = {
            "circle": _("That would be a circle: this group is in that one already."),
            "too_deep": _("Groups are followed ten levels deep; this would be deeper."),
        }
        blame(form, error, words)
        return _group(request, found, status=error.status, nest_form=form)
    return _group(request, found)


@for_administrators
@require_POST
def take_out(request: HttpRequest, group: UUID, inner: UUID) -> HttpResponse:
    found = get_object_or_404(Group, pk=group)
    nesting.take_out(outer=found, inner=get_object_or_404(Group, pk=inner))
    return _group(request, found)


@for_administrators
@require_POST
def rename(request: HttpRequest, group: UUID) -> HttpResponse:
    found = get_object_or_404(Group, pk=group)
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            verbs.rename_group(group=found, **form.cleaned_data)
        except AppError as error:
            found.refresh_from_db()
            blame(form, error, _taken())
        else:
            messages.success(request, _("Saved."))
            return redirect("administration:group", found.pk)
    return _group(request, found, status=422, name_form=form)


@for_administrators
@require_POST
@reauth.required
def factor(request: HttpRequest, group: UUID) -> HttpResponse:
    """Whether its members need a second factor."""
    found = get_object_or_404(Group, pk=group)
    form = GroupFactorForm(request.POST)
    if form.is_valid():
        is_needed = form.cleaned_data["needs_second_factor"]
        verbs.need_second_factor(group=found, is_needed=is_needed)
        messages.success(request, _("Saved."))
    return redirect("administration:group", found.pk)


@for_administrators
@require_POST
@reauth.required
def delete(request: HttpRequest, group: UUID) -> HttpResponse:
    found = get_object_or_404(Group, pk=group)
    verbs.delete_group(group=found)
    messages.success(request, _("The group %(name)s is deleted.") % {"name": found.name})
    return redirect("administration:groups")


# --- the installation -----------------------------------------------------------------------------
_COUNTED = (
    "accounts.User",
    "workspaces.Workspace",
    "workspaces.Collection",
    "documents.Document",
    "documents.Chunk",
    "chat.Conversation",
)


@for_administrators
@never_cache
@require_safe
def system(request: HttpRequest) -> HttpResponse:
    """What is up, which versions run, how much there is. Numbers only, nothing of what they count."""
    with system_scope("administration: numbers of rows, none of their content"):
        counts = {label.split(".")[1].lower(): _count(label) for label in _COUNTED}
    compared = apps.get_model("documents.Reconciliation")._default_manager  # noqa: SLF001 - Django's own name
    context = {
        "report": health.check(),
        "counts": counts,
        "reconciliation": compared.order_by("-pk").first(),
        "versions": {
            "Python": platform.python_version(),
            "Django": django.get_version(),
            connection.display_name: ".".join(map(str, connection.get_database_version())),
        },
        "relay": relay.state(),
        "here": "system",
    }
    return show(request, "administration/system.html", "administration/_system.html", context)


def _count(label: str) -> int:
    return int(apps.get_model(label)._default_manager.count())  # noqa: SLF001 - Django's own name
