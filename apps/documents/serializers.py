"""Shapes of documents in the API."""

import json
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.drf import ShallowJSONField
from apps.core.errors import message_of
from apps.documents.deletion.receipts import body
from apps.documents.models import Chunk, DeletionReceipt, Document, DocumentVersion, LedgerEntry
from apps.documents.passages.models import edited

STATES = ("queued", "parsing", "embedding", "ready", "failed")
MOST_METADATA = 16 * 1024
MOST_TEXT = 6 * 1024 * 1024  # the service counts bytes, and refuses with TOO_LARGE
MOST_WAIT_S = 60


class DocumentsIn(serializers.Serializer[Any]):
    """Files (as multipart), or a ``text``, or a ``url``; never two of them."""

    file = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        help_text="May be given several times.",
    )
    text = serializers.CharField(required=False, max_length=MOST_TEXT, trim_whitespace=False)
    url = serializers.CharField(required=False, max_length=2000)
    name = serializers.CharField(
        required=False, max_length=255, help_text="Of a text or a page; of a file its own name."
    )
    external_id = serializers.CharField(
        required=False,
        default="",
        max_length=255,
        help_text="Your name for the document: sent again it makes a new version.",
    )
    metadata = ShallowJSONField(required=False, default=dict, help_text="An object.")
    on_existing = serializers.ChoiceField(
        choices=["ask", "version", "rename"],
        default="ask",
        help_text="When the name is taken: `ask` refuses with NAME_TAKEN.",
    )
    wait = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=MOST_WAIT_S,
        help_text="Answer when all are ready or failed, after so many seconds at the latest.",
    )

    def validate_metadata(self, value: Any) -> Any:
        if not isinstance(value, dict) or len(json.dumps(value)) > MOST_METADATA:
            raise serializers.ValidationError(_("An object of at most 16 KB."))
        return value

    def validate(self, attrs: Any) -> Any:
        given = [key for key in ("file", "text", "url") if attrs.get(key)]
        if len(given) != 1:
            raise serializers.ValidationError(_("Give exactly one of file, text and url."))
        if "text" in given and not attrs.get("name"):
            raise serializers.ValidationError({"name": _("A text needs a name.")})
        if attrs["external_id"] and len(attrs.get("file", [])) > 1:
            raise serializers.ValidationError({"external_id": _("Is of one file only.")})
        return attrs


class DocumentPatch(serializers.Serializer[Any]):
    """What is left out stays as it is; null takes a day away."""

    name = serializers.CharField(required=False, max_length=255)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_until = serializers.DateField(
        required=False, allow_null=True, help_text="Included: search answers from it that day."
    )
    review_on = serializers.DateField(required=False, allow_null=True)
    owner = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=254,
        help_text="E-mail address or login name of somebody who may read it; empty: nobody.",
    )


class _ProgressOut(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class CodedOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class _RunOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    stage = serializers.CharField()


class RecognitionOut(serializers.Serializer[Any]):
    """What was recognised in pictures of pages (OCR)."""

    pages = serializers.IntegerField(help_text="Pages that were recognised.")
    of = serializers.IntegerField(help_text="Pages of the version.")
    confidence = serializers.FloatField(help_text="Mean over characters, 0 to 1.")
    poor = serializers.ListField(
        child=serializers.IntegerField(), help_text="Pages that read badly: check them."
    )


class LeftOutOut(serializers.Serializer[Any]):
    """An attachment that is no document, and why."""

    name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class DocumentOut(serializers.ModelSerializer[Document]):
    """Wants rows of ``with_state``."""

    collection = serializers.UUIDField(source="collection_id")
    state = serializers.ChoiceField(choices=STATES)
    stage = serializers.CharField(allow_blank=True)
    progress = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    version = serializers.IntegerField(
        source="current.number",
        default=None,
        allow_null=True,
        help_text="Number of the one that is searched; null: none yet.",
    )
    owner = serializers.EmailField(source="owner.email", default=None, allow_null=True)
    pages = serializers.IntegerField(source="current.pages", default=None, allow_null=True)
    recognition = RecognitionOut(source="current.recognition", default=None, allow_null=True)
    chunks = serializers.IntegerField(source="current.chunk_count", default=0)

    class Meta:
        model = Document
        fields = (
            "id",
            "collection",
            "name",
            "external_id",
            "source_url",
            "metadata",
            "state",
            "stage",
            "progress",
            "error",
            "version",
            "pages",
            "recognition",
            "chunks",
            "parent",
            "owner",
            "valid_from",
            "valid_until",
            "review_on",
            "created_at",
            "updated_at",
        )
        # Not declared above: ``parent`` of a field is something else.
        extra_kwargs: ClassVar = {
            "parent": {"read_only": True, "help_text": "The mail that it is attached to."}
        }

    @extend_schema_field(_ProgressOut)
    def get_progress(self, row: Any) -> dict[str, int]:
        return {"done": row.done or 0, "total": row.total or 0}

    @extend_schema_field(CodedOut(allow_null=True))
    def get_error(self, row: Any) -> dict[str, str] | None:
        if not row.error_code:
            return None
        return {"code": row.error_code, "message": message_of(row.error_code)}


class VersionOut(serializers.ModelSerializer[DocumentVersion]):
    is_current = serializers.SerializerMethodField()
    recognition = RecognitionOut(allow_null=True)
    left_out = serializers.SerializerMethodField()

    class Meta:
        model = DocumentVersion
        fields = (
            "id",
            "number",
            "filename",
            "sha256",
            "size",
            "media_type",
            "pages",
            "recognition",
            "chunk_count",
            "is_current",
            "left_out",
            "created_at",
        )

    @extend_schema_field(LeftOutOut(many=True))
    def get_left_out(self, version: DocumentVersion) -> list[dict[str, str]]:
        left = (version.attachments or {}).get("left", [])
        return [{"name": name, "code": code, "message": message_of(code)} for name, code in left]

    def get_is_current(self, version: DocumentVersion) -> bool:
        return bool(version.pk == self.context["current"])


class _PlaceOut(serializers.Serializer[Any]):
    place = serializers.IntegerField(help_text="1 is the next one.")
    seconds = serializers.IntegerField(
        allow_null=True, help_text="About so many until it is searchable; null: not known yet."
    )


class NearOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="document.pk")
    name = serializers.CharField(source="document.name")
    resemblance = serializers.FloatField(help_text="Share of the text that both have, 0 to 1.")


class StretchOut(serializers.Serializer[Any]):
    text = serializers.CharField()
    kind = serializers.ChoiceField(choices=["same", "gone", "new"])


class _ComparedRowOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["same", "changed", "gone", "new", "skipped"])
    page = serializers.IntegerField(allow_null=True)
    skipped = serializers.IntegerField(help_text="Unchanged blocks that are left out here.")
    stretches = StretchOut(many=True)


class ComparisonOut(serializers.Serializer[Any]):
    changed = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text="Only the beginning was compared.")
    rows = _ComparedRowOut(many=True)


class DocumentWithVersionsOut(DocumentOut):
    versions = VersionOut(many=True)
    nearly_same = NearOut(many=True, help_text="Other documents that you may read.")
    queue = _PlaceOut(allow_null=True, help_text="Of a document that waits: where in the queue.")

    class Meta(DocumentOut.Meta):
        fields = (*DocumentOut.Meta.fields, "versions", "queue", "nearly_same")  # type: ignore[assignment]


class AddedOut(DocumentOut):
    run = _RunOut(allow_null=True)
    is_new_version = serializers.BooleanField()
    is_duplicate = serializers.BooleanField(help_text="The same bytes were there: nothing is new.")

    class Meta(DocumentOut.Meta):
        fields = (  # type: ignore[assignment]
            *DocumentOut.Meta.fields,
            "run",
            "is_new_version",
            "is_duplicate",
        )


class _RefusedError(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class RefusedOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    error = _RefusedError()


class BalanceOut(serializers.Serializer[Any]):
    received = serializers.IntegerField()
    searchable = serializers.IntegerField()
    not_valid = serializers.IntegerField(
        help_text="Indexed, but outside the days on which they count: search leaves them out."
    )
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    seconds_left = serializers.IntegerField(
        allow_null=True, help_text="About so many until nothing waits; null: not known."
    )


class EditedOut(serializers.Serializer[Any]):
    by = serializers.CharField()
    at = serializers.CharField()
    original = serializers.CharField(help_text="As it was read; empty: a person added it.")


class ChunkOut(serializers.ModelSerializer[Chunk]):
    version = serializers.UUIDField(source="version_id")
    edited = serializers.SerializerMethodField(
        help_text="Where a person changed the text or added it; else null."
    )

    class Meta:
        model = Chunk
        fields = ("id", "version", "ordinal", "page", "headings", "boxes", "text", "edited")

    @extend_schema_field(EditedOut(allow_null=True))
    def get_edited(self, row: Chunk) -> Any:
        found = edited(row.edit)
        return EditedOut(found).data if found else None


class LedgerEntryOut(serializers.ModelSerializer[LedgerEntry]):
    version = serializers.UUIDField(source="version_id")
    run = serializers.UUIDField(source="run_id")
    error = serializers.SerializerMethodField()

    class Meta:
        model = LedgerEntry
        fields = ("id", "version", "run", "stage", "at", "took_ms", "count", "attempt", "error")

    @extend_schema_field(CodedOut(allow_null=True))
    def get_error(self, row: LedgerEntry) -> dict[str, str] | None:
        if not row.error_code:
            return None
        return {"code": row.error_code, "message": message_of(row.error_code)}


class DeletionOut(serializers.ModelSerializer[DeletionReceipt]):
    state = serializers.ChoiceField(choices=["pending", "complete"], read_only=True)
    document = serializers.SerializerMethodField(
        help_text="The document, where one document was removed."
    )
    receipt = serializers.SerializerMethodField(
        help_text="What was removed, by whom, when each step was done, and what is left: nothing. "
        "It holds no content."
    )
    sha256 = serializers.CharField(
        read_only=True,
        help_text="Over the canonical JSON of `receipt`, once complete: the same as "
        "`jq -cSj .receipt | sha256sum` prints.",
    )

    class Meta:
        model = DeletionReceipt
        fields = (
            "id",
            "kind",
            "document",
            "name",
            "state",
            "requested_at",
            "done_at",
            "sha256",
            "receipt",
        )

    def get_document(self, row: DeletionReceipt) -> UUID | None:
        return row.object_id if row.kind == DeletionReceipt.Kind.DOCUMENT else None

    def get_receipt(self, row: DeletionReceipt) -> dict[str, Any]:
        return body(row)
