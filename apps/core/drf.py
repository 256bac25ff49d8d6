"""How the API speaks: its errors, its pages and the base of its views."""

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import conditions, parameters
from apps.core.errors import AppError, ErrorCode, message_of, sentence_with
from apps.core.room import is_full

# What an exception that carries only a code is answered with; AppError brings its own status.
STATUS: dict[ErrorCode, int] = {
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.TOPIC_FORBIDDEN: 403,
    ErrorCode.TOPIC_UNCHECKED: 503,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.CONTEXT_TOO_LONG: 400,
    ErrorCode.ENGINE_ERROR: 502,
    ErrorCode.ENGINE_REJECTED: 502,
    ErrorCode.ENGINE_BUSY: 503,
    ErrorCode.ENGINE_UNAVAILABLE: 503,
    ErrorCode.INDEX_UNAVAILABLE: 503,
}
RETRY_AFTER_S = 2
PAGE_DEFAULT, PAGE_MOST = 50, 200


# --- errors --------------------------------------------------------------------------------------
def error_body(code: str, details: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The one shape of every error."""
    said = dict(details or {})
    return {"error": {"code": str(code), "message": sentence_with(code, said), "details": said}}


# What programs that were written against the short form compare with: never translated.
_SHORT = {
    ErrorCode.NOT_SIGNED_IN: "Invalid API token",
    ErrorCode.INVALID_KEY: "Invalid API token",
    ErrorCode.FORBIDDEN: "Permission denied for this query",
    ErrorCode.TOPIC_FORBIDDEN: "Permission denied for this query",
}


def short_error(code: str, details: Mapping[str, object] | None = None) -> dict[str, Any]:
    """An error of the short form: ``error`` is a sentence, ``code`` is what it is elsewhere."""
    sentence = _SHORT.get(ErrorCode(code)) or message_of(code)
    return {"error": sentence, "code": str(code), "details": dict(details or {})}


def error_response(
    code: str, *, status: int, details: Mapping[str, object] | None = None, retry_after: float = 0
) -> Response:
    response = Response(error_body(code, details), status=status)
    if retry_after or status in {429, 503}:
        response["Retry-After"] = str(max(1, round(retry_after or RETRY_AFTER_S)))
    return response


_PLAIN: tuple[tuple[tuple[type[Exception], ...], ErrorCode, int], ...] = (
    ((Http404, ObjectDoesNotExist), ErrorCode.NOT_FOUND, 404),
    ((PermissionDenied,), ErrorCode.FORBIDDEN, 403),
    ((RequestDataTooBig,), ErrorCode.TOO_LARGE, 413),
    ((SuspiciousOperation,), ErrorCode.BAD_REQUEST, 400),
)


def exception_handler(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Every exception that has an answer, as that answer; None lets a bug fall through to 500."""
    match error:
        case AppError():
            return error_response(error.code, status=error.status, details=error.details)
        case exceptions.APIException():
            return _of_framework(error)
        case ModelValidationError():
            fields = _fields(error)
            return error_response(ErrorCode.BAD_REQUEST, status=400, details={"fields": fields})
        case _ if is_full(error):
            return error_response(ErrorCode.DISK_FULL, status=507)
        case _:
            return _plain(error) or _of_code(error)


def _plain(error: Exception) -> Response | None:
    for kinds, code, status in _PLAIN:
        if isinstance(error, kinds):
            return error_response(code, status=status)
    return None


def _fields(error: ModelValidationError) -> dict[str, list[str]]:
    return dict(error.message_dict) if hasattr(error, "error_dict") else {"": list(error.messages)}


def _of_code(error: Exception) -> Response | None:
    """Errors of lower layers say what they are by a ``code``: scopes, engines, jobs."""
    code = getattr(error, "code", None)
    if not isinstance(code, str) or code not in STATUS:
        return None
    known = ErrorCode(code)
    retry_after = float(getattr(error, "retry_after", 0))
    return error_response(known, status=STATUS[known], retry_after=retry_after)


def _of_framework(error: exceptions.APIException) -> Response:
    response = error_response(
        _FRAMEWORK.get(type(error), ErrorCode.BAD_REQUEST),
        status=error.status_code,
        details=_details_of_framework(error),
        retry_after=getattr(error, "wait", None) or 0,
    )
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


_FRAMEWORK: dict[type[exceptions.APIException], ErrorCode] = {
    exceptions.AuthenticationFailed: ErrorCode.INVALID_KEY,
    exceptions.NotAuthenticated: ErrorCode.NOT_SIGNED_IN,
    exceptions.PermissionDenied: ErrorCode.FORBIDDEN,
    exceptions.NotFound: ErrorCode.NOT_FOUND,
    exceptions.MethodNotAllowed: ErrorCode.METHOD_NOT_ALLOWED,
    exceptions.Throttled: ErrorCode.TOO_MANY_REQUESTS,
}


def _details_of_framework(error: exceptions.APIException) -> dict[str, object]:
    match error:
        case exceptions.ValidationError() if isinstance(error.detail, dict):
            return {"fields": error.detail}
        case exceptions.ValidationError():
            return {"fields": {"": error.detail}}
        case exceptions.ParseError() | exceptions.UnsupportedMediaType():
            return {"reason": str(error.detail)}
        case _:
            return {}


# --- views ---------------------------------------------------------------------------------------
class _OwnType(BaseContentNegotiation):
    """Each address answers in one type, whatever ``Accept`` says (event-stream clients send it)."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        for parser in parsers:
            if _same_type(request.content_type or "", parser.media_type):
                return parser
        return None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def _same_type(sent: str, taken: str) -> bool:
    return sent.partition(";")[0].strip().lower() == taken


class ShallowJSONParser(JSONParser):
    """JSON that is nested too deeply is no request; the interpreter's own limit decides."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            data = super().parse(*args, **kwargs)
            parameters.require_storable(data)
        except RecursionError as error:
            raise ParseError from error
        return data


class ShallowJSONField(serializers.JSONField):
    """JSON inside a field, under the same terms."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = super().to_internal_value(data)
            parameters.require_storable(value)
        except (RecursionError, ParseError):
            self.fail("invalid")
        return value


class ApiView(APIView):
    """Base of every API view: errors in one shape, one type, methods as they are written.

    What is read has an ETag and takes ``If-None-Match`` and ``fields``; where the same address is
    written to, that takes ``If-Match``.
    """

    content_negotiation_class = _OwnType
    parser_classes: tuple[type[BaseParser], ...] = (ShallowJSONParser,)
    takes_conditions = True

    def place(self, *args: Any, **kwargs: Any) -> Any:
        """What the address names, through the caller's scope. Raises DoesNotExist: 404."""
        return None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """A conditional write looks and writes in one transaction: of two, the second sees what
        the first one wrote."""
        if not self._is_conditional(request):
            return super().dispatch(request, *args, **kwargs)
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)
            if response.status_code >= 400:
                transaction.set_rollback(True)
            return response

    def _is_conditional(self, request: Any) -> bool:
        is_write = request.method in {"PUT", "PATCH", "DELETE"}
        can_read = hasattr(self, "get") and self.takes_conditions
        return is_write and can_read and "If-Match" in request.headers

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        parameters.require_text(request, kwargs)
        if self._is_conditional(request):
            conditions.hold(self.place(**kwargs))
            conditions.require_match(request, self.get(request, *args, **kwargs))  # type: ignore[attr-defined] # see above

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Response:
        if self.takes_conditions and isinstance(response, Response) and response.status_code == 200:
            response = self._conditional(request, response)
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type] # streams too

    def _conditional(self, request: Request, response: Response) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return response
        try:
            response.data = conditions.narrowed(request, response.data)
        except exceptions.ValidationError as error:
            return self.handle_exception(error)
        conditions.tagged(request, response)
        return response


def checked(serializer: type[serializers.Serializer[Any]], data: Any, **kwargs: Any) -> Any:
    """The validated values of a request, or ValidationError. A field that is not known is refused:
    a misspelt "collections" would otherwise search everything."""
    shape = serializer(data=data, **kwargs)
    if isinstance(data, Mapping) and (unknown := set(data) - set(shape.fields)):
        raise exceptions.ValidationError({key: [_("Unknown field.")] for key in sorted(unknown)})
    shape.is_valid(raise_exception=True)
    return shape.validated_data


# --- pages ---------------------------------------------------------------------------------------
def page(
    request: Request,
    rows: QuerySet[Any],
    serializer: type[serializers.BaseSerializer[Any]],
    *,
    by: str = "-id",
    context: Mapping[str, Any] | None = None,
) -> Response:
    """One page of ``rows`` ordered by a unique column: ``{"items": [...], "next": address}``."""
    limit = _limit(request)
    field = by.lstrip("-")
    if cursor := request.query_params.get("cursor"):
        side = "lt" if by.startswith("-") else "gt"
        rows = rows.filter(**{f"{field}__{side}": _cursor(rows.model, field, cursor)})
    found = list(rows.order_by(by)[: limit + 1])
    shown = found[:limit]
    more = len(found) > limit
    return Response(
        {
            "items": serializer(shown, many=True, context=dict(context or {})).data,
            "next": _next(request, getattr(shown[-1], field)) if more else None,
        }
    )


def whole_number(text: str) -> int | None:
    """A number as people write one, of at most nine digits; None for anything else."""
    return int(text) if len(text) <= 9 and text.isascii() and text.isdecimal() else None


def _limit(request: Request) -> int:
    value = whole_number(request.query_params.get("limit", str(PAGE_DEFAULT)))
    if value is None or not 1 <= value <= PAGE_MOST:
        raise exceptions.ValidationError({"limit": [f"1 … {PAGE_MOST}"]})
    return value


def _cursor(model: type[Model], field: str, value: str) -> object:
    column = model._meta.get_field(field)  # noqa: SLF001 - Django's own name for it
    try:
        return column.to_python(value)  # type: ignore[union-attr] # a column, not a relation
    except ModelValidationError:
        _refuse_cursor()


def _refuse_cursor() -> NoReturn:
    raise exceptions.ValidationError({"cursor": [_("This is not a place in this list.")]})


def _next(request: Request, last: UUID | int) -> str:
    query = request.query_params.copy()
    query["cursor"] = str(last)
    return f"{request.path}?{query.urlencode()}"


# --- the schema ----------------------------------------------------------------------------------
ERROR_CODES = [code.value for code in ErrorCode]


class _ErrorDetail(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=ERROR_CODES)
    message = serializers.CharField(help_text="A sentence a person can act on.")
    details = serializers.DictField(help_text="Values for machines; never the text of a fault.")


class ErrorOut(serializers.Serializer[Any]):
    """The one shape of every error."""

    error = _ErrorDetail()


CURSOR = OpenApiParameter("cursor", str, description="Where to go on: taken from `next`.")
LIMIT = OpenApiParameter(
    "limit", int, description=f"Rows of one page, 1 to {PAGE_MOST}. Default {PAGE_DEFAULT}."
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    location=OpenApiParameter.HEADER,
    description="Any text you choose, once per intended write. Sent again within 24 hours with "
    "the same body it gets the same answer and writes nothing; with another body 409.",
)
_WHEN = {
    400: (ErrorCode.BAD_REQUEST, "Something in the request is missing or has the wrong shape."),
    401: (ErrorCode.NOT_SIGNED_IN, "No key, or a key that is not valid."),
    403: (ErrorCode.FORBIDDEN, "You may see this, but not do that."),
    404: (ErrorCode.NOT_FOUND, "It does not exist, or you may not see it: both look the same."),
    409: (ErrorCode.CONFLICT, "It collides with something that is already there."),
    413: (ErrorCode.TOO_LARGE, "The body is larger than this installation accepts."),
    415: (ErrorCode.UNSUPPORTED, "This kind of file is not read."),
    422: (ErrorCode.BAD_REQUEST, "It is understood, and cannot be done as it is."),
    502: (ErrorCode.ENGINE_ERROR, "The model server answered with an error."),
    503: (ErrorCode.ENGINE_UNAVAILABLE, "A model does not answer; see Retry-After."),
    507: (ErrorCode.DISK_FULL, "The disk of this installation has no room for it."),
}


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The error responses of an operation, for its schema. 401 belongs to every one."""
    return {
        status: OpenApiResponse(
            ErrorOut,
            description=_WHEN[status][1],
            examples=[OpenApiExample(_WHEN[status][0], value=_example(_WHEN[status][0]))],
        )
        for status in (401, *statuses)
    }


def _example(code: ErrorCode) -> dict[str, Any]:
    with translation.override("en"):  # whatever language the process happens to speak
        return error_body(code)


def page_of(item: type[serializers.Serializer[Any]], name: str) -> serializers.Serializer[Any]:
    """The schema of a page of ``item``."""
    fields = {
        "items": item(many=True),
        "next": serializers.CharField(
            allow_null=True, help_text="Address of the next page; null: this is the last."
        ),
    }
    made: type[serializers.Serializer[Any]] = type(
        name, (serializers.Serializer,), {**fields, "__doc__": f"One page of {name}."}
    )
    return made()
