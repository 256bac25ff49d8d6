"""Shapes of uploads in the API, and what the tus protocol says in its headers."""

import base64
import binascii
import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.drf import ShallowJSONField
from apps.core.errors import message_of
from apps.documents.serializers import MOST_METADATA, AddedOut, CodedOut, RefusedOut
from apps.intake import services
from apps.intake.models import Unpacking, Upload

MOST_SAID = 32 * 1024
EXISTING = ("ask", "version", "rename")


class _ErrorOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class UploadOut(serializers.ModelSerializer[Upload]):
    """How far an upload is, and what became of it."""

    collection = serializers.UUIDField(source="collection_id")
    state = serializers.ChoiceField(
        choices=Upload.State.choices,
        help_text="`receiving`: bytes are missing. `taken`: `document` is it. `asks`: all bytes "
        "are here, `error` says what has to be decided, `finish` decides it. `refused`: `error` "
        "says why, and nothing was stored.",
    )
    offset = serializers.SerializerMethodField(help_text="Bytes that have come.")
    document = serializers.UUIDField(allow_null=True)
    unpacking = serializers.UUIDField(allow_null=True, help_text="Instead of it, of an archive.")
    is_duplicate = serializers.BooleanField(help_text="The same bytes were there: nothing is new.")
    error = serializers.SerializerMethodField()

    class Meta:
        model = Upload
        fields = (
            "id",
            "collection",
            "name",
            "size",
            "offset",
            "state",
            "document",
            "unpacking",
            "is_duplicate",
            "error",
            "expires_at",
        )

    def get_offset(self, row: Upload) -> int:
        return services.offset_of(row)

    @extend_schema_field(_ErrorOut(allow_null=True))
    def get_error(self, row: Upload) -> dict[str, Any] | None:
        if not row.error_code:
            return None
        code, details = row.error_code, dict(row.error_detail)
        return {"code": code, "message": message_of(code), "details": details}


class _LeftOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="With its path inside of the archive.")
    error = CodedOut()


class UnpackingOut(serializers.ModelSerializer[Unpacking]):
    """An archive, and what came of it. `found` = `taken` + `same` + `left`, once it is done."""

    collection = serializers.UUIDField(source="collection_id")
    state = serializers.ChoiceField(choices=[str(state) for state in Unpacking.State])
    error = serializers.SerializerMethodField()
    left_out = serializers.SerializerMethodField(help_text="The first thousand, with the reason.")

    class Meta:
        model = Unpacking
        fields = (
            "id",
            "collection",
            "name",
            "size",
            "external_id",
            "source_url",
            "state",
            "found",
            "taken",
            "same",
            "left",
            "left_out",
            "error",
            "created_at",
            "finished_at",
        )

    @extend_schema_field(CodedOut(allow_null=True))
    def get_error(self, row: Unpacking) -> dict[str, str] | None:
        return _coded(row.error_code) if row.error_code else None

    @extend_schema_field(_LeftOut(many=True))
    def get_left_out(self, row: Unpacking) -> list[dict[str, Any]]:
        return [{"name": name, "error": _coded(code)} for name, code in row.reasons]


def _coded(code: str) -> dict[str, str]:
    return {"code": code, "message": message_of(code)}


class DocumentsAddedOut(serializers.Serializer[Any]):
    documents = AddedOut(many=True)
    refused = RefusedOut(many=True, help_text="Files of this request that were not taken.")
    unpackings = UnpackingOut(many=True, help_text="Archives of this request.")


class _FormatOut(serializers.Serializer[Any]):
    media_type = serializers.CharField()
    suffixes = serializers.ListField(child=serializers.CharField())


class LimitsOut(serializers.Serializer[Any]):
    """What may come in, to be known before anything is sent."""

    file_bytes = serializers.IntegerField(help_text="Of the largest file.")
    text_bytes = serializers.IntegerField(help_text="Of the longest text.")
    piece_bytes = serializers.IntegerField(help_text="A good size for the pieces of an upload.")
    has_room = serializers.BooleanField(help_text="The disk takes a file of that size now.")
    formats = _FormatOut(many=True, help_text="What is read.")
    archives = serializers.ListField(
        child=serializers.CharField(), help_text="Ends of names of what is unpacked."
    )
    archive_bytes = serializers.IntegerField(help_text="Most that may come out of one archive.")


class FinishIn(serializers.Serializer[Any]):
    on_existing = serializers.ChoiceField(choices=EXISTING, required=False)


class MetadataIn(serializers.Serializer[Any]):
    """What ``Upload-Metadata`` may say; the rest of it is given back and has no meaning here."""

    filename = serializers.CharField(max_length=2000)
    external_id = serializers.CharField(max_length=255, required=False, default="")
    on_existing = serializers.ChoiceField(choices=EXISTING, required=False, default="ask")
    metadata = ShallowJSONField(required=False, default=dict, binary=True)

    def validate_metadata(self, value: Any) -> Any:
        if not isinstance(value, dict) or len(json.dumps(value)) > MOST_METADATA:
            raise serializers.ValidationError("An object of at most 16 KB.")
        return value


def metadata_of(header: str) -> dict[str, str]:
    """The pairs of an ``Upload-Metadata`` header. Raises ValidationError."""
    if len(header) > MOST_SAID:
        raise serializers.ValidationError({"Upload-Metadata": ["…"]})
    pairs: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            pairs[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError({"Upload-Metadata": [key]}) from error
    return pairs
