"""The page of a workspace on which one asks to be let in, and on which one is answered."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, message_of
from apps.core.pages import show
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import current_scope
from apps.workspaces.access import queries, services
from apps.workspaces.forms import GRANTED_ROLES, UntilField
from apps.workspaces.models import AccessRequest, Workspace


class AskForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("What do you need it for?"),
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ApproveForm(forms.Form):
    role = forms.ChoiceField(
        label=gettext_lazy("Right"), choices=GRANTED_ROLES, initial=Role.VIEWER
    )
    until = UntilField(label=gettext_lazy("Until"), required=False)


class RefuseForm(forms.Form):
    answer = forms.CharField(
        label=gettext_lazy("Why not"),
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@never_cache
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, get_object_or_404(Workspace, slug=slug))


def _page(
    request: HttpRequest, workspace: Workspace, *, status: int = 200, **context: object
) -> HttpResponse:
    decides = current_scope().allows(Permission.COLLECTION_MANAGE, workspace.pk)
    waiting: list[AccessRequest] = []
    if decides:
        rows = queries.to_decide().filter(workspace_id=workspace.pk)
        waiting = list(rows.select_related("asker"))
    names = queries.names_of(waiting)
    context = {
        "workspace": workspace,
        "wishes": queries.wishes(workspace),
        "waiting": [(row, names.get(row.collection_id, "")) for row in waiting],
        "decides": decides,
        "ask_form": AskForm(auto_id=False),
        "approve_form": ApproveForm(auto_id=False),
        "refuse_form": RefuseForm(auto_id=False),
        "here": "access",
        **context,
    }
    template = "workspaces/access.html"
    return show(request, template, "workspaces/_access.html", context, status=status)


@require_POST
def ask(request: HttpRequest, slug: str, collection: UUID) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    form = AskForm(request.POST)
    if not form.is_valid():
        # Whatever the address names: that it is refused tells nothing of it.
        return _page(request, workspace, status=422, problem=_("Say what you need it for."))
    try:
        services.ask(workspace=workspace, collection_id=collection, **form.cleaned_data)
    except AppError as error:
        return _refused(request, workspace, error)
    return _page(request, workspace, status=201)


@require_POST
def withdraw(request: HttpRequest, slug: str, access: UUID) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    try:
        services.withdraw(request=queries.mine(workspace).get(pk=access))
    except AppError as error:
        return _refused(request, workspace, error)
    return _page(request, workspace)


@require_POST
def approve(request: HttpRequest, slug: str, access: UUID) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    found = services.decided_here(access, workspace)
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return _page(request, workspace, status=422, problem=_first_error(form))
    values = {"role": form.cleaned_data["role"], "expires_at": form.cleaned_data["until"]}
    try:
        services.approve(request=found, **values)
    except AppError as error:
        return _refused(request, workspace, error)
    return _page(request, workspace)


@require_POST
def refuse(request: HttpRequest, slug: str, access: UUID) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    found = services.decided_here(access, workspace)
    form = RefuseForm(request.POST)
    if not form.is_valid():
        return _page(request, workspace, status=422, problem=_("Say why not."))
    try:
        services.refuse(request=found, **form.cleaned_data)
    except AppError as error:
        return _refused(request, workspace, error)
    return _page(request, workspace)


def _first_error(form: forms.Form) -> str:
    problems: Any = form.errors.as_data()
    return str(next(iter(problems.values()))[0].messages[0])


def _refused(request: HttpRequest, workspace: Workspace, error: AppError) -> HttpResponse:
    words = {
        "asked_already": _("You have asked for this already."),
        "answered_already": _("Somebody has answered this already."),
    }
    problem = words.get(str(error.details.get("reason")), message_of(error.code))
    return _page(request, workspace, status=error.status, problem=problem)
