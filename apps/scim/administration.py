"""Pages of the administration: systems that tell of people by SCIM, and their tokens."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import reauth
from apps.accounts.models import User
from apps.core.errors import AppError
from apps.core.pages import blame
from apps.directory.queries import rules_with_words
from apps.permissions.pages import for_administrators
from apps.scim import answers, services, tokens
from apps.scim.forms import ConnectForm, NewForm, ProvisioningForm
from apps.scim.models import ProvisionedGroup, ProvisionedPerson, Provisioning, ProvisioningToken

_SHOWN_CALLS = 50


def _words() -> dict[str, str]:
    return {
        "name": _("There is a source of this short name already."),
        "administrator": _("Administrators stay local: no other system may end them."),
        "user": _("This account belongs to this source already."),
    }


@for_administrators
@reauth.required
@never_cache
def sources(request: HttpRequest) -> HttpResponse:
    """All of them; a posted form makes one."""
    form = NewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = services.add(name=form.cleaned_data["name"])
        except AppError as error:
            blame(form, error, _words())
        else:
            return redirect("provisioning:source", row.pk)
    rows = Provisioning.objects.select_related("source")
    context = {"form": form, "rows": rows, "here": "provisioning"}
    status = 422 if request.method == "POST" else 200
    return render(request, "scim/sources.html", context, status=status)


@for_administrators
@never_cache
@require_safe
def source(request: HttpRequest, provisioning: UUID) -> HttpResponse:
    return _page(request, _row(provisioning))


def _row(pk: UUID) -> Provisioning:
    return get_object_or_404(Provisioning.objects.select_related("source", "successor"), pk=pk)


def _page(
    request: HttpRequest, row: Provisioning, *, status: int = 200, **context: object
) -> HttpResponse:
    people = ProvisionedPerson.objects.filter(source=row.source, deleted_at=None)
    shown = {
        "row": row,
        "form": ProvisioningForm(instance=row),
        "connect_form": ConnectForm(),
        "address": answers.base(),
        "tokens": tokens.working(row),
        "now": timezone.now(),
        "people": people.count(),
        "active": people.filter(is_active=True).count(),
        "groups": ProvisionedGroup.objects.filter(source=row.source).count(),
        "rules": rules_with_words(row.source),
        "calls": row.calls.all()[:_SHOWN_CALLS],
        "here": "provisioning",
        **context,
    }
    return render(request, "scim/source.html", shown, status=status)


@for_administrators
@require_POST
@reauth.required
def change(request: HttpRequest, provisioning: UUID) -> HttpResponse:
    row = _row(provisioning)
    form = ProvisioningForm(request.POST, instance=row)
    if form.is_valid():
        try:
            services.change(provisioning=row, **form.cleaned_data)
        except AppError as error:
            blame(form, error, _words())
        else:
            messages.success(request, _("Saved."))
            return redirect("provisioning:source", row.pk)
    return _page(request, _row(provisioning), status=422, form=form)


@for_administrators
@require_POST
@reauth.required
def add_token(request: HttpRequest, provisioning: UUID) -> HttpResponse:
    """A new token. It is in this answer only."""
    row = _row(provisioning)
    _token, plain = tokens.make(provisioning=row)
    return _page(request, row, status=201, plain=plain)


@for_administrators
@require_POST
@reauth.required
def revoke_token(request: HttpRequest, provisioning: UUID, scim_token: UUID) -> HttpResponse:
    rows = ProvisioningToken.objects.select_related("provisioning__source")
    tokens.revoke(token=get_object_or_404(rows, pk=scim_token, provisioning=provisioning))
    messages.success(request, _("Revoked."))
    return redirect("provisioning:source", provisioning)


@for_administrators
@require_POST
@reauth.required
def connect(request: HttpRequest, provisioning: UUID) -> HttpResponse:
    """Let the system find an account that is here already."""
    row = _row(provisioning)
    form = ConnectForm(request.POST)
    if form.is_valid():
        try:
            found = services.connect_account(provisioning=row, email=form.cleaned_data["email"])
        except User.DoesNotExist:
            form.add_error("email", _("There is no person with this address."))
        except AppError as error:
            blame(form, error, _words())
        else:
            messages.success(request, _("%(name)s is connected.") % {"name": found.user_name})
            return redirect("provisioning:source", row.pk)
    return _page(request, row, status=422, connect_form=form)


@for_administrators
@require_POST
@reauth.required
def delete(request: HttpRequest, provisioning: UUID) -> HttpResponse:
    row = _row(provisioning)
    services.delete(provisioning=row)
    messages.success(request, _("%(name)s is deleted.") % {"name": row.source.name})
    return redirect("provisioning:sources")
