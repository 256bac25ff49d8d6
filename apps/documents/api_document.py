"""One document: its state, versions, passages and file, and its removal."""

from dataclasses import asdict
from uuid import UUID

from django.db import transaction
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    ApiView,
    checked,
    errors,
    page,
    page_of,
    whole_number,
)
from apps.core.idempotency import idempotent
from apps.documents import services
from apps.documents.life import sketch
from apps.documents.life.validity import Validity, set_validity
from apps.documents.models import Chunk, Document, DocumentVersion, LedgerEntry
from apps.documents.queries import with_state
from apps.documents.reader.delivery import original
from apps.documents.runs.waiting import places_of
from apps.documents.serializers import (
    ChunkOut,
    DeletionOut,
    DocumentOut,
    DocumentPatch,
    DocumentWithVersionsOut,
    LedgerEntryOut,
    NearOut,
    VersionOut,
)
from apps.permissions.scope import current_scope

VERSION = OpenApiParameter(
    "version", int, description="Number of a version; the searched one if left out."
)


_DAYS = ("valid_from", "valid_until", "review_on")


class DocumentView(ApiView):
    def place(self, *, document: UUID) -> Document:
        return with_state(Document.objects.all()).get(pk=document)

    @extend_schema(
        operation_id="documents_get",
        summary="One document with its state and versions",
        tags=["documents"],
        responses={200: DocumentWithVersionsOut, **errors(404)},
    )
    def get(self, request: Request, document: UUID) -> HttpResponseBase:
        found = self.place(document=document)
        versions = VersionOut(
            DocumentVersion.objects.filter(document=found),
            many=True,
            context={"current": found.current_id},
        )
        place = places_of([found.pk]).get(found.pk)
        queue = None if place is None else asdict(place)
        near = NearOut(sketch.near(found), many=True).data
        body = {"versions": versions.data, "queue": queue, "nearly_same": near}
        return Response({**DocumentOut(found).data, **body})

    @extend_schema(
        operation_id="documents_change",
        summary="Rename a document, say when it counts and who looks after it",
        tags=["documents"],
        request=DocumentPatch,
        responses={200: DocumentOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, document: UUID) -> Response:
        found = self.place(document=document)
        current_scope().require_write(found.collection_id)
        wanted = checked(DocumentPatch, request.data)
        with transaction.atomic():
            if "name" in wanted:
                services.rename_document(document=found, name=wanted["name"])
            if set(wanted) - {"name"}:
                days = {name: wanted.get(name, getattr(found, name)) for name in _DAYS}
                set_validity(document=found, validity=Validity(**days), owner=wanted.get("owner"))
        return Response(DocumentOut(self.place(document=document)).data)

    @extend_schema(
        operation_id="documents_delete",
        summary="Remove a document",
        description="It leaves every list and search at once. What is stored of it is removed by "
        "a job; the answer is its receipt.",
        tags=["documents"],
        responses={202: DeletionOut, **errors(403, 404)},
    )
    def delete(self, request: Request, document: UUID) -> Response:
        receipt = services.delete_document(document=self.place(document=document))
        return Response(DeletionOut(receipt).data, status=202)


class DocumentRetryView(DocumentView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="documents_retry",
        summary="Read a document again",
        tags=["documents"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: DocumentOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, document: UUID) -> Response:
        services.retry(document=self.place(document=document))
        return Response(DocumentOut(self.place(document=document)).data, status=202)


def version_of(request: Request, document: Document) -> DocumentVersion:
    """The version that ``?version=`` names, or the one that is searched, or the newest."""
    versions = DocumentVersion.objects.filter(document=document)
    wanted = request.query_params.get("version", "")
    if wanted:
        number = whole_number(wanted)
        if number is None:
            raise ValidationError({"version": [_("A version has a number.")]})
        return versions.get(number=number)
    return document.current or versions.order_by("-number")[0]


class DocumentChunksView(DocumentView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="documents_chunks",
        summary="Passages of a document in reading order",
        tags=["documents"],
        parameters=[CURSOR, LIMIT, VERSION],
        responses={200: page_of(ChunkOut, "ChunkPage"), **errors(400, 404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        version = version_of(request, self.place(document=document))
        rows = Chunk.objects.filter(version=version, cut=version.cut).select_related("edit")
        return page(request, rows, ChunkOut, by="ordinal")


class DocumentContentView(DocumentView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="documents_content",
        summary="The original file",
        description="As it was uploaded. Takes Range and If-None-Match.",
        tags=["documents"],
        parameters=[VERSION],
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            (206, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            **errors(404),
        },
    )
    def get(self, request: Request, document: UUID) -> HttpResponseBase:
        version = version_of(request, self.place(document=document))
        return original(request._request, version)  # noqa: SLF001 - DRF's name for it


class DocumentVersionsView(DocumentView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="documents_versions",
        summary="Versions of a document, newest first",
        tags=["documents"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(VersionOut, "VersionPage"), **errors(404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        found = self.place(document=document)
        rows = DocumentVersion.objects.filter(document=found)
        return page(request, rows, VersionOut, by="-number", context={"current": found.current_id})


class DocumentLedgerView(DocumentView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="documents_ledger",
        summary="What happened to a document, stage by stage",
        description="`received`, `checked`, `parsed`, `chunked`, `embedded`, `indexed`, and "
        "`verified` when a search for its own words found it; each with its time, how long it "
        "took, how much there was (bytes, blocks, passages, rows), the attempt, and the reason "
        "where it stopped. Oldest first.",
        tags=["documents"],
        parameters=[CURSOR, LIMIT, VERSION],
        responses={200: page_of(LedgerEntryOut, "LedgerPage"), **errors(400, 404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        version = version_of(request, self.place(document=document))
        return page(request, LedgerEntry.objects.filter(version=version), LedgerEntryOut, by="id")


urlpatterns = [
    path("documents/<uuid:document>", DocumentView.as_view(), name="document"),
    path("documents/<uuid:document>/retry", DocumentRetryView.as_view(), name="document-retry"),
    path("documents/<uuid:document>/chunks", DocumentChunksView.as_view(), name="document-chunks"),
    path("documents/<uuid:document>/ledger", DocumentLedgerView.as_view(), name="document-ledger"),
    path(
        "documents/<uuid:document>/content",
        DocumentContentView.as_view(),
        name="document-content",
    ),
    path(
        "documents/<uuid:document>/versions",
        DocumentVersionsView.as_view(),
        name="document-versions",
    ),
]
