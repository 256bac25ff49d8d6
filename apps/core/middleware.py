"""Answers refusals that carry a code, as a page or as JSON; refuses who asks too often."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.deprecation import MiddlewareMixin

from apps.core import limits
from apps.core.errors import AppError, ErrorCode, Transient
from apps.core.room import is_full
from apps.core.views import error_response, is_for_machines


class ErrorMiddleware(MiddlewareMixin):
    """The words for AppError and Transient, so that no view writes them. Anything else is a bug
    and falls through to ``server_error``, which logs it and says nothing of it."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match error:
            case AppError():
                return error_response(
                    request, error.code, status=error.status, details=error.details
                )
            case Transient():
                return error_response(
                    request, error.code, status=503, retry_after=error.retry_after
                )
            case _ if is_full(error):
                return error_response(request, ErrorCode.DISK_FULL, status=507)
            case _:
                return None


class NoStoreMiddleware(MiddlewareMixin):
    """No page of somebody who is signed in stays in the browser after they have left, or with a
    proxy. A view that says for itself how long its answer keeps is left alone."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and "Cache-Control" not in response and request.user.is_authenticated:
            add_never_cache_headers(response)
        return response


class LimitMiddleware(MiddlewareMixin):
    """So many requests a second: of an address that nobody is signed in at, of one person.

    Stands after authentication and language. Whoever comes with a key is not known yet: their address is only
    looked at, and counted when the key was no good; a good personal key counts as its owner. Who
    keeps a limit of their own for a key sets ``request.has_own_limit`` before the view.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        address = str(request.META.get("REMOTE_ADDR", ""))
        if _has_key(request):
            return _refused(request, limits.look(settings.LIMIT_ANONYMOUS, "address", address))
        if request.user.is_authenticated:
            return self._person(request)
        return _refused(request, limits.hit(settings.LIMIT_ANONYMOUS, "address", address))

    def process_view(
        self, request: HttpRequest, view: object, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        is_known = _has_key(request) and request.user.is_authenticated
        if not is_known or getattr(request, "has_own_limit", False):
            return None
        return self._person(request)

    def _person(self, request: HttpRequest) -> HttpResponse | None:
        return _refused(request, limits.hit(settings.LIMIT_PERSON, "person", str(request.user.pk)))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if _has_key(request) and response.status_code == 401:
            address = str(request.META.get("REMOTE_ADDR", ""))
            limits.hit(settings.LIMIT_ANONYMOUS, "address", address)
        allowance = getattr(request, "allowance", None)
        if allowance is not None and is_for_machines(request):
            allowance.write_on(response)
        return response


def _has_key(request: HttpRequest) -> bool:
    return is_for_machines(request) and "Authorization" in request.headers


def _refused(request: HttpRequest, allowance: limits.Allowance | None) -> HttpResponse | None:
    request.allowance = allowance  # type: ignore[attr-defined]
    if allowance is None or allowance.is_allowed:
        return None
    response = error_response(
        request, ErrorCode.TOO_MANY_REQUESTS, status=429, retry_after=allowance.reset_s
    )
    allowance.write_on(response)
    return response
