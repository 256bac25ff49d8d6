"""Versions of a document: what changed between two, and back to an older one."""

from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import IDEMPOTENCY_KEY, ApiView, errors, whole_number
from apps.core.idempotency import idempotent
from apps.documents import services
from apps.documents.life.comparing import compare
from apps.documents.models import Document, DocumentVersion
from apps.documents.queries import with_state
from apps.documents.serializers import ComparisonOut, DocumentOut


class CompareView(ApiView):
    def place(self, *, document: UUID) -> Document:
        return Document.objects.get(pk=document)

    @extend_schema(
        operation_id="documents_compare",
        summary="What changed between two versions of a document",
        description="Block by block; in a changed one word by word. Unchanged blocks are left "
        "out but for those beside a change.",
        tags=["documents"],
        parameters=[
            OpenApiParameter("old", int, required=True, description="Number of a version."),
            OpenApiParameter("new", int, required=True, description="Number of a version."),
        ],
        responses={200: ComparisonOut, **errors(400, 404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        found = self.place(document=document)
        old, new = (_numbered(found, request.query_params.get(name)) for name in ("old", "new"))
        return Response(ComparisonOut(compare(old, new)).data)


class ReturnView(ApiView):
    http_method_names = ["post", "options"]

    def place(self, *, document: UUID, version: UUID) -> DocumentVersion:
        return DocumentVersion.objects.get(pk=version, document=document)

    @extend_schema(
        operation_id="documents_return",
        summary="Make an older version the newest again",
        description="It gets the next number and answers once it is indexed.",
        tags=["documents"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: DocumentOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, document: UUID, version: UUID) -> Response:
        services.return_to(version=self.place(document=document, version=version))
        return Response(DocumentOut(with_state(Document.objects.all()).get(pk=document)).data, 202)


def _numbered(document: Document, text: str | None) -> DocumentVersion:
    number = whole_number(text or "")
    if number is None:
        raise ValidationError({"old": ["A version has a number."]})
    return DocumentVersion.objects.get(document=document, number=number)


urlpatterns = [
    path("documents/<uuid:document>/compare", CompareView.as_view(), name="document-compare"),
    path(
        "documents/<uuid:document>/versions/<uuid:version>/return",
        ReturnView.as_view(),
        name="document-return",
    ),
]
