"""Pages of the administration: directories, their trees, their runs, and what groups give."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import reauth
from apps.accounts.models import User
from apps.core.errors import AppError, message_of
from apps.core.pages import blame, show
from apps.directory import config, services
from apps.directory.forms import DirectoryForm, RuleForm
from apps.directory.ldap import connecting, reading
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.models import Directory, Identity, IdentitySource, MappingRule
from apps.directory.queries import line_words, rules_with_words
from apps.directory.trying import tried
from apps.permissions.pages import for_administrators

_HERE = {"here": "directory"}


def _words() -> dict[str, str]:
    return {
        "name": _("There is a directory of this short name already."),
        "password_again": _("Type the password again: it would go to another place."),
        "running": _("A run is at work. Wait for its end."),
        "changed": _("Meanwhile it looks different. Look again, then confirm."),
    }


@for_administrators
@never_cache
@require_safe
def directories(request: HttpRequest) -> HttpResponse:
    config.ensure_from_environment()
    others = IdentitySource.objects.exclude(kind=IdentitySource.Kind.LDAP)
    context = {
        "directories": Directory.objects.select_related("source"),
        "others": others,
        **_HERE,
    }
    return render(request, "directory/directories.html", context)


# --- settings -------------------------------------------------------------------------------------
@for_administrators
@reauth.required
@never_cache
@sensitive_post_parameters("password")
def new(request: HttpRequest) -> HttpResponse:
    is_windows = request.GET.get("kind") == Preset.ACTIVE_DIRECTORY
    preset = Preset.ACTIVE_DIRECTORY if is_windows else Preset.LDAP
    initial = {**PRESETS[preset], "preset": preset, "name": "main"}
    return _edited(request, None, DirectoryForm(request.POST or None, initial=initial))


@for_administrators
@reauth.required
@never_cache
@sensitive_post_parameters("password")
def edit(request: HttpRequest, directory: UUID) -> HttpResponse:
    row = _row(directory)
    return _edited(request, row, DirectoryForm(request.POST or None, instance=row))


def _row(pk: UUID) -> Directory:
    return get_object_or_404(Directory.objects.select_related("source"), pk=pk)


def _edited(request: HttpRequest, row: Directory | None, form: DirectoryForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        name, password = form.cleaned_data.get("name", ""), form.cleaned_data["password"] or None
        try:
            saved = services.save_directory(
                values=form.values(), directory=row, name=name, password=password
            )
        except AppError as error:
            blame(form, error, _words())
        else:
            messages.success(request, _("Saved."))
            return redirect("directory:directory", saved.pk)
    context = {
        "form": form,
        "directory": row,
        "decided": sorted(config.overrides(row)) if row else [],
        **_HERE,
    }
    return render(request, "directory/form.html", context, status=422 if form.is_bound else 200)


@for_administrators
@require_POST
@sensitive_post_parameters("password")
def test(request: HttpRequest) -> HttpResponse:
    """Try what was typed, step by step. The stored password is used only where it is stored for."""
    wanted = request.GET.get("directory", "")
    rows = Directory.objects.select_related("source")
    row = next((each for each in rows if str(each.pk) == wanted), None)
    form = DirectoryForm(request.POST, instance=row)
    if not form.is_valid():
        wrong = [
            (form.fields[name].label if name in form.fields else "", " ".join(map(str, said)))
            for name, said in form.errors.items()
        ]
        return render(request, "directory/_steps.html", {"wrong": wrong})
    try:
        settings = services.settings_to_try(
            values=form.values(), directory=row, password=form.cleaned_data["password"] or None
        )
        context: dict[str, Any] = {"steps": tried(settings)}
    except AppError as error:
        sentence = _words().get(str(error.details.get("reason"))) or message_of(error.code)
        context = {"wrong": [("", sentence)]}
    return render(request, "directory/_steps.html", context)


@for_administrators
@reauth.required
@require_POST
def delete(request: HttpRequest, directory: UUID) -> HttpResponse:
    row = _row(directory)
    services.delete_directory(directory=row)
    messages.success(request, _("%(name)s is deleted.") % {"name": row.source.name})
    return redirect("directory:directories")


# --- one directory --------------------------------------------------------------------------------
@for_administrators
@never_cache
@require_safe
def directory(request: HttpRequest, directory: UUID) -> HttpResponse:
    return _directory(request, _row(directory))


def _directory(
    request: HttpRequest, row: Directory, *, status: int = 200, **context: object
) -> HttpResponse:
    runs = list(row.runs.all()[:20])
    last = runs[0] if runs else None
    context = {
        "directory": row,
        "settings": config.settings_of(row),
        "runs": runs,
        "last": last,
        "lines": line_words(last) if last else [],
        "people": Identity.objects.filter(source=row.source, is_enabled=True).count(),
        "rules": rules_with_words(row.source),
        **context,
        **_HERE,
    }
    page, part = "directory/directory.html", "directory/_directory.html"
    return show(request, page, part, context, status=status)


@for_administrators
@require_POST
def run(request: HttpRequest, directory: UUID) -> HttpResponse:
    """Look at it now: ``dry=1`` only says what would change."""
    row = _row(directory)
    try:
        services.start_run(directory=row, is_dry=request.POST.get("dry") == "1")
    except AppError as error:
        refused = _words().get(str(error.details.get("reason")))
        return _directory(request, row, status=error.status, refused=refused)
    return redirect("directory:directory", row.pk)


@for_administrators
@require_POST
def confirm(request: HttpRequest, directory: UUID) -> HttpResponse:
    """Yes, this many people may lose something."""
    row = _row(directory)
    asking = row.runs.filter(is_dry=False).first()
    people = request.POST.get("people", "")
    try:
        if asking is not None and people.isdecimal():
            services.confirm_run(run=asking, people=int(people))
    except AppError as error:
        refused = _words().get(str(error.details.get("reason")))
        return _directory(request, row, status=error.status, refused=refused)
    return redirect("directory:directory", row.pk)


@for_administrators
@reauth.required
@require_POST
def connect(request: HttpRequest, directory: UUID) -> HttpResponse:
    """A local account is this person of the directory."""
    row = _row(directory)
    email = request.POST.get("email", "")
    if not User.objects.filter(email__iexact=email.strip()).exists():
        return _directory(request, row, status=422, refused=_("Nobody here has this address."))
    try:
        services.connect_account(source=row.source, key=request.POST.get("key", ""), email=email)
    except AppError as error:
        return _directory(request, row, status=error.status, refused=message_of(error.code))
    messages.success(request, _("Connected. The person signs in with the directory from now on."))
    return redirect("directory:directory", row.pk)


@for_administrators
@never_cache
@require_safe
def tree(request: HttpRequest, directory: UUID) -> HttpResponse:
    """One level of the tree."""
    row = _row(directory)
    base = request.GET.get("base", "")[:1000]
    context: dict[str, Any] = {"directory": row, "base": base, **_HERE}
    try:
        with connecting.connected(config.settings_of(row)) as connection:
            if base:
                context["children"] = sorted(reading.children(connection, base))
            else:
                context["children"] = [(name, []) for name in reading.roots(connection)]
    except AppError as error:
        context["wrong"] = message_of(error.code)
    return render(request, "directory/tree.html", context)


# --- what groups outside give ---------------------------------------------------------------------
@for_administrators
@reauth.required
@never_cache
def rules(request: HttpRequest, identity_source: UUID) -> HttpResponse:
    """Rules of a source; a posted form adds one."""
    source = get_object_or_404(IdentitySource, pk=identity_source)
    form = RuleForm(request.POST or None, initial={"outside": request.GET.get("outside", "")})
    if request.method == "POST" and form.is_valid():
        services.add_rule(source=source, **form.values())
        return redirect("directory:rules", source.pk)
    context = {"source": source, "form": form, "rules": rules_with_words(source), **_HERE}
    status = 422 if form.is_bound else 200
    return render(request, "directory/rules.html", context, status=status)


@for_administrators
@reauth.required
@require_POST
def remove_rule(request: HttpRequest, identity_source: UUID, rule: UUID) -> HttpResponse:
    row = get_object_or_404(MappingRule, pk=rule, source=identity_source)
    services.remove_rule(rule=row)
    messages.success(request, _("Removed."))
    return redirect(reverse("directory:rules", args=[identity_source]))
