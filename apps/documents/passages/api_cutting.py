"""How a collection cuts its documents, for machines: read, tried, applied, taken back."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import IDEMPOTENCY_KEY, ApiView, checked, errors
from apps.core.idempotency import idempotent
from apps.documents.models import Document
from apps.documents.passages import recutting
from apps.documents.passages.recipes import (
    MOST_PARENT,
    SIZES,
    Wish,
    usual,
    values_of,
    wish,
    wish_of,
)
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection


# --- shapes ---------------------------------------------------------------------------------------
class CuttingIn(serializers.Serializer[Any]):
    size = serializers.IntegerField(
        min_value=SIZES[0], max_value=SIZES[1], help_text="Estimated tokens of a passage, at most."
    )
    overlap = serializers.IntegerField(
        min_value=0, default=0, help_text="Tokens; at most half the size."
    )
    headings = serializers.BooleanField(default=True, help_text="Cut at headings, and keep them.")
    parent = serializers.IntegerField(  # type: ignore[assignment] # a field, not a serializer
        min_value=0,
        max_value=MOST_PARENT,
        default=0,
        help_text="Tokens around a passage that the model is given; more than `size`, or 0.",
    )


class CuttingTryIn(CuttingIn):
    document = serializers.UUIDField(required=False, help_text="Shown cut both ways.")


class _CuttingProgressOut(serializers.Serializer[Any]):
    documents = serializers.IntegerField()
    done = serializers.IntegerField(help_text="Cut as the settings say, and searched like that.")
    waiting = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Neither: PUT the settings again to queue them.")


class _CuttingValuesOut(serializers.Serializer[Any]):
    size = serializers.IntegerField()
    overlap = serializers.IntegerField()
    headings = serializers.BooleanField()
    parent = serializers.IntegerField()  # type: ignore[assignment] # a field, not a serializer


class CuttingOut(_CuttingValuesOut):
    is_usual = serializers.BooleanField(help_text="As the installation cuts.")
    previous = _CuttingValuesOut(allow_null=True, help_text="What `undo` goes back to.")
    progress = _CuttingProgressOut()


class _CuttingCostOut(serializers.Serializer[Any]):
    documents = serializers.IntegerField()
    passages_now = serializers.IntegerField()
    passages = serializers.IntegerField(help_text="To embed, at most.")
    is_exact = serializers.BooleanField(help_text="False: reckoned from a part of the documents.")
    seconds = serializers.IntegerField(
        allow_null=True, help_text="As fast as passages were embedded lately; null: not known yet."
    )
    edits = serializers.IntegerField(help_text="Passages here that people changed.")


class _CutOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    page = serializers.IntegerField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField())
    text = serializers.CharField()
    tokens = serializers.IntegerField()


class _CuttingSideOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    smallest = serializers.IntegerField()
    median = serializers.IntegerField()
    largest = serializers.IntegerField()
    tables = serializers.IntegerField()
    split_tables = serializers.IntegerField(help_text="Tables in more than one passage.")
    unfit = serializers.IntegerField(help_text="Edits that would apply to no passage.")
    first = _CutOut(many=True)


class _CuttingPreviewOut(serializers.Serializer[Any]):
    old = _CuttingSideOut()
    new = _CuttingSideOut()


class CuttingTriedOut(serializers.Serializer[Any]):
    cost = _CuttingCostOut()
    preview = _CuttingPreviewOut(allow_null=True)


# --- views ----------------------------------------------------------------------------------------
class CuttingView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    def managed(self, collection: UUID) -> Collection:
        found = self.place(collection=collection)
        current_scope().require(Permission.COLLECTION_MANAGE, found.workspace_id)
        return found

    @extend_schema(
        operation_id="cutting_get",
        summary="How a collection cuts its documents, and how far it is",
        tags=["passages"],
        responses={200: CuttingOut, **errors(404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        return _settings(self.place(collection=collection))

    @extend_schema(
        operation_id="cutting_apply",
        summary="Cut the documents of a collection like this",
        description="Each document answers with its old passages until the new ones are in the "
        "index. `parent` alone embeds nothing and counts at once. For managers.",
        tags=["passages"],
        request=CuttingIn,
        responses={202: CuttingOut, **errors(400, 403, 404)},
    )
    def put(self, request: Request, collection: UUID) -> Response:
        found = self.managed(collection)
        recutting.apply(collection=found, chosen=_wish(checked(CuttingIn, request.data)))
        return _settings(found, status=202)


class CuttingTryView(CuttingView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="cutting_try",
        summary="What settings would make and cost",
        description="Nothing is written or embedded. For managers.",
        tags=["passages"],
        request=CuttingTryIn,
        responses={200: CuttingTriedOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request, collection: UUID) -> Response:
        found = self.managed(collection)
        wanted = checked(CuttingTryIn, request.data)
        pk = wanted.pop("document", None)
        chosen = _wish(wanted)
        document = Document.objects.get(pk=pk, collection=found) if pk else None
        body = {
            "cost": recutting.cost(collection=found, chosen=chosen),
            "preview": recutting.preview(document=document, chosen=chosen) if document else None,
        }
        return Response(CuttingTriedOut(body).data)


class CuttingUndoView(CuttingView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="cutting_undo",
        summary="Back to the settings before, also while they are applied",
        tags=["passages"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: CuttingOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, collection: UUID) -> Response:
        found = self.managed(collection)
        recutting.undo(collection=found)
        return _settings(found, status=202)


def _wish(values: dict[str, Any]) -> Wish:
    return wish(**values)


def _settings(collection: Collection, *, status: int = 200) -> Response:
    now, row = wish_of(collection.pk), recutting.settings_of(collection)
    body = {
        **values_of(now),
        "is_usual": now == usual(),
        "previous": row.previous or None if row else None,
        "progress": recutting.progress(collection),
    }
    return Response(CuttingOut(body).data, status=status)


_PLACE = "collections/<uuid:collection>/cutting"
urlpatterns = [
    path(_PLACE, CuttingView.as_view(), name="cutting"),
    path(f"{_PLACE}/try", CuttingTryView.as_view(), name="cutting-try"),
    path(f"{_PLACE}/undo", CuttingUndoView.as_view(), name="cutting-undo"),
]
