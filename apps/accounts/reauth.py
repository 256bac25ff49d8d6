"""Is it still them? Asked again before dangerous acts, and then believed for five minutes.

A page that does such a thing says ``@required``; an API view calls ``require(request)``; a template
asks ``{% if request|is_confirmed %}`` (``{% load accounts %}``). API keys are not asked: nobody sits
there who could answer.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apps.accounts.sessions.store import SessionStore
from apps.core.errors import AppError, ErrorCode

V = TypeVar("V", bound=Callable[..., HttpResponse])
_CONFIRMED_AT = "confirmed_at"


def mark(request: HttpRequest) -> None:
    """This person has just shown who they are. Signing in, in whatever way, does this by itself."""
    request.session[_CONFIRMED_AT] = int(time.time())


def confirm(request: HttpRequest) -> None:
    """Somebody who is signed in has shown again who they are: from now on their browser has another
    token, and one that was taken from it before opens nothing."""
    mark(request)
    if isinstance(request.session, SessionStore):
        request.session.renew()


def unmark(request: HttpRequest) -> None:
    """The session began without their having shown who they are to us."""
    request.session.pop(_CONFIRMED_AT, None)


def is_recent(request: HttpRequest) -> bool:
    """Whether they did so in the last five minutes."""
    confirmed_at = request.session.get(_CONFIRMED_AT, 0)
    return bool(0 <= time.time() - confirmed_at < settings.REAUTH_SECONDS)


def require(request: HttpRequest) -> None:
    """Raise AppError CONFIRM_IDENTITY unless ``is_recent`` or a key asks. ``request`` may be DRF's."""
    if getattr(request, "api_key", None) is None and not is_recent(request):
        raise AppError(ErrorCode.CONFIRM_IDENTITY, status=403, confirm=reverse("accounts:confirm"))


def required(view: V) -> V:
    """A page that first asks who it is. From a form one comes back to the page that it was on."""

    @wraps(view)
    def asked_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated or is_recent(request):
            return view(request, *args, **kwargs)
        return ask(request)

    return cast("V", asked_first)


def ask(request: HttpRequest) -> HttpResponse:
    """Lead to the page that asks, and from there back."""
    address = f"{reverse('accounts:confirm')}?{urlencode({'next': _way_back(request)})}"
    if request.headers.get("Accept", "").startswith("application/json"):
        require(request)
    if not request.headers.get("HX-Request"):
        return redirect(address)
    response = HttpResponse(status=403)
    response["HX-Redirect"] = address
    return response


def _way_back(request: HttpRequest) -> str:
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return request.get_full_path()
    came_from = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if not url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(came_from)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@receiver(user_logged_in, dispatch_uid="accounts.reauth")
def _signed_in(request: HttpRequest, **_kwargs: object) -> None:
    mark(request)
