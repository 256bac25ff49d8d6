"""The caller's own API keys, and the browsers in which they are signed in."""

from uuid import UUID

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth, services
from apps.accounts.models import ApiKey, User
from apps.accounts.serializers import (
    EndedOut,
    KeyIn,
    KeyOut,
    NewKeyOut,
    SessionOut,
    SessionsOut,
)
from apps.accounts.sessions import services as sessions
from apps.core.drf import CURSOR, LIMIT, ApiView, checked, errors, page, page_of
from apps.permissions.roles import KeyScope, Permission
from apps.permissions.scope import ScopeDenied, current_scope


def require_whole_owner(request: Request) -> None:
    """Keys are managed by a person, or by a key that may do everything its owner may. Never by an
    application: a key that it made for an employee would outlive its own rights."""
    if current_scope().application_id is not None:
        raise ScopeDenied(Permission.ADMINISTER)
    require_whole_key(request)


def require_whole_key(request: Request) -> None:
    """What a person does in their own name: not by a key of theirs that was made for less."""
    if isinstance(request.auth, ApiKey) and request.auth.scope != KeyScope.ALL:
        raise ScopeDenied(Permission.ADMINISTER)


def _require_no_longer_life(request: Request, expires_at: object) -> None:
    """A key cannot make one that outlives it."""
    parent = request.auth.expires_at if isinstance(request.auth, ApiKey) else None
    if parent is not None and (expires_at is None or expires_at > parent):  # type: ignore[operator]
        raise ValidationError({"expires_at": _("Not later than the key that makes it.")})


def owner_of(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - IsAuthenticated has run
    return request.user


class KeysView(ApiView):
    @extend_schema(
        operation_id="keys_list",
        summary="Your API keys",
        tags=["keys"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(KeyOut, "KeyPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        require_whole_owner(request)
        return page(request, ApiKey.objects.all(), KeyOut)

    @extend_schema(
        operation_id="keys_create",
        summary="Make an API key",
        description="The answer carries the key itself, this once. Not repeatable: takes no "
        "Idempotency-Key, since an answer that is kept would keep the key.",
        tags=["keys"],
        request=KeyIn,
        responses={201: NewKeyOut, **errors(400, 403)},
        examples=[
            OpenApiExample("ERP", value={"name": "ERP", "scope": "ask"}, request_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        require_whole_owner(request)
        reauth.require(request)
        wanted = checked(KeyIn, request.data)
        _require_no_longer_life(request, wanted["expires_at"])
        key, plain = services.create_api_key(
            owner=owner_of(request),
            name=wanted["name"],
            scope=KeyScope(wanted["scope"]),
            expires_at=wanted["expires_at"],
        )
        return Response({**KeyOut(key).data, "key": plain}, status=201)


class KeyView(ApiView):
    def place(self, *, key: UUID) -> ApiKey:
        return ApiKey.objects.get(pk=key)

    @extend_schema(
        operation_id="keys_revoke",
        summary="Revoke an API key",
        tags=["keys"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, key: UUID) -> Response:
        require_whole_owner(request)
        services.revoke_api_key(key=self.place(key=key))
        return Response(status=204)


class SessionsView(ApiView):
    """Those of the caller; not in pages, since one person has few."""

    @extend_schema(
        operation_id="sessions_list",
        summary="Browsers in which you are signed in",
        tags=["me"],
        responses={200: SessionsOut, **errors(403)},
    )
    def get(self, request: Request) -> Response:
        require_whole_owner(request)
        rows = sessions.sessions_of(owner_of(request))
        return Response({"items": SessionOut(rows, many=True).data})

    @extend_schema(
        operation_id="sessions_end",
        summary="Sign out everywhere",
        description="Asked from a browser, that one stays signed in.",
        tags=["me"],
        responses={200: EndedOut, **errors(403)},
    )
    def delete(self, request: Request) -> Response:
        require_whole_owner(request)
        reauth.require(request)
        here = None if request.auth else request._request  # noqa: SLF001 - DRF's name for it
        return Response({"ended": sessions.end_sessions(user=owner_of(request), keep=here)})


class SessionView(ApiView):
    @extend_schema(
        operation_id="session_end",
        summary="Sign out in one browser",
        tags=["me"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, session: UUID) -> Response:
        require_whole_owner(request)
        reauth.require(request)
        sessions.end_session(user=owner_of(request), handle=session)
        return Response(status=204)


urlpatterns = [
    path("me/sessions", SessionsView.as_view(), name="sessions"),
    path("me/sessions/<uuid:session>", SessionView.as_view(), name="session"),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/<uuid:key>", KeyView.as_view(), name="key"),
]
