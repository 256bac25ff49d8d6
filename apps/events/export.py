"""Events as CSV, row by row."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from django.apps import apps
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone

from apps.events import queries, services
from apps.events.models import Event
from apps.events.sentences import about, details, sentence_of

HEAD = (
    "time",
    "kind",
    "what",
    "about",
    "details",
    "actor",
    "actor_id",
    "address",
    "key",
    "application",
    "application_id",
    "on_behalf_of",
    "workspace",
    "collection",
    "object_type",
    "object_id",
)
_CHUNK = 1000


def applications() -> Mapping[UUID, str]:
    """Names of applications, which are a layer above."""
    model = apps.get_model("applications.Application")
    return dict(model._default_manager.values_list("pk", "name"))  # noqa: SLF001 - Django's own name


def csv_of(wanted: queries.Wanted) -> HttpResponse:
    """These events as CSV; that they were taken is an event too."""
    rows, names = queries.audited(wanted), applications()
    services.record("audit.exported", workspace_id=wanted.workspace)
    response = StreamingHttpResponse(as_csv(rows, names), content_type="text/csv; charset=utf-8")
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="audit-{day}.csv"'
    return response  # type: ignore[return-value] # streamed, which Django types apart


async def as_csv(rows: QuerySet[Event], applications: Mapping[UUID, str]) -> AsyncIterator[bytes]:
    """A byte order mark, for spreadsheets that read Chinese with it only, the head, and the rows.
    The rows were chosen before, in the scope of who asked."""
    yield "\ufeff".encode() + _encoded(HEAD)
    async for event in rows.aiterator(chunk_size=_CHUNK):
        yield _encoded(_cells(event, applications))


def _cells(event: Event, applications: Mapping[UUID, str]) -> tuple[object, ...]:
    name = applications.get(event.application_id, "") if event.application_id else ""
    return (
        event.created_at.isoformat(),
        event.kind,
        sentence_of(event.kind),
        about(event.data),
        details(event.data),
        event.actor.email if event.actor else "",
        event.actor_id or "",
        event.address or "",
        event.api_key_id or "",
        name,
        event.application_id or "",
        event.on_behalf_of or "",
        event.workspace_id or "",
        event.collection_id or "",
        event.object_type,
        event.object_id or "",
    )


def _encoded(cells: tuple[object, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([_safe(str(cell)) for cell in cells])
    return out.getvalue().encode()


def _safe(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula, and runs it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
