"""Uploads in pieces: the tus protocol 1.0 (creation, expiration, termination), by key or session.

See https://tus.io/protocols/resumable-upload. Why this is not a library: ADR 0017.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import MethodNotAllowed, UnsupportedMediaType, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import IDEMPOTENCY_KEY, ApiView, checked, errors
from apps.core.idempotency import idempotent
from apps.core.room import has_room
from apps.documents.services import LONGEST_TEXT
from apps.engines.archives import SUFFIXES
from apps.engines.media_types import MediaType
from apps.intake import services
from apps.intake.models import Upload
from apps.intake.serializers import FinishIn, LimitsOut, MetadataIn, UploadOut, metadata_of
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PIECES_TYPE = "application/offset+octet-stream"
READ_AT_ONCE = 1024 * 1024
GOOD_PIECE = 8 * 1024 * 1024
LONGEST_NUMBER = 15


def _header(name: str, description: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, required=required
    )


_TUS = _header("Tus-Resumable", "1.0.0")
_NOTHING = OpenApiResponse(description="Done; the headers say how far the upload is.")


class _TusView(ApiView):
    """What every answer of the protocol says, and every question must say."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = VERSION
        answer["Cache-Control"] = "no-store"
        if answer.status_code == 412 or request.method == "OPTIONS":
            answer["Tus-Version"] = VERSION
        return answer

    @extend_schema(exclude=True)
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        self.place(**kwargs)
        headers = {"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES)}
        return Response(status=204, headers=headers)


class UploadsView(_TusView):
    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="uploads_begin",
        summary="Begin an upload in pieces",
        description="The tus protocol 1.0 with creation, expiration and termination: any tus "
        "client does it. Answers with `Location`; PATCH the bytes there, in pieces of 8 MiB or so, "
        "and after an interruption go on at the offset that HEAD says. `OPTIONS` tells the limits.",
        tags=["uploads"],
        parameters=[
            _TUS,
            _header("Upload-Length", "Size of the file in bytes."),
            _header(
                "Upload-Metadata",
                "Pairs of a key and its value in Base64, with commas between them. `filename` is "
                "wanted and may carry folders; `external_id`, `on_existing` and `metadata` (JSON) "
                "mean what they mean for documents.",
            ),
        ],
        request=None,
        responses={
            201: OpenApiResponse(description="`Location` is the address of the upload."),
            412: OpenApiResponse(description="Not this version of the protocol."),
            **errors(400, 403, 404, 413, 507),
        },
    )
    def post(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        current_scope().require_write(place.pk)
        if refused := _other_version(request):
            return refused
        upload = services.begin(collection=place, wanted=_wanted(request))
        location = reverse("api:upload", kwargs={"upload": upload.pk})
        return Response(status=201, headers={"Location": location, **_expiry(upload)})


class UploadView(_TusView):
    def place(self, *, upload: UUID) -> Upload:
        return Upload.objects.filter(expires_at__gt=timezone.now()).get(pk=upload)

    @extend_schema(
        operation_id="uploads_get",
        summary="How far an upload is, and what became of it",
        tags=["uploads"],
        responses={200: UploadOut, **errors(404)},
    )
    def get(self, request: Request, upload: UUID) -> Response:
        return Response(UploadOut(self.place(upload=upload)).data)

    @extend_schema(
        operation_id="uploads_offset",
        summary="How many bytes have come, as a header",
        tags=["uploads"],
        parameters=[_TUS],
        responses={200: _NOTHING, **errors(404)},
    )
    def head(self, request: Request, upload: UUID) -> Response:
        found = self.place(upload=upload)
        if refused := _other_version(request):
            return refused
        headers = {
            "Upload-Offset": str(services.offset_of(found)),
            "Upload-Length": str(found.size),
            **_expiry(found),
        }
        return Response(headers=headers | ({"Upload-Metadata": found.said} if found.said else {}))

    @extend_schema(
        operation_id="uploads_append",
        summary="Send the next bytes",
        description="With the last byte the file is taken in; GET says what became of it.",
        tags=["uploads"],
        parameters=[_TUS, _header("Upload-Offset", "Where these bytes begin.")],
        request={PIECES_TYPE: bytes},
        responses={204: _NOTHING, **errors(400, 403, 404, 409, 413, 415, 507)},
    )
    def patch(self, request: Request, upload: UUID) -> Response:
        found = self.place(upload=upload)
        if refused := _other_version(request):
            return refused
        if (request.content_type or "").partition(";")[0].strip().lower() != PIECES_TYPE:
            raise UnsupportedMediaType(request.content_type or "")
        offset = _number(request, "Upload-Offset")
        reached = services.append(upload=found, offset=offset, pieces=_pieces(request))
        return Response(status=204, headers={"Upload-Offset": str(reached), **_expiry(found)})

    @extend_schema(
        operation_id="uploads_cancel",
        summary="Forget an upload and its bytes",
        tags=["uploads"],
        parameters=[_TUS],
        responses={204: _NOTHING, **errors(404)},
    )
    def delete(self, request: Request, upload: UUID) -> Response:
        found = self.place(upload=upload)
        if refused := _other_version(request):
            return refused
        services.cancel(upload=found)
        return Response(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, upload: UUID) -> Response:
        """For clients behind proxies that know no PATCH."""
        self.place(upload=upload)
        meant = {"PATCH": self.patch, "DELETE": self.delete, "HEAD": self.head}
        method = meant.get(request.headers.get("X-HTTP-Method-Override", "").upper())
        if method is None:
            raise MethodNotAllowed("POST")
        return method(request, upload)


class FinishView(ApiView):
    def place(self, *, upload: UUID) -> Upload:
        return Upload.objects.filter(expires_at__gt=timezone.now()).get(pk=upload)

    @extend_schema(
        operation_id="uploads_finish",
        summary="Decide what an upload asks",
        description="When the name is taken (`asks`): as a `version` of the document of that name, "
        "or under a new name (`rename`); nothing is sent again. Also takes in a file that had come "
        "whole when the disk was full.",
        tags=["uploads"],
        parameters=[IDEMPOTENCY_KEY],
        request=FinishIn,
        responses={200: UploadOut, **errors(400, 403, 404, 409, 507)},
    )
    @idempotent
    def post(self, request: Request, upload: UUID) -> Response:
        found = self.place(upload=upload)
        wanted = checked(FinishIn, request.data)
        done = services.finish(upload=found, on_existing=wanted.get("on_existing"))
        return Response(UploadOut(done).data)


class LimitsView(ApiView):
    @extend_schema(
        operation_id="limits",
        summary="What may come in: sizes and formats",
        tags=["uploads"],
        responses={200: LimitsOut, **errors()},
    )
    def get(self, request: Request) -> Response:
        formats = [{"media_type": each, "suffixes": each.suffixes} for each in MediaType]
        limits = {
            "file_bytes": settings.UPLOAD_MAX_BYTES,
            "text_bytes": LONGEST_TEXT,
            "piece_bytes": GOOD_PIECE,
            "has_room": has_room(settings.UPLOAD_MAX_BYTES),
            "formats": formats,
            "archives": list(SUFFIXES),
            "archive_bytes": settings.ARCHIVE_MAX_BYTES,
        }
        return Response(LimitsOut(limits).data)


def _other_version(request: Request) -> Response | None:
    """412 to who speaks another version of the protocol, or none."""
    is_known = request.headers.get("Tus-Resumable") == VERSION
    return None if is_known else Response(status=412)


def _wanted(request: Request) -> services.Wanted:
    said = request.headers.get("Upload-Metadata", "")
    pairs = metadata_of(said)
    pairs.setdefault("filename", pairs.get("name", ""))
    known = {name: value for name, value in pairs.items() if name in MetadataIn().fields}
    values = checked(MetadataIn, known)
    return services.Wanted(
        name=values["filename"],
        size=_number(request, "Upload-Length"),
        external_id=values["external_id"],
        metadata=values["metadata"],
        on_existing=values["on_existing"],
        said=said,
    )


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise ValidationError({name: ["0 …"]})
    return int(text)


def _pieces(request: Request) -> Iterator[bytes]:
    """The body as the server has it on disk, never all of it in memory."""
    while piece := request._request.read(READ_AT_ONCE):  # noqa: SLF001 - DRF's name for it
        yield piece


def _expiry(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())}


urlpatterns = [
    path("limits", LimitsView.as_view(), name="limits"),
    path("collections/<uuid:collection>/uploads", UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload>", UploadView.as_view(), name="upload"),
    path("uploads/<uuid:upload>/finish", FinishView.as_view(), name="upload-finish"),
]
