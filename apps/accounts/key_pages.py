"""A person's own API keys."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import reauth, services
from apps.accounts.forms import KeyForm
from apps.accounts.models import ApiKey
from apps.accounts.views import person_of
from apps.core.pages import show


@never_cache
def keys(request: HttpRequest) -> HttpResponse:
    """The list, and a form for a new one; a new key is shown in the answer and never again."""
    if request.method != "POST":
        return _keys(request, status=200, form=KeyForm())
    if not reauth.is_recent(request):
        return reauth.ask(request)
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _keys(request, status=422, form=form)
    key, plain = services.create_api_key(
        owner=person_of(request),
        name=form.cleaned_data["name"],
        scope=form.cleaned_data["scope"],
        expires_at=form.expires_at(),
    )
    return _keys(request, status=201, form=KeyForm(), made=key, plain=plain)


def _keys(request: HttpRequest, *, status: int, **context: object) -> HttpResponse:
    rows = ApiKey.objects.filter(revoked_at=None)
    context |= {"keys": rows, "now": timezone.now()}
    return show(request, "accounts/keys.html", "accounts/_keys.html", context, status=status)


@require_POST
def revoke(request: HttpRequest, key: UUID) -> HttpResponse:
    services.revoke_api_key(key=get_object_or_404(ApiKey, pk=key))
    if request.headers.get("HX-Request"):
        return _keys(request, status=200, form=KeyForm())
    return redirect("accounts:keys")
