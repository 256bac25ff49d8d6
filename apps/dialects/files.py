"""/v1/files: documents. Each lives in a collection, so an upload names its vector store."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http.response import HttpResponseBase
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.dialects.listing import each, id_in, id_out, paged
from apps.dialects.shapes import FILE, STORE, file_out, files
from apps.dialects.view import DialectView, refused
from apps.documents import services
from apps.documents.models import Document
from apps.documents.reader.delivery import original
from apps.intake.archives import take
from apps.intake.models import Unpacking
from apps.workspaces.models import Collection

MOST = 10_000


class FilesView(DialectView):
    http_method_names = ["get", "head", "post", "options"]
    parser_classes = (MultiPartParser,)

    def get(self, request: Request) -> Response:
        purpose = request.query_params.get("purpose", "assistants")
        rows = files() if purpose in {"assistants", "user_data"} else files().none()
        return paged(request, rows, each(file_out), prefix=FILE, most=MOST)

    def post(self, request: Request) -> Response:
        sent: Any = request.data  # a form: files among its fields
        file = sent.get("file")
        if not isinstance(file, UploadedFile):
            raise refused("Send one file.", param="file")
        named = sent.get("vector_store_id")
        if not named:
            reason = "Each file lives in a collection: name it, with extra_body in the SDKs."
            raise refused(reason, param="vector_store_id")
        collection = Collection.objects.get(pk=id_in(STORE, str(named)))
        added = take(collection=collection, file=file, name=file.name or "", on_existing="version")
        if isinstance(added, Unpacking):
            raise refused("An archive becomes many files: use /api/v1.", param="file")
        return Response(file_out(files().get(pk=added.document.pk)))


class FileView(DialectView):
    http_method_names = ["get", "head", "delete", "options"]

    def place(self, *, file: str) -> Any:
        return files().get(pk=id_in(FILE, file))

    def get(self, request: Request, file: str) -> Response:
        return Response(file_out(self.place(file=file)))

    def delete(self, request: Request, file: str) -> Response:
        document: Document = self.place(file=file)
        services.delete_document(document=document)
        return Response({"id": id_out(FILE, document.pk), "object": "file", "deleted": True})


class FileContentView(FileView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, file: str) -> HttpResponseBase:  # type: ignore[override]
        document: Document = self.place(file=file)
        version = document.current or document.versions.order_by("-number")[0]
        return original(request._request, version)  # noqa: SLF001 - DRF's name for it
