"""Documents and collections as OpenAI's files and vector stores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum

from apps.core.errors import ErrorCode, message_of
from apps.dialects.listing import id_out
from apps.documents.models import Document, DocumentVersion
from apps.documents.queries import FAILED, READY, with_state
from apps.workspaces.models import Collection

FILE, STORE = "file-", "vs_"
# What fits into OpenAI's attributes.
MOST_ATTRIBUTES = 16
LONGEST_VALUE = 512
LONGEST_KEY = 64


def files() -> QuerySet[Any]:
    """Documents of the caller with their state and the size of their newest version."""
    newest = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
    rows = with_state(Document.objects.all())
    return rows.annotate(newest_size=Subquery(newest.values("size")[:1]))


def file_out(row: Any) -> dict[str, Any]:
    """A document as a file. The whole of it is for assistants: nothing else is done with files."""
    status = {READY: "processed", FAILED: "error"}.get(row.state, "uploaded")
    return {
        "id": id_out(FILE, row.pk),
        "object": "file",
        "bytes": row.newest_size or 0,
        "created_at": seconds(row.created_at),
        "filename": row.name,
        "purpose": "assistants",
        "status": status,
        "vector_store_id": id_out(STORE, row.collection_id),
        **({"status_details": message_of(row.error_code)} if row.state == FAILED else {}),
    }


def store_file_out(row: Any) -> dict[str, Any]:
    """A document as a file of its store."""
    status = {READY: "completed", FAILED: "failed"}.get(row.state, "in_progress")
    return {
        "id": id_out(FILE, row.pk),
        "object": "vector_store.file",
        "usage_bytes": row.newest_size or 0,
        "created_at": seconds(row.created_at),
        "vector_store_id": id_out(STORE, row.collection_id),
        "status": status,
        "last_error": _error(row.error_code) if row.state == FAILED else None,
        "attributes": attributes(row.metadata),
    }


def _error(code: str) -> dict[str, str]:
    known = "unsupported_file" if code == ErrorCode.UNSUPPORTED else "invalid_file"
    return {"code": known, "message": message_of(code)}


def stores_out(rows: Sequence[Collection]) -> list[dict[str, Any]]:
    """Collections as vector stores, counted in two queries however many they are."""
    ids = [row.pk for row in rows]
    documents = Document.objects.filter(collection__in=ids)
    counted: dict[UUID, dict[str, int]] = {pk: {} for pk in ids}
    for pk, state, number in (
        with_state(documents).order_by().values_list("collection_id", "state").annotate(Count("pk"))
    ):
        counted[pk][state] = number
    sums = documents.order_by().values_list("collection_id").annotate(Sum("current__size"))
    sizes = {pk: size or 0 for pk, size in sums}
    return [_store_out(row, counted[row.pk], sizes.get(row.pk, 0)) for row in rows]


def _store_out(row: Collection, states: Mapping[str, int], size: int) -> dict[str, Any]:
    ready, failed, total = states.get(READY, 0), states.get(FAILED, 0), sum(states.values())
    waiting = total - ready - failed
    return {
        "id": id_out(STORE, row.pk),
        "object": "vector_store",
        "created_at": seconds(row.created_at),
        "name": row.name,
        "usage_bytes": size,
        "file_counts": {
            "in_progress": waiting,
            "completed": ready,
            "failed": failed,
            "cancelled": 0,
            "total": total,
        },
        "status": "in_progress" if waiting else "completed",
        "expires_at": None,
        "last_active_at": seconds(row.updated_at),
        "metadata": {"workspace": str(row.workspace_id)},
    }


def attributes(metadata: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """What of a document's metadata has a place there: plain values, in their order."""
    found: dict[str, str | float | bool] = {}
    for key, value in metadata.items():
        if isinstance(value, str):
            found[key[:LONGEST_KEY]] = value[:LONGEST_VALUE]
        elif isinstance(value, bool | int | float):
            found[key[:LONGEST_KEY]] = value
    return dict(list(found.items())[:MOST_ATTRIBUTES])


def seconds(at: datetime) -> int:
    return int(at.timestamp())
