"""Archives: what came of them."""

from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, LIMIT, ApiView, errors, page, page_of
from apps.intake import archives
from apps.intake.models import Unpacking
from apps.intake.serializers import UnpackingOut
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection


class UnpackingsView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="unpackings_list",
        summary="Archives of a collection and what came of them",
        tags=["uploads"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(UnpackingOut, "UnpackingPage"), **errors(400, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        return page(request, Unpacking.objects.filter(collection=place), UnpackingOut)


class UnpackingView(ApiView):
    def place(self, *, unpacking: UUID) -> Unpacking:
        return Unpacking.objects.get(pk=unpacking)

    @extend_schema(
        operation_id="unpackings_get",
        summary="An archive: how many files were in it, and what became of them",
        tags=["uploads"],
        responses={200: UnpackingOut, **errors(404)},
    )
    def get(self, request: Request, unpacking: UUID) -> Response:
        return Response(UnpackingOut(self.place(unpacking=unpacking)).data)

    @extend_schema(
        operation_id="unpackings_forget",
        summary="Stop unpacking, or forget what came of it; documents stay",
        tags=["uploads"],
        responses={204: OpenApiResponse(description="Forgotten."), **errors(403, 404)},
    )
    def delete(self, request: Request, unpacking: UUID) -> Response:
        found = self.place(unpacking=unpacking)
        current_scope().require_write(found.collection_id)
        archives.forget(unpacking=found)
        return Response(status=204)


urlpatterns = [
    path("collections/<uuid:collection>/unpackings", UnpackingsView.as_view(), name="unpackings"),
    path("unpackings/<uuid:unpacking>", UnpackingView.as_view(), name="unpacking"),
]
