"""Search for machines."""

from dataclasses import asdict
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import ApiView, checked, errors
from apps.documents.models import Document
from apps.rag.ports import Passage
from apps.rag.retrieve import Mode
from apps.search import services
from apps.search.reach import named_collections
from apps.search.serializers import SearchIn, SearchOut

_EXAMPLE = {
    "query": "notice period",
    "hits": [
        {
            "document": {
                "id": "0192f0c1-5f9e-7cc3-98c4-dc0c0c07398f",
                "name": "Lease 2024.pdf",
                "collection": "0192f0c1-4a11-7d5e-8f10-aa0c0c07398f",
            },
            "external_id": "lease-2024",
            "chunk": "6f1c1c0e-0c55-5a0c-9d7e-3a1c59a2a001",
            "page": 7,
            "headings": ["Termination"],
            "boxes": [[7, 0.12, 0.31, 0.88, 0.37]],
            "score": 0.0328,
            "ranks": {"dense": [1, 0.871], "keyword": [1, 9.42]},
            "text": "The notice period is three months to the end of a quarter.",
            "edited": None,
        }
    ],
    "trace": {
        "mode": "hybrid",
        "language": "en",
        "took_ms": 38.2,
        "sides": [
            {"side": "dense", "voted": True, "silence": "", "found": 30, "took_ms": 21.0},
            {"side": "keyword", "voted": True, "silence": "", "found": 12, "took_ms": 6.1},
        ],
        "fence": {"candidates": 31, "dropped": 0},
        "reranked": False,
    },
}


class SearchView(ApiView):
    @extend_schema(
        operation_id="search",
        summary="Passages for a question, best first",
        description="Only passages of documents that you may read, in their current version. "
        "Nothing is changed, so no Idempotency-Key is taken.",
        tags=["search"],
        request=SearchIn,
        responses={200: SearchOut, **errors(400, 403, 404, 503)},
        examples=[
            OpenApiExample(
                "In one workspace",
                value={"query": "notice period", "workspaces": ["contracts"], "limit": 5},
                request_only=True,
            ),
            OpenApiExample("Found", value=_EXAMPLE, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        wanted = checked(SearchIn, request.data)
        found = services.search(
            question=wanted["query"],
            collections=named_collections(
                workspaces=wanted["workspaces"], collections=wanted["collections"]
            ),
            limit=wanted["limit"],
            mode=Mode(wanted["mode"]),
            as_of=wanted["as_of"],
        )
        return Response(_found(found))


def _found(found: services.Found) -> dict[str, Any]:
    trace: dict[str, Any] = {**found.trace.as_json()}
    ranks = {hit["chunk"]: hit["ranks"] for hit in trace.pop("hits")}
    names = _external_ids(found.passages)
    hits = [
        _hit(passage, ranks.get(passage.chunk_id, {}), names.get(passage.document_id, ""))
        for passage in found.passages
    ]
    return {"query": found.query, "hits": hits, "trace": trace}


def _external_ids(passages: tuple[Passage, ...]) -> dict[str, str]:
    ids = {passage.document_id for passage in passages}
    rows = Document.objects.filter(pk__in=ids).exclude(external_id="")
    return {str(pk): name for pk, name in rows.values_list("pk", "external_id")}


def _hit(passage: Passage, ranks: Any, external_id: str) -> dict[str, Any]:
    return {
        "document": {
            "id": passage.document_id,
            "name": passage.document_name,
            "collection": passage.collection_id,
        },
        "external_id": external_id,
        "chunk": passage.chunk_id,
        "page": passage.page,
        "headings": list(passage.headings),
        "boxes": [[box.page, box.x0, box.y0, box.x1, box.y1] for box in passage.boxes],
        "score": passage.score,
        "ranks": ranks,
        "text": passage.text,
        "edited": asdict(passage.edited) if passage.edited else None,
    }


urlpatterns = [path("search", SearchView.as_view(), name="search")]
