"""Lists as OpenAI pages them: ``after`` an id, ``limit`` of them, ``has_more``."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import whole_number
from apps.core.ids import as_uuid
from apps.dialects.view import refused

M = TypeVar("M", bound=Model)
LIMIT, MOST = 20, 100


def id_out(prefix: str, pk: UUID) -> str:
    return f"{prefix}{pk.hex}"


def id_in(prefix: str, text: str) -> UUID:
    """The id that a text is, with or without its prefix; one that names nothing for any other."""
    return as_uuid(text.removeprefix(prefix)) or UUID(int=0)


def each(shown: Callable[[Any], dict[str, Any]]) -> Callable[[list[Any]], list[dict[str, Any]]]:
    """What shows one row, for all of a page."""
    return lambda rows: [shown(row) for row in rows]


def whole_list(rows: Sequence[dict[str, Any]]) -> Response:
    return Response(_list(rows, has_more=False))


def paged(
    request: Request,
    rows: QuerySet[M],
    shown: Callable[[list[M]], list[dict[str, Any]]],
    *,
    prefix: str,
    most: int = MOST,
) -> Response:
    """One page, newest first unless ``order=asc``. Ids grow with time, so they are the order."""
    limit = _limit(request, most)
    is_rising = _is_rising(request)
    if after := request.query_params.get("after"):
        rows = rows.filter(**{"pk__gt" if is_rising else "pk__lt": id_in(prefix, after)})
    elif before := request.query_params.get("before"):
        rows = rows.filter(**{"pk__lt" if is_rising else "pk__gt": id_in(prefix, before)})
    found = list(rows.order_by("pk" if is_rising else "-pk")[: limit + 1])
    return Response(_list(shown(found[:limit]), has_more=len(found) > limit))


def _list(rows: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": list(rows),
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "has_more": has_more,
    }


def _limit(request: Request, most: int) -> int:
    value = whole_number(request.query_params.get("limit", str(LIMIT)))
    if value is None or not 1 <= value <= most:
        raise refused(f"limit is 1 to {most}.", param="limit")
    return value


def _is_rising(request: Request) -> bool:
    order = request.query_params.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise refused("order is asc or desc.", param="order")
    return order == "asc"
