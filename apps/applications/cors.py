"""Calls from other web pages: only from the origins that an administrator named for an application.

No cookie is ever part of it: such a call comes with the key of the application, or is refused.
"""

import contextlib

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from redis.exceptions import RedisError

from apps.applications.models import Application, ApplicationKey
from apps.core.views import is_for_machines

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, "
    "X-On-Behalf-Of"
)
_EXPOSED = "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After"
_CACHED_S = 30
_PREFLIGHT_S = 600


class CorsMiddleware(MiddlewareMixin):
    """Answers preflights, and names the origin in answers to its application. Stands outside of
    everything that could refuse, or a page could not read the refusal."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        is_preflight = (
            request.method == "OPTIONS"
            and "Access-Control-Request-Method" in request.headers
            and is_for_machines(request)
        )
        if not is_preflight:
            return None
        response = HttpResponse(status=204)
        if _is_known(request.headers.get("Origin", "")):
            response["Access-Control-Allow-Methods"] = _METHODS
            response["Access-Control-Allow-Headers"] = _HEADERS
            response["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
            _allow(request, response)
        patch_vary_headers(response, ["Origin"])
        return response

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        if origin and "Authorization" in request.headers and is_for_machines(request):
            key = getattr(request, "api_key", None)
            patch_vary_headers(response, ["Origin"])
            # The refusal of a key is told to the pages of every application: whose is not known.
            if _is_of(key, origin) if key is not None else _is_known(origin):
                _allow(request, response)
        return response


def _allow(request: HttpRequest, response: HttpResponse) -> None:
    response["Access-Control-Allow-Origin"] = request.headers["Origin"]
    response["Access-Control-Expose-Headers"] = _EXPOSED


def _is_of(key: object, origin: str) -> bool:
    return isinstance(key, ApplicationKey) and origin in key.application.origins


def _is_known(origin: str) -> bool:
    """Whether any application names it. Looked up at most every half minute: preflights come
    without a key and before every call. While Redis is down the database is asked each time."""
    known: list[str] | None = None
    with contextlib.suppress(RedisError, OSError):
        known = cache.get("origins")
    if known is None:
        rows = Application.objects.filter(is_active=True).values_list("origins", flat=True)
        known = sorted({name for names in rows for name in names})
        with contextlib.suppress(RedisError, OSError):
            cache.set("origins", known, _CACHED_S)
    return origin in known
