"""The page of one document: its pages or its text, opened at a passage; and the original file."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.core.errors import message_of
from apps.core.ids import as_uuid
from apps.documents.forms import ValidityForm
from apps.documents.life import sketch
from apps.documents.models import Chunk, Document, DocumentVersion
from apps.documents.queries import with_state
from apps.documents.reader.delivery import PICTURES, original
from apps.documents.reader.text import text_of
from apps.documents.runs import ledger
from apps.documents.strings import reader_strings
from apps.engines.media_types import MediaType
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection
from apps.workspaces.queries import holders


@require_safe
def document(request: HttpRequest, document: UUID) -> HttpResponse:
    """The whole page, or for the chat page the reader alone."""
    found = get_object_or_404(with_state(Document.objects.all()), pk=document)
    version = version_of(request, found)
    context = reader_context(request, found, version)
    if request.headers.get("HX-Request"):
        return render(request, "documents/_reader.html", context)
    place = Collection.objects.select_related("workspace").get(pk=found.collection_id)
    context |= {
        "workspace": place.workspace,
        "collection": place,
        "here": "documents",
        "tab": "document",
        "versions": found.versions.select_related("created_by"),
        "ledger": ledger.lines(version),
        "holders": holders(place),
        "may_write": current_scope().may_write(place.pk),
        "may_ask_why": current_scope().allows(Permission.MEMBER_MANAGE, place.workspace_id),
        "problem": message_of(found.error_code) if found.error_code else "",  # type: ignore[attr-defined]
        "reader_strings": reader_strings,
        "nearly_same": sketch.near(found),
        "attached": with_state(Document.objects.filter(parent=found)).order_by("name"),
        "validity_form": ValidityForm(initial=_validity_of(found)),
    }
    return render(request, "documents/document.html", context)


def _validity_of(found: Document) -> dict[str, Any]:
    days = {name: getattr(found, name) for name in ("valid_from", "valid_until", "review_on")}
    return {**days, "owner": found.owner.email if found.owner else ""}


@require_safe
def content(request: HttpRequest, document: UUID) -> HttpResponseBase:
    """The original bytes: ranges for the reader, safe headers for everybody."""
    found = get_object_or_404(Document, pk=document)
    return original(request, version_of(request, found))


@require_safe
def text_blocks(request: HttpRequest, document: UUID) -> HttpResponse:
    """The text as it was read, for documents without pages and for pages that cannot be drawn."""
    found = get_object_or_404(Document, pk=document)
    version = version_of(request, found)
    chunk = _chunk(request, version)
    context = {"document": found, "text": text_of(version, _marked(chunk))}
    return render(request, "documents/_text.html", context)


def version_of(request: HttpRequest, found: Document) -> DocumentVersion:
    """The version asked for; without one the current, and before there is one the newest."""
    versions = DocumentVersion.objects.filter(document=found)
    wanted = request.GET.get("v", "")
    if wanted:
        return get_object_or_404(versions, pk=as_uuid(wanted))
    return found.current or versions.order_by("-number")[0]


def _chunk(request: HttpRequest, version: DocumentVersion) -> Chunk | None:
    wanted = as_uuid(request.GET.get("chunk", ""))
    rows = Chunk.with_disabled.filter(version=version).select_related("edit")
    return rows.filter(pk=wanted).first() if wanted else None


def _marked(chunk: Chunk | None) -> str:
    """What of the text is marked: what was read, for that is what stands there."""
    is_added = chunk is not None and chunk.edit is not None and chunk.edit.is_added
    return "" if chunk is None or is_added else chunk.read_text


def _marks(chunk: Chunk | None) -> list[dict[str, str]]:
    """Where a passage stands on a picture: as a drawing has it, and the same for every language."""
    boxes = [box[1:] for box in chunk.boxes] if chunk else []
    return [
        {
            "x": f"{x0:.4f}",
            "y": f"{y0:.4f}",
            "width": f"{max(x1 - x0, 0):.4f}",
            "height": f"{max(y1 - y0, 0):.4f}",
        }
        for x0, y0, x1, y1 in boxes
    ]


def reader_context(
    request: HttpRequest, found: Document, version: DocumentVersion
) -> dict[str, Any]:
    chunk = _chunk(request, version)
    is_pdf = version.media_type == MediaType.PDF
    page = request.GET.get("page", "")
    context: dict[str, Any] = {
        "document": found,
        "version": version,
        "is_pdf": is_pdf,
        "chunk": chunk,
        "edit": chunk.edit if chunk and chunk.edit and chunk.edit.is_changed else None,
        "page": (chunk.page if chunk else None) or (int(page) if page.isdecimal() else 1),
        "boxes_json": json.dumps(chunk.boxes if chunk else []),
        "is_old": found.current_id is not None and found.current_id != version.pk,
    }
    # One that could not be read may be made to harm who opens it.
    if version.media_type in PICTURES and version.chunk_count:
        context["marks"] = _marks(chunk)
    if not is_pdf:
        context["text"] = text_of(version, _marked(chunk))
    return context
