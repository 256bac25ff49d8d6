"""Forms in dialogs that add to a collection: pages of other apps use them too."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apps.core.errors import AppError, ErrorCode, message_of
from apps.core.pages import blame
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection


def added(
    request: HttpRequest,
    collection: UUID,
    form: forms.Form,
    kind: str,
    add: Callable[..., Any],
) -> HttpResponse:
    """What a form adds: then the dialog closes and the rows are fetched anew."""
    place = get_object_or_404(Collection, pk=collection)
    current_scope().require_write(place.pk)
    if form.is_valid():
        try:
            add(collection=place, **form.cleaned_data)
            return changed(collection, close=f"add-{kind}")
        except AppError as error:
            words = {"name": message_of(ErrorCode.NAME_TAKEN)}
            blame(form, error, words)
    context = {"form": form, "collection": place, "kind": kind}
    return render(request, "documents/_add.html", context, status=422)


def changed(collection: UUID, *, close: str = "") -> HttpResponse:
    """Nothing to swap: the page closes its dialog and fetches its rows."""
    response = HttpResponse(status=204)
    trigger = f'"close-dialog": "{close}", ' if close else ""
    response["HX-Trigger"] = f'{{{trigger}"documents-changed": "{collection}"}}'
    return response
