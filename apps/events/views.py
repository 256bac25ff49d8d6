"""The audit page: who did what, when, from where and through what; and the same as CSV."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.events import chain, queries
from apps.events.export import applications, csv_of
from apps.events.forms import AuditForm
from apps.events.models import Event
from apps.events.sentences import about, details, sentence_of
from apps.permissions.pages import for_administrators

_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One event in words."""

    event: Event
    sentence: str
    about: str
    details: str
    application: str


@for_administrators
@never_cache
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """One page of events, from a place on: however many there are, a page costs the same."""
    context = listing(request)
    context |= {"chain": chain.state(), "here": "audit"}
    return render(request, "events/audit.html", context)


def listing(request: HttpRequest, *, workspace_id: UUID | None = None) -> dict[str, Any]:
    """What ``events/_events.html`` shows: filters, one page of events, and where the next begins.
    With a workspace, what happened in it; applications are chosen by administrators only."""
    names = applications()
    form = AuditForm(request.GET, applications=() if workspace_id else names.items())
    form.is_valid()
    rows = queries.audited(replace(form.wanted(), workspace=workspace_id))
    before = _id(request.GET.get("before", ""))
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: _PER_PAGE + 1])
    query = request.GET.copy()
    query.pop("before", None)
    return {
        "form": form,
        "lines": [_line(event, names) for event in found[:_PER_PAGE]],
        "before": found[_PER_PAGE - 1].pk if len(found) > _PER_PAGE else None,
        "is_older": before is not None,
        "query": query.urlencode(),
    }


@for_administrators
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    return as_file(request)


def as_file(request: HttpRequest, *, workspace_id: UUID | None = None) -> HttpResponse:
    """All events that the filters leave, a row each, sent as they are read."""
    form = AuditForm(request.GET, applications=() if workspace_id else applications().items())
    form.is_valid()
    return csv_of(replace(form.wanted(), workspace=workspace_id))


def _line(event: Event, applications: Mapping[UUID, str]) -> Line:
    name = applications.get(event.application_id, "") if event.application_id else ""
    return Line(event, sentence_of(event.kind), about(event.data), details(event.data), name)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
