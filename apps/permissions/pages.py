"""A view that is for those who run the installation."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse

from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

V = TypeVar("V", bound=Callable[..., HttpResponse])


def for_administrators(view: V) -> V:
    """Asked before the view looks anything up, so that no id tells others whether it names
    something. Raises ScopeDenied (403)."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        current_scope().require(Permission.ADMINISTER)
        return view(request, *args, **kwargs)

    return cast("V", checked)
