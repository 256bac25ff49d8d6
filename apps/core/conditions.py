"""What a caller asks of an answer beyond its address: some fields only, or only if it changed."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags, quote_etag
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import AppError, ErrorCode

FIELDS = "fields"


def narrowed(request: Request, data: Any) -> Any:
    """``data`` with the fields that ``fields=`` names; of a page, those of each row. Raises
    ValidationError for one that there is not."""
    named = request.query_params.get(FIELDS, "")
    if not named or not isinstance(data, Mapping):
        return data
    wanted = {name.strip() for name in named.split(",") if name.strip()}
    if "items" in data and "next" in data:
        return {**data, "items": [_kept(row, wanted) for row in data["items"]]}
    return _kept(data, wanted)


def _kept(row: Mapping[str, Any], wanted: set[str]) -> dict[str, Any]:
    if unknown := wanted - set(row):
        raise exceptions.ValidationError({FIELDS: [", ".join(sorted(unknown))[:200]]})
    return {name: value for name, value in row.items() if name in wanted}


def etag_of(content: bytes) -> str:
    return quote_etag(hashlib.sha256(content).hexdigest()[:32])


def tagged(request: Request, response: Response) -> None:
    """Give an answer its ETag once it is written, and leave out what the caller has already."""
    response.add_post_render_callback(lambda written: _conditional(request, written))


def _conditional(request: Request, response: HttpResponse) -> HttpResponseBase | None:
    tag = etag_of(response.content)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request._request, etag=tag, response=response)  # noqa: SLF001 - DRF's name for it


def hold(found: object) -> None:
    """Nobody else writes to this row until the transaction ends."""
    if isinstance(found, Model):
        rows = type(found)._default_manager.filter(pk=found.pk)  # noqa: SLF001 - Django's name for it
        list(rows.select_for_update(of=("self",)).values_list("pk"))


def require_match(request: Request, current: Response) -> None:
    """Raise PRECONDITION_FAILED (412) unless what is there now is what the caller has seen, as
    ``If-Match`` says."""
    seen = parse_etags(request.headers["If-Match"])
    now = etag_of(JSONRenderer().render(current.data))
    if "*" not in seen and now not in seen:
        raise AppError(ErrorCode.PRECONDITION_FAILED, status=412)
