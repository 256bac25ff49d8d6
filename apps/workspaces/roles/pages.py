"""Pages of the administration: the installation's own roles."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.core.errors import AppError, message_of
from apps.core.pages import blame
from apps.permissions.pages import for_administrators
from apps.permissions.roles import GRANTS, WORKSPACE_PERMISSIONS, Permission, Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import CustomRole
from apps.workspaces.roles import services

WORDS = {
    Permission.WORKSPACE_VIEW: gettext_lazy("see the workspace"),
    Permission.ASK: gettext_lazy("ask questions"),
    Permission.DOCUMENT_READ: gettext_lazy("read documents"),
    Permission.DOCUMENT_WRITE: gettext_lazy("add and remove documents"),
    Permission.COLLECTION_MANAGE: gettext_lazy("make collections, and decide who opens them"),
    Permission.MEMBER_MANAGE: gettext_lazy("add and remove members"),
    Permission.WORKSPACE_MANAGE: gettext_lazy("change the settings of the workspace"),
}


class CustomRoleForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("Whoever holds it can"),
        choices=[(permission.value, WORDS[permission]) for permission in WORKSPACE_PERMISSIONS],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What one of these needs is added to it: asking needs reading."),
    )


def _taken() -> dict[str, str]:
    return {"name": _("There is a role of this name already.")}


@for_administrators
@never_cache
def roles(request: HttpRequest) -> HttpResponse:
    """Every role; a posted one is made."""
    form = CustomRoleForm(request.POST or None)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            services.create_role(**form.cleaned_data)
        except AppError as error:
            status = error.status
            blame(form, error, _taken())
        else:
            return redirect("workspaces:roles")
    return _page(request, form, status=status)


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    with system_scope("administration: how many hold a role, not who and where"):
        own = list(CustomRole.objects.annotate(size=Count("members")))
    context = {
        "form": form,
        "known": [(role.label, _words(GRANTS[role])) for role in Role],
        "own": [(role, _words(role.held())) for role in own],
        "here": "roles",
    }
    return render(request, "workspaces/roles.html", context, status=status)


def _words(held: frozenset[Permission]) -> list[str]:
    return [str(WORDS[permission]) for permission in WORKSPACE_PERMISSIONS if permission in held]


@for_administrators
@never_cache
def role(request: HttpRequest, role: UUID) -> HttpResponse:
    """One role, and what changing it does."""
    found = get_object_or_404(CustomRole, pk=role)
    initial = {"name": found.name, "permissions": found.permissions}
    form = CustomRoleForm(request.POST or None, initial=initial)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            services.update_role(role=found, **form.cleaned_data)
        except AppError as error:
            status = error.status
            blame(form, error, _taken())
        else:
            messages.success(request, _("Saved."))
            return redirect("workspaces:roles")
    return render(
        request,
        "workspaces/role.html",
        {"form": form, "role": found, "here": "roles"},
        status=status,
    )


@for_administrators
@require_POST
def delete(request: HttpRequest, role: UUID) -> HttpResponse:
    found = get_object_or_404(CustomRole, pk=role)
    try:
        services.delete_role(role=found)
    except AppError as error:
        form = CustomRoleForm(initial={"name": found.name, "permissions": found.permissions})
        words = {
            "role_in_use": _("Somebody holds this role. Give them another one first."),
            "role_in_rule": _("A rule for groups outside gives this role. Remove the rule first."),
        }
        refused = words.get(str(error.details.get("reason")), message_of(error.code))
        context = {"form": form, "role": found, "refused": refused, "here": "roles"}
        return render(request, "workspaces/role.html", context, status=error.status)
    messages.success(request, _("The role %(name)s is deleted.") % {"name": found.name})
    return redirect("workspaces:roles")
