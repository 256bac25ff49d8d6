"""Answers refusals that carry a code, as a page or as JSON."""

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from apps.core.errors import AppError, ErrorCode, Transient
from apps.core.room import is_full
from apps.core.views import error_response


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
