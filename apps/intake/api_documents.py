"""Adding documents by API, and following them until they are searchable."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.db import close_old_connections
from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import (
    IDEMPOTENCY_KEY,
    ShallowJSONParser,
    checked,
    error_body,
    error_response,
    errors,
)
from apps.core.errors import AppError
from apps.core.idempotency import idempotent
from apps.documents import services
from apps.documents.api import DocumentsView as DocumentsListView
from apps.documents.models import Document, IngestRun
from apps.documents.queries import with_state
from apps.documents.serializers import AddedOut, DocumentsIn
from apps.intake.archives import take, take_url
from apps.intake.models import Unpacking
from apps.intake.serializers import DocumentsAddedOut, UnpackingOut
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
    "unpackings": [],
}


class DocumentsView(DocumentsListView):
    parser_classes = (ShallowJSONParser, MultiPartParser)

    @extend_schema(
        operation_id="documents_add",
        summary="Add files, a text or a page",
        description="As multipart with `file` (repeatable), or as JSON with `text` or `url`. "
        "Returns at once with documents that are being read; `wait` returns when they are ready "
        "or failed. The same `external_id` makes a new version, the same bytes make nothing new. "
        "When some files of a request are refused the others are taken, and `refused` says why. An "
        "archive (ZIP, TAR, 7Z) becomes a document for each file in it that is read: `unpackings` "
        "names it. With an `external_id` the next archive of that id replaces them.",
        tags=["documents"],
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": DocumentsIn, "application/json": DocumentsIn},
        responses={202: DocumentsAddedOut, **errors(400, 403, 404, 409, 413, 415, 422)},
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
        taken, refused = _taken(place, wanted)
        if not taken:
            return _all_refused(refused)
        added = [each for each in taken if isinstance(each, services.Added)]
        archives = [each.pk for each in taken if isinstance(each, Unpacking)]
        _wait([each.document.pk for each in added], archives, seconds=wanted["wait"])
        body = {
            "documents": _shown(added),
            "refused": [{"name": name, **_worded(error)} for name, error in refused],
            "unpackings": UnpackingOut(Unpacking.objects.filter(pk__in=archives), many=True).data,
        }
        return Response(body, status=202)


Taken = services.Added | Unpacking
Refused = list[tuple[str, AppError]]


def _taken(collection: Collection, wanted: dict[str, Any]) -> tuple[list[Taken], Refused]:
    """Each source by itself: one bad file does not lose the others."""
    taken: list[Taken] = []
    refused: Refused = []
    for name, add in _sources(collection, wanted):
        try:
            taken.append(add())
        except AppError as error:
            refused.append((name, error))
    return taken, refused


def _sources(
    collection: Collection, wanted: dict[str, Any]
) -> Iterator[tuple[str, Callable[[], Taken]]]:
    """(name, what adds it) of each file, or of the text or the page."""
    common = {
        "collection": collection,
        "external_id": wanted["external_id"],
        "metadata": wanted["metadata"],
        "on_existing": wanted["on_existing"],
    }
    name = wanted.get("name", "")
    if url := wanted.get("url"):
        yield url, partial(take_url, url=url, name=name, **common)
    elif (text := wanted.get("text")) is not None:
        yield name, partial(services.add_text, text=text, name=name, **common)
    for file in wanted.get("file", ()):
        yield file.name, partial(take, file=file, name=file.name, **common)


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


def _wait(ids: list[UUID], archives: list[UUID], *, seconds: int) -> None:
    """Until all are ready or failed and all archives unpacked, or the time is over. Holds no
    connection while it sleeps."""
    until = time.monotonic() + seconds
    while seconds:
        states = {row.state for row in _rows(ids)}
        unpacking = Unpacking.objects.filter(pk__in=archives, finished_at__isnull=True)
        if (states <= _FINISHED and not unpacking.exists()) or time.monotonic() >= until:
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
]
