"""The audit page: who did what, when, from where and through what; and the same as CSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.apps import apps
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.events import chain, queries, services
from apps.events.export import as_csv
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
    names = _applications()
    form = AuditForm(request.GET, applications=names.items())
    form.is_valid()
    rows = queries.audited(form.wanted())
    before = _id(request.GET.get("before", ""))
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: _PER_PAGE + 1])
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": form,
        "lines": [_line(event, names) for event in found[:_PER_PAGE]],
        "before": found[_PER_PAGE - 1].pk if len(found) > _PER_PAGE else None,
        "is_older": before is not None,
        "query": query.urlencode(),
        "chain": chain.state(),
        "here": "audit",
    }
    return render(request, "events/audit.html", context)


@for_administrators
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """All events that the filters leave, a row each, sent as they are read."""
    names = _applications()
    form = AuditForm(request.GET, applications=names.items())
    form.is_valid()
    rows = queries.audited(form.wanted())
    services.record("audit.exported")
    response = StreamingHttpResponse(as_csv(rows, names), content_type="text/csv; charset=utf-8")
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="audit-{day}.csv"'
    return response  # type: ignore[return-value] # streamed, which Django types apart


def _applications() -> Mapping[UUID, str]:
    """Names of applications, which are a layer above."""
    model = apps.get_model("applications.Application")
    return dict(model._default_manager.values_list("pk", "name"))  # noqa: SLF001 - Django's own name


def _line(event: Event, applications: Mapping[UUID, str]) -> Line:
    name = applications.get(event.application_id, "") if event.application_id else ""
    return Line(event, sentence_of(event.kind), about(event.data), details(event.data), name)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
