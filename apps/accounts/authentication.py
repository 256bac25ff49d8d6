"""How the API knows who asks: a personal key, or the session of the page that calls it."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.models import User

SCHEME = "Bearer"


def bearer(authorization: str) -> str | None:
    """The key in an Authorization header; None when the header is of another scheme or absent."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == SCHEME.lower() else None


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer fn_…``. The scope middleware has resolved the key already, so that
    one scope serves the whole request; here its result becomes ``user`` and ``auth``: an ApiKey, or
    the key of an application."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        if bearer(request.headers.get("Authorization", "")) is None:
            return None
        asked = request._request  # noqa: SLF001 - DRF's name for it
        key = getattr(asked, "api_key", None)
        if key is None or not isinstance(asked.user, User):
            raise AuthenticationFailed
        return asked.user, key

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="footnote"'


class SameSiteSessionAuthentication(SessionAuthentication):
    """The session cookie, with the CSRF check; a page of this site may call the API."""


class _KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal API key, made under *API keys* on your profile page.",
        }


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.accounts.authentication.SameSiteSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "fn_session",
            "description": "The cookie of a signed-in browser, with X-CSRFToken for writes.",
        }
