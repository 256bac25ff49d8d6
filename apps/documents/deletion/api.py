"""Receipts of what was deleted."""

from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, LIMIT, ApiView, errors, page, page_of
from apps.core.parameters import choice
from apps.documents.deletion import receipts
from apps.documents.models import DeletionReceipt
from apps.documents.serializers import DeletionOut
from apps.workspaces.api import workspace_named
from apps.workspaces.models import Collection, Workspace

_STATES = ["pending", "complete"]
_PAGE = page_of(DeletionOut, "DeletionPage")


class DeletionsView(ApiView):
    """What was deleted, of all workspaces that the caller manages."""

    @extend_schema(
        operation_id="deletions_list",
        summary="Receipts of what was removed",
        description="Of the workspaces that you manage, and of what you removed yourself; "
        "administrators see all, those of workspaces that are gone among them.",
        tags=["deletions"],
        parameters=[
            CURSOR,
            LIMIT,
            OpenApiParameter("state", str, enum=_STATES, description="Only those."),
        ],
        responses={200: _PAGE, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        return _page(request, receipts.visible())


class WorkspaceDeletionsView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="workspace_deletions_list",
        summary="Receipts of what was removed from a workspace",
        tags=["deletions"],
        parameters=[CURSOR, LIMIT],
        responses={200: _PAGE, **errors(400, 404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        return _page(request, receipts.visible(workspace_id=room.pk))


class CollectionDeletionsView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="collection_deletions_list",
        summary="Receipts of what was removed from a collection",
        tags=["deletions"],
        parameters=[CURSOR, LIMIT],
        responses={200: _PAGE, **errors(400, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        return _page(request, receipts.visible(collection_id=place.pk))


class DeletionView(ApiView):
    def place(self, *, deletion: UUID) -> DeletionReceipt:
        return receipts.visible().get(pk=deletion)

    @extend_schema(
        operation_id="deletions_get",
        summary="The receipt of a removal",
        description="For managers of the workspace, administrators, and whoever removed it.",
        tags=["deletions"],
        responses={200: DeletionOut, **errors(404)},
    )
    def get(self, request: Request, deletion: UUID) -> Response:
        return Response(DeletionOut(self.place(deletion=deletion)).data)


def _page(request: Request, rows: QuerySet[DeletionReceipt]) -> Response:
    if state := choice(request, "state", _STATES):
        rows = rows.filter(done_at__isnull=state == "pending")
    return page(request, rows, DeletionOut)


urlpatterns = [
    path("deletions", DeletionsView.as_view(), name="deletions"),
    path("deletions/<uuid:deletion>", DeletionView.as_view(), name="deletion"),
    path(
        "workspaces/<str:workspace>/deletions",
        WorkspaceDeletionsView.as_view(),
        name="workspace-deletions",
    ),
    path(
        "collections/<uuid:collection>/deletions",
        CollectionDeletionsView.as_view(),
        name="collection-deletions",
    ),
]
