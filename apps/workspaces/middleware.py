"""Enters the scope of whoever asks: around each HTTP request, and for each socket frame."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import HttpHeaders
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

from apps.accounts.authentication import bearer
from apps.accounts.second_factor import gate
from apps.accounts.sessions.sockets import person_at
from apps.core.drf import STATUS
from apps.core.errors import AppError, ErrorCode
from apps.core.limits import Allowance
from apps.core.origin import came_from
from apps.core.views import error_response, is_for_machines
from apps.permissions.scope import NOBODY, Scope, ScopeDenied, entered
from apps.rag.ports import EngineBusy, EngineError
from apps.workspaces import refusals
from apps.workspaces.resolvers import Call, caller_of, carries_key, scope_again
from apps.workspaces.scopes import scope_of


class ScopeMiddleware:
    """Resolves who asks, enters their scope, and answers for what the scope refuses.

    A page is for people who are signed in unless its view says ``login_not_required``. On the API
    an ``Authorization: Bearer`` key decides alone: a session that comes with it does not count.
    ``apps.workspaces.resolvers`` knows the kinds of key.
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
        with came_from(_address(request)):
            scope = _admitted(request)
            if not isinstance(scope, Scope):
                return scope
            with entered(scope):
                return self.get_response(request)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with came_from(_address(request)):
            scope = await sync_to_async(_admitted)(request)
            if not isinstance(scope, Scope):
                return scope
            with entered(scope):
                response: HttpResponseBase = await self.get_response(request)
                return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if getattr(request, "is_shut", False):
            return gate.answer(request, view)
        if request.user.is_authenticated or not getattr(view, "login_required", True):
            return None
        return _sign_in_first(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match error:
            case ScopeDenied():
                refusals.door(request, error.permission)
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


def _address(request: HttpRequest) -> str:
    """The client's, as the proxies in KB_TRUSTED_PROXIES say it: uvicorn has read their headers."""
    return str(request.META.get("REMOTE_ADDR", ""))


def _admitted(request: HttpRequest) -> Scope | HttpResponse:
    """The scope of whoever asks, or the answer to a key that may not be used like this."""
    try:
        return _scope_of(request)
    except AppError as error:
        request.user = AnonymousUser()
        _note_refused_key(request, error.code)
        details = {name: value for name, value in error.details.items() if name != "retry_after"}
        wait = error.details.get("retry_after", 0)
        return error_response(
            request,
            error.code,
            status=error.status,
            details=details,
            retry_after=wait if isinstance(wait, int) else 0,
        )


def _scope_of(request: HttpRequest) -> Scope:
    request.api_key = None  # type: ignore[attr-defined]
    authorization = request.headers.get("Authorization", "")
    plain = bearer(authorization) if is_for_machines(request) else None
    if plain is None:
        if not carries_key(authorization):
            return _scope_of_session(request)
        # A key in the wrong place decides nothing, and neither does the session beside it.
        request.user = AnonymousUser()
        return NOBODY
    found = caller_of(Call(plain, request.headers, _address(request), lambda: request.body))
    if found is None:
        request.user = AnonymousUser()
        _note_refused_key(request, ErrorCode.INVALID_KEY)
        return NOBODY
    if found.allowance is not None:
        _count(request, found.allowance)
    request.user, request.api_key = found.user, found.key  # type: ignore[attr-defined]
    return found.scope


def _note_refused_key(request: HttpRequest, code: str) -> None:
    plain = bearer(request.headers.get("Authorization", ""))
    if plain is not None and code != ErrorCode.TOO_MANY_REQUESTS:
        refusals.key(plain, address=_address(request), code=str(code))


def _count(request: HttpRequest, allowance: Allowance) -> None:
    """A key with a rate of its own is held to that one. Raises AppError TOO_MANY_REQUESTS."""
    request.has_own_limit = True  # type: ignore[attr-defined]
    request.allowance = allowance  # type: ignore[attr-defined]
    if not allowance.is_allowed:
        code = ErrorCode.TOO_MANY_REQUESTS
        raise AppError(code, status=429, retry_after=allowance.reset_s)


def _scope_of_session(request: HttpRequest) -> Scope:
    """A person's whole scope; only their own factors while they owe a second one."""
    request.is_shut = gate.is_shut(request)  # type: ignore[attr-defined]
    return Scope(actor_id=request.user.pk) if gate.is_shut(request) else scope_of(request.user)


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


def scope_of_socket(socket: MutableMapping[str, Any]) -> Scope:
    """The scope of one socket frame: key, session and rights are read anew."""
    by_key = scope_of_socket_key(socket)
    if by_key is not None:
        return by_key
    person = person_at(socket)
    return NOBODY if person is None else scope_of(person)


def address_of_socket(socket: Mapping[str, Any]) -> str:
    """The client's, as the trusted proxies say it."""
    client = socket.get("client") or ("",)
    return str(client[0])


def scope_of_socket_key(socket: MutableMapping[str, Any]) -> Scope | None:
    """The scope of a socket that was opened with a key, read anew for each frame, and NOBODY when
    the key is not valid; None for a socket without a key: then its session counts."""
    if isinstance(known := socket.get("key_scope"), Scope):
        return scope_again(known)
    headers = HttpHeaders(
        {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in socket.get("headers", ())
        }
    )
    authorization = headers.get("Authorization", "")
    plain = bearer(authorization)
    if plain is None:
        return NOBODY if carries_key(authorization) else None
    try:
        found = caller_of(Call(plain, headers, address_of_socket(socket)))
    except AppError:  # a socket that closes has no words; the same key says why on the API
        found = None
    if found is None:
        refusals.key(plain, address=address_of_socket(socket), code=ErrorCode.INVALID_KEY)
    socket["key_scope"] = NOBODY if found is None else found.scope
    scope: Scope = socket["key_scope"]
    return scope
