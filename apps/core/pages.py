"""What page views share: one template two ways, safe return addresses, errors beside their field."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from apps.core.errors import AppError, message_of


def show(
    request: HttpRequest,
    page: str,
    part: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The whole page, or for htmx the part of it that the page includes itself."""
    template = part if request.headers.get("HX-Request") else page
    return render(request, template, dict(context), status=status)


def safe_next(request: HttpRequest, default: str) -> str:
    """Where the form's ``next`` leads, if that is on this site; else ``default``."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else default


def blame(form: forms.BaseForm, error: AppError, words: Mapping[str, Any]) -> None:
    """Put a service's refusal beside the field it names, in the words that the view has for it.

    ``words`` maps the refusal's ``field`` or ``reason`` to a sentence; without one, the code's.
    """
    field = str(error.details.get("field", ""))
    reason = str(error.details.get("reason", field))
    sentence = str(words.get(reason) or message_of(error.code))
    form.add_error(field if field in form.fields else None, sentence)
