"""Pages of the administration: applications, their keys and limits."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import reauth
from apps.applications import queries, services
from apps.applications.assertions import audience
from apps.applications.forms import ApplicationForm, ApplicationKeyForm, PublicKeyForm
from apps.applications.models import Acts, Application, ApplicationKey, PublicKey
from apps.core.errors import AppError
from apps.core.pages import blame
from apps.permissions.pages import for_administrators

_WORDS: Mapping[str, Promise] = {
    "name": _("There is an application of this name already."),
    "kid": _("There is a key of this id already."),
    "networks": _("This is no address and no network: %(value)s"),
    "origins": _("This is no origin such as https://erp.example.com: %(value)s"),
    "private": _(
        "This is a private key. Make a new pair: one that was typed into a form is not secret any more."
    ),
    "kind": _("Only P-256, RSA and Ed25519 keys are taken."),
    "too_short": _("This RSA key is too short: 2048 bits at least."),
    "not_a_key": _("This is no public key in PEM, JWK or JWKS."),
    "too_long": _("This is no public key in PEM, JWK or JWKS."),
    "too_many_keys": _("An application can have ten public keys. Remove one first."),
    "ended": _("This key has ended. Make a new one."),
}


@for_administrators
@never_cache
def applications(request: HttpRequest) -> HttpResponse:
    """All applications; a posted form makes one."""
    form = ApplicationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not reauth.is_recent(request):
            return reauth.ask(request)
        made = _unless_refused(form, lambda: services.create_application(**form.cleaned_data))
        if made is not None:
            return redirect("applications:application", made.pk)
    context = {"form": form, "applications": queries.applications(), "here": "applications"}
    status = 422 if request.method == "POST" else 200
    return render(request, "applications/list.html", context, status=status)


@for_administrators
@never_cache
@require_safe
def application(request: HttpRequest, application: UUID) -> HttpResponse:
    return _application(request, get_object_or_404(Application, pk=application))


def _application(
    request: HttpRequest, found: Application, *, status: int = 200, **context: object
) -> HttpResponse:
    context = {
        "application": found,
        "form": ApplicationForm(initial=ApplicationForm.values_of(found)),
        "key_form": ApplicationKeyForm(),
        "public_key_form": PublicKeyForm(),
        "keys": queries.keys_of(found),
        "accounts": [
            (account, *queries.reach_of(account))
            for account in (found.account, found.sandbox_account)
        ],
        "now": timezone.now(),
        "here": "applications",
        "public_url": settings.PUBLIC_URL,
        "audience": audience(),
        "may_ask_for_people": found.acts != Acts.SERVICE,
        "must_ask_for_people": found.acts == Acts.PEOPLE,
        **context,
    }
    return render(request, "applications/application.html", context, status=status)


@for_administrators
@require_POST
@reauth.required
def change(request: HttpRequest, application: UUID) -> HttpResponse:
    found = get_object_or_404(Application, pk=application)
    form = ApplicationForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        if _unless_refused(form, lambda: services.change_application(application=found, **values)):
            messages.success(request, _t("Saved."))
            return redirect("applications:application", found.pk)
    found.refresh_from_db()
    return _application(request, found, status=422, form=form)


@for_administrators
@require_POST
@reauth.required
def state(request: HttpRequest, application: UUID) -> HttpResponse:
    """Stop an application (``on=0``), or let it go on."""
    found = get_object_or_404(Application, pk=application)
    services.set_active(application=found, is_active=request.POST.get("on") == "1")
    return redirect("applications:application", found.pk)


@for_administrators
@require_POST
@reauth.required
def add_key(request: HttpRequest, application: UUID) -> HttpResponse:
    """A new key. It is in this answer only."""
    found = get_object_or_404(Application, pk=application)
    form = ApplicationKeyForm(request.POST)
    if not form.is_valid():
        return _application(request, found, status=422, key_form=form)
    key, plain = services.create_key(application=found, **form.values())
    return _application(request, found, status=201, made=key, plain=plain)


@for_administrators
@require_POST
@reauth.required
def rotate(request: HttpRequest, application: UUID, application_key: UUID) -> HttpResponse:
    key = _key(application, application_key)
    try:
        made, plain = services.rotate_key(key=key)
    except AppError as error:
        refused = _WORDS[str(error.details["reason"])]
        return _application(request, key.application, status=error.status, refused=refused)
    return _application(
        request, key.application, status=201, made=made, plain=plain, until=key.expires_at
    )


@for_administrators
@require_POST
def revoke(_request: HttpRequest, application: UUID, application_key: UUID) -> HttpResponse:
    services.revoke_key(key=_key(application, application_key))
    return redirect("applications:application", application)


@for_administrators
@require_POST
@reauth.required
def add_public_key(request: HttpRequest, application: UUID) -> HttpResponse:
    found = get_object_or_404(Application, pk=application)
    form = PublicKeyForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        if _unless_refused(form, lambda: services.add_public_keys(application=found, **values)):
            return redirect("applications:application", found.pk)
    return _application(request, found, status=422, public_key_form=form)


@for_administrators
@require_POST
def remove_public_key(_request: HttpRequest, application: UUID, public_key: UUID) -> HttpResponse:
    found = get_object_or_404(PublicKey, pk=public_key, application_id=application)
    services.remove_public_key(key=found)
    return redirect("applications:application", application)


def _key(application: UUID, key: UUID) -> ApplicationKey:
    return get_object_or_404(ApplicationKey, pk=key, application_id=application)


def _unless_refused(form: forms.Form, act: Callable[[], Any]) -> Any:
    """What ``act`` gives; None, and the reason beside its field, when it was refused."""
    try:
        return act()
    except AppError as error:
        value = str(error.details.get("value", ""))
        blame(form, error, {name: str(text) % {"value": value} for name, text in _WORDS.items()})
        return None
