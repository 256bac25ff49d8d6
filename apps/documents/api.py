"""The list of documents with their state, and how many there are. Adding is in ``apps.intake``."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    ApiView,
    errors,
    page,
    page_of,
)
from apps.core.idempotency import idempotent
from apps.core.parameters import choice
from apps.documents import services
from apps.documents.queries import balance, documents_with_state
from apps.documents.runs.waiting import seconds_left
from apps.documents.serializers import (
    STATES,
    BalanceOut,
    DocumentOut,
)
from apps.workspaces.models import Collection

POLL_S = 0.25
_FINISHED = frozenset({"ready", "failed"})


class DocumentsView(ApiView):
    """Reads only: whoever takes documents in answers at the same address, see ``apps.intake``."""

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
            OpenApiParameter("parent", UUID, description="Only what is attached to this mail."),
        ],
        responses={200: page_of(DocumentOut, "DocumentPage"), **errors(400, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        rows = documents_with_state(self.place(collection=collection))
        if state := choice(request, "state", STATES):
            rows = rows.filter(state=state)
        for name in ("external_id", "name"):
            if wanted := request.query_params.get(name):
                rows = rows.filter(**{name: wanted})
        if (mail := request.query_params.get("parent")) is not None:
            rows = rows.filter(parent=serializers.UUIDField().run_validation(mail))
        return page(request, rows, DocumentOut)


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


class RetriedOut(serializers.Serializer[Any]):
    retried = serializers.IntegerField()


class RetryFailedView(ApiView):
    http_method_names = ["post", "options"]

    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="documents_retry_failed",
        summary="Read everything again that failed",
        description="Not what fails however often it is read, such as a file with a password.",
        tags=["documents"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: RetriedOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        return Response({"retried": services.retry_failed(collection=place)}, status=202)


urlpatterns = [
    path(
        "collections/<uuid:collection>/retry-failed",
        RetryFailedView.as_view(),
        name="retry-failed",
    ),
    path("collections/<uuid:collection>/balance", BalanceView.as_view(), name="balance"),
]
