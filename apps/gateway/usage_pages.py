"""What models were used, by whom, and what it cost: a page, a CSV."""

import csv
import io
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.gateway.usage import BY, SUMS, Line, lines
from apps.permissions.pages import for_administrators

DAYS = 30


def _asked(request: HttpRequest) -> tuple[str, str, str, list[Line]]:
    today = timezone.now().date()
    until = _day(request, "until") or today
    since = _day(request, "since") or until - timedelta(days=DAYS - 1)
    by = request.GET.get("by", "person")
    by = by if by in BY else "person"
    return by, since.isoformat(), until.isoformat(), lines(by, since=since, until=until)


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return parse_date(request.GET.get(name, ""))
    except ValueError:
        return None


@for_administrators
@never_cache
@require_GET
def usage(request: HttpRequest) -> HttpResponse:
    """Sums of a period by person, group, workspace, application, model or day."""
    by, since, until, found = _asked(request)
    context = {
        "by": by,
        "since": since,
        "until": until,
        "lines": found,
        "by_choices": BY,
        "here": "models",
    }
    return render(request, "gateway/usage.html", context)


@for_administrators
@never_cache
@require_GET
def usage_csv(request: HttpRequest) -> HttpResponse:
    """The same for a spreadsheet: for charging departments."""
    by, since, until, found = _asked(request)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by, *SUMS, "first_token_ms"])
    for line in found:
        values = [getattr(line, name) for name in SUMS]
        writer.writerow([_safe(line.name), *values, line.first_token_ms or ""])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="usage-{by}-{since}-{until}.csv"'
    return response


def _safe(name: str) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
