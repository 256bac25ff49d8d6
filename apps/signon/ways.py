"""What the pages of accounts ask of single sign-on."""

from urllib.parse import urlencode

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.outside import Way
from apps.core.errors import AppError
from apps.core.pages import safe_next
from apps.core.sealing import unseal
from apps.signon.kinds import KINDS
from apps.signon.kinds.base import Onward
from apps.signon.models import SignOnProvider, SignOnSession
from apps.signon.services import kind_of, policy

_WITH_BUTTON = [name for name, kind in KINDS.items() if kind.has_button]


def providers_with_button() -> list[SignOnProvider]:
    return list(SignOnProvider.objects.filter(is_on=True, kind__in=_WITH_BUTTON))


class Ways:
    """See ``accounts.outside.OtherWays``."""

    def offered(self, request: HttpRequest) -> list[Way]:
        next_url = safe_next(request, "")
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return [
            Way(row.label, reverse("signon:begin", args=[row.slug]) + query)
            for row in providers_with_button()
        ]

    def takes_password(self, user: User) -> bool:
        return user.is_administrator or not policy().passwords_for_administrators_only

    def leaving(self, request: HttpRequest) -> HttpResponse | None:
        rows = SignOnSession.objects.select_related("identity__provider")
        began = rows.filter(session_key=request.session.session_key or "").first()
        if began is None:
            return None
        try:
            hint = unseal(began.hint) if began.hint else ""
            onward = kind_of(began.identity.provider).goodbye(hint)
        except AppError:  # a provider that is out keeps nobody signed in here
            onward = None
        began.delete()
        logout(request)
        return away(request, onward, began.identity.provider) if onward else None


def away(request: HttpRequest, onward: Onward, provider: SignOnProvider) -> HttpResponse:
    """A page that leads on: a redirect after a form would be held back by our own policy of
    content, which lets forms lead nowhere else."""
    context = {"target": onward.target, "fields": onward.fields, "provider": provider}
    response = render(request, "signon/away.html", context)
    if onward.fields:
        # This page alone has a form that leads elsewhere. Browsers hold redirects after it to the
        # same list, and a provider that ends a session leads from one of its parties to the next.
        scheme = onward.target.partition("//")[0]
        response._csp_update = {"form-action": [scheme]}  # type: ignore[attr-defined] # noqa: SLF001 - as its decorator does
    return response
