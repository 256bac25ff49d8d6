"""Adding documents, following them until they are searchable, and their list."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

from django.db import close_old_connections
from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    ApiView,
    checked,
    error_body,
    error_response,
    errors,
    page,
    page_of,
)
from apps.core.errors import AppError
from apps.core.idempotency import idempotent
from apps.documents import services
from apps.documents.models import Document, IngestRun
from apps.documents.queries import balance, documents_with_state, with_state
from apps.documents.serializers import (
    STATES,
    AddedOut,
    BalanceOut,
    DocumentOut,
    DocumentsAddedOut,
    DocumentsIn,
)
from apps.documents.waiting import seconds_left
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

POLL_S = 0.25
_FINISHED = frozenset({"ready", "failed"})
_EXAMPLE = {
    "documents": [
        {
            "id": "0192f0c1-5f9e-7cc3-98c4-dc0c0c07398f",
            "collection": "0192f0c1-4a11-7d5e-8f10-aa0c0c07398f",
            "name": "Lease 2024.pdf",
            "external_id": "lease-2024",
            "source_url": "",
            "metadata": {"department": "legal"},
            "state": "queued",
            "stage": "parse",
            "progress": {"done": 0, "total": 0},
            "error": None,
            "version": None,
            "pages": None,
            "chunks": 0,
            "created_at": "2026-01-15T09:30:00Z",
            "updated_at": "2026-01-15T09:30:00Z",
            "run": {
                "id": "0192f0c1-6b00-7cc3-98c4-dc0c0c07398f",
                "state": "queued",
                "stage": "parse",
            },
            "is_new_version": False,
            "is_duplicate": False,
        }
    ],
    "refused": [],
}


class DocumentsView(ApiView):
    parser_classes = (JSONParser, MultiPartParser)

    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="documents_list",
        summary="Documents of a collection with their state",
        tags=["documents"],
        parameters=[
            CURSOR,
            LIMIT,
            OpenApiParameter("state", str, enum=STATES, description="Only those."),
            OpenApiParameter("external_id", str, description="Only the one of this name of yours."),
            OpenApiParameter("name", str, description="Only the one of exactly this name."),
        ],
        responses={200: page_of(DocumentOut, "DocumentPage"), **errors(400, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        rows = documents_with_state(self.place(collection=collection))
        for name in ("state", "external_id", "name"):
            if wanted := request.query_params.get(name):
                rows = rows.filter(**{name: wanted})
        return page(request, rows, DocumentOut)

    @extend_schema(
        operation_id="documents_add",
        summary="Add files, a text or a page",
        description="As multipart with `file` (repeatable), or as JSON with `text` or `url`. "
        "Returns at once with documents that are being read; `wait` returns when they are ready "
        "or failed. The same `external_id` makes a new version, the same bytes make nothing new. "
        "When some files of a request are refused the others are taken, and `refused` says why.",
        tags=["documents"],
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": DocumentsIn, "application/json": DocumentsIn},
        responses={202: DocumentsAddedOut, **errors(400, 403, 404, 409, 413, 415)},
        examples=[
            OpenApiExample(
                "A text",
                value={"text": "The notice period is three months.", "name": "Notice.md"},
                request_only=True,
            ),
            OpenApiExample("Taken", value=_EXAMPLE, response_only=True, status_codes=["202"]),
        ],
    )
    @idempotent
    def post(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        current_scope().require_write(place.pk)
        wanted = checked(DocumentsIn, request.data)
        added, refused = _added(place, wanted)
        if not added:
            return _all_refused(refused)
        _wait([each.document.pk for each in added], seconds=wanted["wait"])
        body = {
            "documents": _shown(added),
            "refused": [{"name": name, **_worded(error)} for name, error in refused],
        }
        return Response(body, status=202)


class BalanceView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="documents_balance",
        summary="How many documents were received and what became of them",
        description="`received` is the sum of the others.",
        tags=["documents"],
        responses={200: BalanceOut, **errors(404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        return Response(
            BalanceOut({**asdict(balance(place)), "seconds_left": seconds_left(place)}).data
        )


Refused = list[tuple[str, AppError]]


def _added(collection: Collection, wanted: dict[str, Any]) -> tuple[list[services.Added], Refused]:
    """Each source by itself: one bad file does not lose the others."""
    added: list[services.Added] = []
    refused: Refused = []
    for name, add in _sources(collection, wanted):
        try:
            added.append(add())
        except AppError as error:
            refused.append((name, error))
    return added, refused


def _sources(
    collection: Collection, wanted: dict[str, Any]
) -> Iterator[tuple[str, "partial[services.Added]"]]:
    """(name, what adds it) of each file, or of the text or the page."""
    common = {
        "collection": collection,
        "external_id": wanted["external_id"],
        "metadata": wanted["metadata"],
        "on_existing": wanted["on_existing"],
    }
    name = wanted.get("name", "")
    if url := wanted.get("url"):
        yield url, partial(services.add_url, url=url, name=name, **common)
    elif (text := wanted.get("text")) is not None:
        yield name, partial(services.add_text, text=text, name=name, **common)
    for file in wanted.get("file", ()):
        yield file.name, partial(services.add_version, file=file, name=file.name, **common)


def _worded(error: AppError) -> dict[str, Any]:
    return error_body(error.code, error.details)


def _all_refused(refused: Refused) -> Response:
    """Nothing was taken: the first refusal is the answer, the others are its details."""
    _name, first = refused[0]
    details: dict[str, object] = dict(first.details)
    if len(refused) > 1:
        details["refused"] = [{"name": name, **_worded(error)} for name, error in refused]
    return error_response(first.code, status=first.status, details=details)


def _rows(ids: list[UUID]) -> list[Any]:
    """Documents with the columns that ``with_state`` adds, which types do not know."""
    return list(with_state(Document.objects.filter(pk__in=ids)))


def _wait(ids: list[UUID], *, seconds: int) -> None:
    """Until all are ready or failed, or the time is over. Holds no connection while it sleeps."""
    until = time.monotonic() + seconds
    while seconds:
        states = {row.state for row in _rows(ids)}
        if states <= _FINISHED or time.monotonic() >= until:
            return
        close_old_connections()
        time.sleep(POLL_S)


def _shown(added: list[services.Added]) -> Any:
    rows = {row.pk: row for row in _rows([each.document.pk for each in added])}
    # As they are now: one that was waited for has gone on since it was queued.
    runs = IngestRun.objects.in_bulk([each.run.pk for each in added])
    shown = []
    for each in added:
        row = rows[each.document.pk]
        row.run, row.is_new_version, row.is_duplicate = (
            runs.get(each.run.pk, each.run),
            each.is_new_version,
            each.is_duplicate,
        )
        shown.append(AddedOut(row).data)
    return shown


urlpatterns = [
    path("collections/<uuid:collection>/documents", DocumentsView.as_view(), name="documents"),
    path("collections/<uuid:collection>/balance", BalanceView.as_view(), name="balance"),
]
