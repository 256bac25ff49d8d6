"""Health, and the pages of errors: in the reader's language, or as JSON for machines."""

import sys
from collections.abc import Mapping

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core import health as installation
from apps.core.drf import RETRY_AFTER_S, error_body, short_error
from apps.core.errors import ErrorCode, message_of
from apps.core.openai_errors import openai_error_body, speaks_openai
from apps.core.room import is_full

_MACHINES = ("/api/", "/v1/", "/mcp")
# The form for integrations that read one field: what went wrong is a plain sentence there.
SHORT_FORM = "/api/chat"


def is_for_machines(request: HttpRequest) -> bool:
    """Whether this address speaks JSON and takes API keys."""
    return request.path.startswith(_MACHINES)


def _wants_json(request: HttpRequest) -> bool:
    """Scripts of our pages send ``Accept: application/json``; browsers never put it first."""
    accept = request.headers.get("Accept", "")
    return is_for_machines(request) or accept.startswith("application/json")


def error_response(
    request: HttpRequest,
    code: str,
    *,
    status: int,
    details: Mapping[str, object] | None = None,
    retry_after: float = 0,
) -> HttpResponse:
    """The answer for a code: JSON, a partial for htmx, or a page of its own."""
    response: HttpResponse
    if speaks_openai(request.path):
        body = openai_error_body(code, status=status, details=details)
        response = JsonResponse(body, status=status)
    elif _wants_json(request):
        is_short = request.path == SHORT_FORM
        body = short_error(code, details) if is_short else error_body(code, details)
        response = JsonResponse(body, status=status)
    else:
        response = _page(request, code, message_of(code), status=status)
    if status == 401 and is_for_machines(request):
        response["WWW-Authenticate"] = 'Bearer realm="footnote"'
    if retry_after or status in {429, 503}:
        response["Retry-After"] = str(max(1, round(retry_after or RETRY_AFTER_S)))
    return response


def _page(request: HttpRequest, code: str, message: str, *, status: int) -> HttpResponse:
    """Rendered without context processors: it has to work when the database does not."""
    is_partial = bool(request.headers.get("HX-Request"))
    template = "errors/_note.html" if is_partial else "errors/page.html"
    context = {
        "code": code,
        "message": message,
        "status": status,
        "theme": getattr(getattr(request, "user", None), "theme", "") if status < 500 else "",
    }
    return HttpResponse(render_to_string(template, context), status=status)


def bad_request(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001 - Django passes it by name
) -> HttpResponse:
    return error_response(request, ErrorCode.BAD_REQUEST, status=400)


def forbidden(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001 - Django passes it by name
) -> HttpResponse:
    return error_response(request, ErrorCode.FORBIDDEN, status=403)


def not_found(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001 - Django passes it by name
) -> HttpResponse:
    return error_response(request, ErrorCode.NOT_FOUND, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The outermost words. A form whose file fills the disk fails while it is read, before any view
    and any middleware that could answer."""
    if is_full(sys.exc_info()[1]):
        return error_response(request, ErrorCode.DISK_FULL, status=507)
    return error_response(request, ErrorCode.INTERNAL, status=500)


def csrf_failure(
    request: HttpRequest,
    reason: str = "",  # noqa: ARG001 - Django passes it by name
) -> HttpResponse:
    """A form without its token: nearly always a page that was open for too long."""
    if _wants_json(request):
        return error_response(request, ErrorCode.FORBIDDEN, status=403)
    message = _(
        "This form was not accepted: the page is too old, or the browser sends no cookies. "
        "Load the page again and repeat."
    )
    return _page(request, ErrorCode.FORBIDDEN, message, status=403)


@login_not_required
@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    """``{"status": "ok"|"degraded"|"down", "parts": {...}}``. No login, no secrets, no addresses."""
    report = installation.check()
    parts = {name: part.status for name, part in report.parts.items()}
    status = 503 if report.status == installation.Status.DOWN else 200
    response = JsonResponse({"status": report.status, "parts": parts}, status=status)
    response["Cache-Control"] = "no-store"
    return response
