"""What stands in an address and a body, before a view reads it: only what can be stored and found.

A parameter of an address that means nothing is refused: passed over, it would widen the answer.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request

_FLAGS = {"1": True, "true": True, "0": False, "false": False}


def require_text(request: Request, named: Mapping[str, Any]) -> None:
    """Raises Http404 for an address that names something by what no text may hold, and
    ValidationError for a parameter that does: a database would fail on it."""
    if not all(is_text(value) for value in named.values()):
        raise Http404
    if bad := [name for name, value in request.query_params.items() if not is_text(value)]:
        raise ValidationError({bad[0].replace("\0", ""): [_no_text()]})


def require_storable(data: Any) -> None:
    """Raises ParseError for JSON with a text, at any depth, that cannot be stored."""
    match data:
        case str() if not is_text(data):
            raise ParseError(_no_text())
        case Mapping():
            for name, value in data.items():
                require_storable(name)
                require_storable(value)
        case list():
            for value in data:
                require_storable(value)
        case _:
            pass


def is_text(value: Any) -> bool:
    """Whether a text has neither NUL nor half a character in it; what is no text is none's matter."""
    if not isinstance(value, str):
        return True
    return "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)


def _no_text() -> str:
    return _("This holds a character that no text can have.")


def choice(request: Request, name: str, choices: Collection[str], default: str = "") -> str:
    """What a parameter names, one of ``choices``; ``default`` where it says nothing."""
    wanted = request.query_params.get(name, "")
    if wanted and wanted not in choices:
        raise ValidationError({name: [", ".join(choices)]})
    return wanted or default


def flag(request: Request, name: str) -> bool:
    """Whether a parameter says yes. Without it: no."""
    wanted = request.query_params.get(name, "")
    if wanted and wanted not in _FLAGS:
        raise ValidationError({name: ["true, false"]})
    return _FLAGS.get(wanted, False)
