"""Pages of the administration: who may say who people are."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.accounts import reauth
from apps.core.errors import AppError, ErrorCode, message_of
from apps.core.pages import blame
from apps.permissions.pages import for_administrators
from apps.signon import services
from apps.signon.forms import PolicyForm, ProviderForm
from apps.signon.groups import origin_of
from apps.signon.kinds import KINDS
from apps.signon.models import SignOnProvider
from apps.signon.trying import tried


def _words() -> dict[str, str]:
    return {
        "slug": _("There is a provider of this short name already."),
        "no_provider": _("First let people sign in with a provider, and try it yourself."),
    }


@for_administrators
@never_cache
def providers(request: HttpRequest) -> HttpResponse:
    return _providers(request)


def _providers(
    request: HttpRequest, *, status: int = 200, form: PolicyForm | None = None
) -> HttpResponse:
    current = services.policy().passwords_for_administrators_only
    context = {
        "providers": [(row, KINDS[row.kind].label) for row in SignOnProvider.objects.all()],
        "form": form or PolicyForm(initial={"passwords_for_administrators_only": current}),
        "here": "sign-on",
    }
    return render(request, "signon/providers.html", context, status=status)


@for_administrators
@reauth.required
@require_POST
def policy(request: HttpRequest) -> HttpResponse:
    form = PolicyForm(request.POST)
    if form.is_valid():
        try:
            services.set_policy(**form.cleaned_data)
        except AppError as error:
            blame(form, error, _words())
            return _providers(request, status=error.status, form=form)
        messages.success(request, _("Saved."))
    return redirect("signon-administration:providers")


# --- one provider ---------------------------------------------------------------------------------
@for_administrators
@reauth.required
@never_cache
@sensitive_post_parameters()
def new(request: HttpRequest) -> HttpResponse:
    """Which kind; then its form."""
    if "kind" not in request.GET:
        context = {"kinds": KINDS.values(), "here": "sign-on"}
        return render(request, "signon/kinds.html", context)
    return _edited(request, _kind(request), None)


def _kind(request: HttpRequest) -> str:
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        raise AppError(ErrorCode.BAD_REQUEST, status=400)
    return kind


@for_administrators
@reauth.required
@never_cache
@sensitive_post_parameters()
def provider(request: HttpRequest, provider: str) -> HttpResponse:
    row = get_object_or_404(SignOnProvider, slug=provider)
    return _edited(request, row.kind, row)


def _edited(request: HttpRequest, kind: str, row: SignOnProvider | None) -> HttpResponse:
    bound = request.POST if request.method == "POST" else None
    general = ProviderForm(bound, provider=row)
    own = KINDS[kind].form(bound, initial=row.settings if row else {})
    if bound is not None and general.is_valid():
        try:
            saved = services.save_provider(
                kind=kind, wanted=general.wanted(), values=_posted(request, own), provider=row
            )
        except AppError as error:
            _blame(general, own, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("signon-administration:provider", saved.slug)
    context = {
        "kind": KINDS[kind],
        "provider": row,
        "general": general,
        "own": own,
        "copied": services.kind_of(row).copied() if row else [],
        "origin": origin_of(row) if row else "",
        "people": row.sign_on_identities.count() if row else 0,
        "here": "sign-on",
    }
    status = 422 if bound is not None else 200
    return render(request, "signon/provider.html", context, status=status)


def _posted(request: HttpRequest, own: forms.Form) -> dict[str, Any]:
    return {
        name: field.widget.value_from_datadict(request.POST, request.FILES, name)
        for name, field in own.fields.items()
    }


def _blame(general: forms.Form, own: forms.Form, error: AppError) -> None:
    fields = error.details.get("fields")
    if not isinstance(fields, dict):
        return blame(general, error, _words())
    for name, sentences in fields.items():
        if name not in own.errors:  # its own form has found the rest itself
            own.add_error(name if name in own.fields else None, [str(one) for one in sentences])
    return None


@for_administrators
@require_POST
@sensitive_post_parameters()
def test(request: HttpRequest) -> HttpResponse:
    """Try what was typed, step by step. Secrets that were left out are those that are stored."""
    kind = _kind(request)
    own = KINDS[kind].form()
    slug = request.GET.get("provider", "")
    row = SignOnProvider.objects.filter(slug=slug, kind=kind).first() if slug else None
    context: dict[str, Any] = {}
    name = slug or request.POST.get("slug", "")
    try:
        values = _posted(request, own)
        context["steps"] = tried(kind=kind, slug=name, values=values, provider=row)
    except AppError as error:
        fields = error.details.get("fields")
        wrong = fields if isinstance(fields, dict) else {"": [message_of(error.code)]}
        context["wrong"] = [
            (own.fields[field].label if field in own.fields else "", " ".join(map(str, sentences)))
            for field, sentences in wrong.items()
        ]
    return render(request, "signon/_steps.html", context)


@for_administrators
@reauth.required
@require_POST
def delete(request: HttpRequest, provider: str) -> HttpResponse:
    row = get_object_or_404(SignOnProvider, slug=provider)
    services.delete_provider(provider=row)
    messages.success(request, _("%(name)s is deleted.") % {"name": row.name})
    return redirect("signon-administration:providers")
