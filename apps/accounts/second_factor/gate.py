"""Nothing but the pages that give or set up a second factor, until it is given."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts import second_factor
from apps.accounts.models import User
from apps.core.errors import ErrorCode
from apps.core.views import error_response, is_for_machines

V = TypeVar("V", bound=Callable[..., HttpResponse])


def open_before(view: V) -> V:
    """A page that also serves whoever has yet to give a second factor."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    opened.before_second_factor = True  # type: ignore[attr-defined]
    return cast("V", opened)


def is_shut(request: HttpRequest) -> bool:
    """Whether a signed-in person has to give a second factor before anything else."""
    user = request.user
    return isinstance(user, User) and second_factor.is_missing(user, request.session)


def answer(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse | None:
    """What such a request is answered with instead of ``view``."""
    if getattr(view, "before_second_factor", False):
        return None
    accepts_json = request.headers.get("Accept", "").startswith("application/json")
    if is_for_machines(request) or accepts_json:
        return error_response(request, ErrorCode.SECOND_FACTOR, status=403)
    address = reverse("accounts:second-factor")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=403)
        response["HX-Redirect"] = address
        return response
    if request.method == "GET":
        address = f"{address}?{urlencode({'next': request.get_full_path()})}"
    return redirect(address)
