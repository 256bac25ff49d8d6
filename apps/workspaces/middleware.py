"""Enters the scope of whoever asks: around each HTTP request, and for each socket frame."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

from apps.accounts.authentication import bearer
from apps.accounts.models import User
from apps.accounts.services import user_of_key
from apps.core.drf import STATUS
from apps.core.errors import ErrorCode
from apps.core.views import error_response, is_for_machines
from apps.permissions.scope import NOBODY, Scope, ScopeDenied, entered
from apps.rag.ports import EngineBusy, EngineError
from apps.workspaces.scopes import scope_of


class ScopeMiddleware:
    """Resolves who asks, enters their scope, and answers for what the scope refuses.

    A page is for people who are signed in unless its view says ``login_not_required``. On the API
    an ``Authorization: Bearer`` key decides alone: a session that comes with it does not count.
    A body that streams is sent after the scope has been left; it has to enter one itself.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._answer(request)
        with entered(_scope_of(request)):
            return self.get_response(request)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        scope = await sync_to_async(_scope_of)(request)
        with entered(scope):
            response: HttpResponseBase = await self.get_response(request)
            return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if request.user.is_authenticated or not getattr(view, "login_required", True):
            return None
        return _sign_in_first(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match error:
            case ScopeDenied():
                return error_response(request, ErrorCode.FORBIDDEN, status=403)
            case ObjectDoesNotExist():
                return error_response(request, ErrorCode.NOT_FOUND, status=404)
            case EngineError():
                code = ErrorCode(error.code)
                wait = error.retry_after if isinstance(error, EngineBusy) else 0
                status = STATUS.get(code, 502)
                return error_response(request, code, status=status, retry_after=wait)
            case _:
                return None


def _scope_of(request: HttpRequest) -> Scope:
    request.api_key = None  # type: ignore[attr-defined]
    plain = bearer(request.headers.get("Authorization", "")) if is_for_machines(request) else None
    if plain is None:
        return scope_of(request.user)
    found = user_of_key(plain)
    if found is None:
        request.user = AnonymousUser()
        return NOBODY
    request.user, request.api_key = found  # type: ignore[attr-defined]
    return scope_of(found[0], key=found[1])


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if is_for_machines(request):
        has_key = "Authorization" in request.headers
        code = ErrorCode.INVALID_KEY if has_key else ErrorCode.NOT_SIGNED_IN
        return error_response(request, code, status=401)
    if request.headers.get("HX-Request"):
        # A swap of the sign-in page into a corner of this one would help nobody.
        response = HttpResponse(_("Sign in again."), status=401)
        response["HX-Redirect"] = resolve_url("accounts:sign-in")
        return response
    next_url = request.get_full_path() if request.method == "GET" else "/"
    return redirect_to_login(next_url)


def scope_for_socket(user_id: UUID) -> Scope:
    """The scope of one socket frame: the person and their rights are read anew."""
    user = User.objects.filter(pk=user_id).first()
    return NOBODY if user is None else scope_of(user)
