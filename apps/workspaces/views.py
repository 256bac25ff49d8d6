"""Pages of a workspace: its members and its settings."""

from uuid import UUID

from django.conf import settings as django_settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import queries as accounts
from apps.accounts import reauth
from apps.accounts import services as people
from apps.core.errors import AppError, message_of
from apps.core.pages import blame, show
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces import services
from apps.workspaces.access.queries import to_decide
from apps.workspaces.forms import (
    DeleteForm,
    HolderForm,
    MemberForm,
    NewWorkspaceForm,
    RoleForm,
    SettingsForm,
    role_choices,
    settings_of,
)
from apps.workspaces.models import Collection, Member, Workspace
from apps.workspaces.roles.granting import grantable


@require_safe
def home(_request: HttpRequest, slug: str) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    return redirect("chat:new", workspace.slug)


@never_cache
def create(request: HttpRequest) -> HttpResponse:
    current_scope().require(Permission.WORKSPACE_CREATE)
    form = NewWorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        workspace = services.create_workspace(**form.cleaned_data)
        return redirect("documents:workspace", workspace.slug)
    status = 422 if form.is_bound else 200
    return render(request, "workspaces/create.html", {"form": form}, status=status)


# --- members --------------------------------------------------------------------------------------
@never_cache
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is in the workspace; a posted name adds somebody."""
    workspace = _managed(slug, Permission.MEMBER_MANAGE)
    if request.method != "POST":
        return _members(request, workspace)
    form = MemberForm(request.POST, own=grantable(workspace.pk))
    if not form.is_valid():
        return _members(request, workspace, status=422, form=form)
    invited = _found_or_invited(form)
    if form.found is None:
        return _members(request, workspace, status=422, form=form)
    try:
        services.add_member(workspace=workspace, role=form.cleaned_data["role"], **form.holder())
    except AppError as error:
        blame(form, error, {"who": _("They are a member already. Change the role in the list.")})
        return _members(request, workspace, status=error.status, form=form)
    return _members(request, workspace, status=201, **invited)


def _managed(slug: str, permission: Permission) -> Workspace:
    """The workspace of this address, for somebody who may do that to it."""
    workspace = get_object_or_404(Workspace, slug=slug)
    current_scope().require(permission, workspace.pk)
    return workspace


def _members(
    request: HttpRequest, workspace: Workspace, *, status: int = 200, **context: object
) -> HttpResponse:
    rows = Member.objects.filter(workspace=workspace).select_related("user", "group", "custom")
    own = grantable(workspace.pk)
    rows = rows.annotate(size=Count("group__members", distinct=True))
    rows = rows.order_by("user__name", "group__name")
    context = {
        "form": MemberForm(own=own),
        **context,
        "workspace": workspace,
        "members": rows,
        "roles": role_choices(own),
        "own": own,
        "groups": accounts.groups(),
        "has_role": Permission.DOCUMENT_READ in current_scope().workspaces[workspace.pk],
        "may_hand_over": current_scope().allows(Permission.WORKSPACE_MANAGE, workspace.pk),
        "asking": to_decide().filter(workspace_id=workspace.pk).count(),
        "public_url": django_settings.PUBLIC_URL,
        "here": "members",
    }
    template = "workspaces/members.html"
    return show(request, template, "workspaces/_members.html", context, status=status)


def _found_or_invited(form: HolderForm) -> dict[str, object]:
    """Set ``form.found``: somebody known, or (for administrators) somebody invited now. Returns
    what the page has to show of an invitation."""
    form.found = form.look_up()
    if form.found is not None:
        return {}
    wanted = str(form.cleaned_data["who"]).strip()
    if current_scope().allows(Permission.ADMINISTER) and _is_email(wanted):
        form.found, link = people.invite(email=wanted)
        return {"linked": form.found, "link": link}
    form.add_error(
        "who", _("Nobody here has this name. An administrator can add people under People.")
    )
    return {}


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


@require_POST
def change_role(request: HttpRequest, slug: str, member: UUID) -> HttpResponse:
    workspace = _managed(slug, Permission.MEMBER_MANAGE)
    found = get_object_or_404(Member, pk=member, workspace=workspace)
    form = RoleForm(request.POST, own=grantable(workspace.pk))
    if not form.is_valid():
        return _members(request, workspace, status=422)
    try:
        services.change_role(member=found, role=form.cleaned_data["role"])
    except AppError as error:
        return _refused(request, workspace, found, error)
    return _members(request, workspace)


@require_POST
def remove(request: HttpRequest, slug: str, member: UUID) -> HttpResponse:
    workspace = _managed(slug, Permission.MEMBER_MANAGE)
    found = get_object_or_404(Member, pk=member, workspace=workspace)
    is_self = found.user_id == current_scope().actor_id
    try:
        services.remove_member(member=found)
    except AppError as error:
        return _refused(request, workspace, found, error)
    # Whoever removes themselves may not see this page any more, from the next request on.
    return redirect("home") if is_self else _members(request, workspace)


def _refused(
    request: HttpRequest, workspace: Workspace, member: Member, error: AppError
) -> HttpResponse:
    words = {
        "last_manager": _("One manager has to stay. Make somebody else a manager first."),
        "from_outside": _("The directory put them here. Change it there, or change the mapping."),
    }
    refused = words.get(str(error.details.get("reason"))) or message_of(error.code)
    context = {"refused": refused, "refused_for": member.pk}
    return _members(request, workspace, status=error.status, **context)


# --- settings -------------------------------------------------------------------------------------
@never_cache
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = _managed(slug, Permission.WORKSPACE_MANAGE)
    if request.method != "POST":
        return _settings(request, workspace)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _settings(request, workspace, status=422, form=form)
    services.update_workspace(workspace=workspace, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return redirect("workspaces:settings", workspace.slug)


def _settings(
    request: HttpRequest, workspace: Workspace, *, status: int = 200, **forms: object
) -> HttpResponse:
    live = Count("documents", filter=Q(documents__deleted_at=None))
    context = {
        "form": SettingsForm(initial=settings_of(workspace)),
        "delete_form": DeleteForm(name=workspace.name),
        "workspace": workspace,
        "collections": Collection.objects.filter(workspace=workspace).annotate(size=live),
        "may_hand_over": current_scope().allows(Permission.MEMBER_MANAGE, workspace.pk),
        "may_manage_collections": current_scope().allows(
            Permission.COLLECTION_MANAGE, workspace.pk
        ),
        "here": "settings",
        **forms,
    }
    return render(request, "workspaces/settings.html", context, status=status)


@require_POST
@reauth.required
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = _managed(slug, Permission.WORKSPACE_MANAGE)
    form = DeleteForm(request.POST, name=workspace.name)
    if not form.is_valid():
        return _settings(request, workspace, status=422, delete_form=form)
    services.delete_workspace(workspace=workspace)
    messages.success(request, _("The workspace %(name)s is deleted.") % {"name": workspace.name})
    return redirect("home")
