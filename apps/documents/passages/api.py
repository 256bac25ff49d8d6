"""Passages of a document for machines: read, edit, disable, add, take back."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.core.parameters import flag
from apps.documents.api_document import VERSION, version_of
from apps.documents.models import Chunk, Document
from apps.documents.passages import edits
from apps.documents.passages import services as passages
from apps.documents.passages.models import PassageChange, PassageEdit
from apps.documents.passages.queries import passage, passages_of
from apps.documents.serializers import ChunkOut
from apps.permissions.scope import current_scope
from apps.rag.tokens import estimate_tokens

_NUMBER = "Of the changes that you saw: `number` of the passage. Another one is refused with 409."
_TEXT = 100_000  # the service counts tokens, and refuses with PASSAGE_TOO_LONG


# --- shapes ---------------------------------------------------------------------------------------
class PassageOut(ChunkOut):
    tokens = serializers.SerializerMethodField(help_text="Estimated.")
    is_enabled = serializers.SerializerMethodField()
    is_added = serializers.SerializerMethodField(help_text="By a person; it is in no file.")
    number = serializers.SerializerMethodField(
        help_text="How often it was changed; whoever changes it says which number they saw."
    )

    class Meta(ChunkOut.Meta):
        fields = (  # type: ignore[assignment]
            *ChunkOut.Meta.fields,
            "tokens",
            "is_enabled",
            "is_added",
            "number",
        )

    def get_tokens(self, row: Chunk) -> int:
        return estimate_tokens(row.text)

    def get_is_enabled(self, row: Chunk) -> bool:
        return not row.is_disabled

    def get_is_added(self, row: Chunk) -> bool:
        return row.edit is not None and row.edit.is_added

    def get_number(self, row: Chunk) -> int:
        return row.edit.number if row.edit else 0


class PassageIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=_TEXT, trim_whitespace=False, allow_blank=True)
    after = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The passage that it stands behind; null: the beginning.",
    )
    page = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class PassagePatch(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=0, help_text=_NUMBER)
    text = serializers.CharField(
        required=False, max_length=_TEXT, trim_whitespace=False, allow_blank=True
    )
    is_enabled = serializers.BooleanField(required=False)


class RevertIn(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=0, help_text=_NUMBER)
    to = serializers.IntegerField(
        min_value=0,
        default=0,
        help_text="The text after this change; 0: as it was read. An added passage goes away at 0.",
    )


class ChangeOut(serializers.ModelSerializer[PassageChange]):
    class Meta:
        model = PassageChange
        fields = ("id", "number", "action", "before", "after", "by", "at")


class UnfitOut(serializers.Serializer[Any]):
    """An edit whose passage is not in the current version, and the most similar one there."""

    id = serializers.UUIDField(source="edit.pk")
    number = serializers.IntegerField(source="edit.number")
    original = serializers.CharField(source="edit.origin")
    text = serializers.CharField(source="edit.text")
    is_disabled = serializers.BooleanField(source="edit.is_disabled")
    page = serializers.IntegerField(source="edit.page", allow_null=True)
    by = serializers.CharField(source="edit.changed_by")
    at = serializers.DateTimeField(source="edit.changed_at")
    nearest = serializers.SerializerMethodField()

    @extend_schema_field(ChunkOut(allow_null=True))
    def get_nearest(self, row: edits.Unfit) -> Any:
        return ChunkOut(row.nearest).data if row.nearest else None


class UnfitListOut(serializers.Serializer[Any]):
    items = UnfitOut(many=True)


class SettleIn(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=0, help_text=_NUMBER)
    chunk = serializers.UUIDField(
        allow_null=True, help_text="The passage to apply it to; null: it is given up."
    )


# --- views ----------------------------------------------------------------------------------------
class PassagesView(ApiView):
    def place(self, *, document: UUID) -> Document:
        return Document.objects.get(pk=document)

    @extend_schema(
        operation_id="passages_list",
        summary="Passages of a document with what people made of them",
        description="In reading order. Disabled ones are listed for those who may enable them.",
        tags=["passages"],
        parameters=[
            CURSOR,
            LIMIT,
            VERSION,
            OpenApiParameter("q", str, description="Only those with this text."),
            OpenApiParameter("changed", bool, description="Only those that a person changed."),
        ],
        responses={200: page_of(PassageOut, "PassagePage"), **errors(400, 404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        version = version_of(request, self.place(document=document))
        show = "changed" if flag(request, "changed") else ""
        words = request.query_params.get("q", "")[:200]
        return page(request, passages_of(version, words=words, show=show), PassageOut, by="ordinal")

    @extend_schema(
        operation_id="passages_add",
        summary="Add a passage of your own",
        description="It is searched within seconds. PASSAGE_EMPTY, PASSAGE_TOO_LONG and "
        "TOO_MANY_PASSAGES are answered with 422.",
        tags=["passages"],
        parameters=[IDEMPOTENCY_KEY],
        request=PassageIn,
        responses={201: PassageOut, **errors(400, 403, 404, 422)},
    )
    @idempotent
    def post(self, request: Request, document: UUID) -> Response:
        found = self.place(document=document)
        current_scope().require_write(found.collection_id)
        made = passages.add(document=found, **checked(PassageIn, request.data))
        row = Chunk.with_disabled.select_related("edit").get(
            edit=made, version=found.current_id, cut=found.current.cut if found.current else ""
        )
        return Response(PassageOut(row).data, status=201)


class PassageView(ApiView):
    def place(self, *, document: UUID, chunk: UUID) -> Document:
        return Document.objects.get(pk=document)

    def _shown(self, found: Document, chunk: UUID) -> Response:
        return Response(PassageOut(passage(found, chunk).chunk).data)

    @extend_schema(
        operation_id="passages_get",
        summary="One passage",
        tags=["passages"],
        responses={200: PassageOut, **errors(404)},
    )
    def get(self, request: Request, document: UUID, chunk: UUID) -> Response:
        return self._shown(self.place(document=document, chunk=chunk), chunk)

    @extend_schema(
        operation_id="passages_change",
        summary="Edit, disable or enable a passage",
        description="A disabled passage leaves every search and answer at once; a new text is "
        "searched within seconds. What was read is kept. Where somebody else changed it "
        "meanwhile the answer is 409 PASSAGE_CHANGED, with their text in `details`. PASSAGE_EMPTY "
        "and PASSAGE_TOO_LONG are answered with 422.",
        tags=["passages"],
        request=PassagePatch,
        responses={200: PassageOut, **errors(400, 403, 404, 409, 422)},
    )
    def patch(self, request: Request, document: UUID, chunk: UUID) -> Response:
        found = self.place(document=document, chunk=chunk)
        current_scope().require_write(found.collection_id)
        passages.change(document=found, chunk_id=chunk, **checked(PassagePatch, request.data))
        return self._shown(found, chunk)


class PassageRevertView(PassageView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="passages_revert",
        summary="Take changes back",
        tags=["passages"],
        parameters=[IDEMPOTENCY_KEY],
        request=RevertIn,
        responses={200: PassageOut, 204: None, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, document: UUID, chunk: UUID) -> Response:
        found = self.place(document=document, chunk=chunk)
        current_scope().require_write(found.collection_id)
        wanted = checked(RevertIn, request.data)
        if passages.revert(document=found, chunk_id=chunk, **wanted) is None:
            return Response(status=204)
        return self._shown(found, chunk)


class PassageHistoryView(PassageView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="passages_history",
        summary="Who changed a passage, when, and what it said before and after",
        description="Newest first. For those who may change it.",
        tags=["passages"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(ChangeOut, "PassageChangePage"), **errors(400, 403, 404)},
    )
    def get(self, request: Request, document: UUID, chunk: UUID) -> Response:
        found = self.place(document=document, chunk=chunk)
        current_scope().require_write(found.collection_id)
        rows = PassageChange.objects.filter(edit=passage(found, chunk).chunk.edit_id)
        return page(request, rows, ChangeOut, by="-number")


class UnfitView(PassagesView):
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="passages_unfit",
        summary="Edits that no longer fit",
        description="Their text is not in the current version. For those who may decide.",
        tags=["passages"],
        responses={200: UnfitListOut, **errors(403, 404)},
    )
    def get(self, request: Request, document: UUID) -> Response:
        found = self.place(document=document)
        current_scope().require_write(found.collection_id)
        return Response(UnfitListOut({"items": edits.unfit(found)}).data)


class SettleView(ApiView):
    def place(self, *, document: UUID, edit: UUID) -> Document:
        return Document.objects.get(pk=document)

    @extend_schema(
        operation_id="passages_settle",
        summary="Decide on an edit that no longer fits",
        tags=["passages"],
        parameters=[IDEMPOTENCY_KEY],
        request=SettleIn,
        responses={204: None, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, document: UUID, edit: UUID) -> Response:
        found = self.place(document=document, edit=edit)
        current_scope().require_write(found.collection_id)
        wanted = checked(SettleIn, request.data)
        known = PassageEdit.objects.get(pk=edit, document=found)
        passages.settle(
            document=found, edit_id=known.pk, chunk_id=wanted["chunk"], number=wanted["number"]
        )
        return Response(status=204)


_ONE = "documents/<uuid:document>/passages/<uuid:chunk>"
urlpatterns = [
    path("documents/<uuid:document>/passages", PassagesView.as_view(), name="passages"),
    path(_ONE, PassageView.as_view(), name="passage"),
    path(f"{_ONE}/revert", PassageRevertView.as_view(), name="passage-revert"),
    path(f"{_ONE}/history", PassageHistoryView.as_view(), name="passage-history"),
    path("documents/<uuid:document>/edits", UnfitView.as_view(), name="edits"),
    path("documents/<uuid:document>/edits/<uuid:edit>", SettleView.as_view(), name="edit"),
]
