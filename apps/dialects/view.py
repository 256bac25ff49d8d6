"""The base of every address below /v1: rights as everywhere, errors in OpenAI's shape."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rest_framework.response import Response

from apps.core.drf import ApiView, error_response, exception_handler
from apps.core.errors import AppError, ErrorCode
from apps.core.openai_errors import openai_error_body

B = TypeVar("B", bound=BaseModel)
_DETAILED = frozenset({"reason", "param", "openai_code"})


class DialectView(ApiView):
    """Described by OpenAI's own schema, so it is not in ours."""

    schema = None
    takes_conditions = False

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _in_dialect


def _in_dialect(error: Exception, context: dict[str, Any]) -> Response | None:
    response = exception_handler(error, context)
    if response is None:
        return None
    said = response.data["error"]
    details = said["details"]
    if fields := details.get("fields"):
        details = {"param": next(iter(fields)), "reason": _first(fields)}
    response.data = openai_error_body(said["code"], status=response.status_code, details=details)
    return response


def _first(fields: Mapping[str, Any]) -> str:
    reasons = next(iter(fields.values()))
    return str(reasons[0] if isinstance(reasons, list) else reasons)


def failure(
    code: ErrorCode, *, status: int, param: str | None = None, reason: str = ""
) -> Response:
    """An error that is answered rather than raised."""
    response = error_response(code, status=status)
    response.data = openai_error_body(
        code, status=status, details={"param": param, "reason": reason}
    )
    return response


def refused(reason: str, *, param: str | None = None, openai_code: str = "") -> AppError:
    """Something in the request that cannot be done; 400."""
    return AppError(
        ErrorCode.BAD_REQUEST, reason=reason, param=param, openai_code=openai_code or None
    )


def absent(what: str, *, param: str, openai_code: str = "") -> AppError:
    """What the request names is not there, or not for this caller: both look the same; 404."""
    return AppError(
        ErrorCode.NOT_FOUND, status=404, reason=what, param=param, openai_code=openai_code or None
    )


def parsed(shape: type[B], data: Any) -> B:
    """The body of a request. Fields that are not known are passed over, as programs send many."""
    if not isinstance(data, Mapping):
        raise refused("The body must be a JSON object.")
    try:
        return shape.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refused(f"{where}: {first['msg']}", param=where or None) from error
