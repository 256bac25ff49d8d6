"""/v1/vector_stores: collections, their documents, and searching them."""

import math
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from apps.dialects.citing import passage_address
from apps.dialects.filters import Comparison, Compound
from apps.dialects.listing import each, id_in, id_out, paged
from apps.dialects.shapes import (
    FILE,
    MOST_ATTRIBUTES,
    STORE,
    attributes,
    files,
    store_file_out,
    stores_out,
)
from apps.dialects.view import DialectView, parsed, refused
from apps.documents.models import Document
from apps.documents.queries import EMBEDDING, FAILED, PARSING, QUEUED, READY
from apps.rag.ports import Passage
from apps.search.serializers import LONGEST_QUERY, MOST_HITS
from apps.search.services import Found, search
from apps.workspaces.models import Collection

MOST_QUERIES = 5
MOST_RESULTS = 50
_STATES = {
    "in_progress": [QUEUED, PARSING, EMBEDDING],
    "completed": [READY],
    "failed": [FAILED],
    "cancelled": [],
}
# The page and its address go in front of a document's own attributes.
_OWN = 2


class StoresView(DialectView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request) -> Response:
        return paged(request, Collection.objects.all(), stores_out, prefix=STORE)


class StoreView(DialectView):
    http_method_names = ["get", "head", "options"]

    def place(self, *, store: str) -> Collection:
        return Collection.objects.get(pk=id_in(STORE, store))

    def get(self, request: Request, store: str) -> Response:
        return Response(stores_out([self.place(store=store)])[0])


class StoreFilesView(StoreView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, store: str) -> Response:
        rows = files().filter(collection=self.place(store=store))
        if wanted := request.query_params.get("filter"):
            if wanted not in _STATES:
                raise refused(f"filter is one of {', '.join(_STATES)}.", param="filter")
            rows = rows.filter(state__in=_STATES[wanted])
        return paged(request, rows, each(store_file_out), prefix=FILE)


class StoreFileView(StoreView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, store: str, file: str) -> Response:  # type: ignore[override]
        rows = files().filter(collection=self.place(store=store))
        return Response(store_file_out(rows.get(pk=id_in(FILE, file))))


# --- searching ----------------------------------------------------------------------------------


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Query = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]


class _Ranking(BaseModel):
    score_threshold: float = Field(0, ge=0, le=1)


class SearchBody(BaseModel):
    query: Annotated[
        list[_Query],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=MOST_QUERIES),
    ]
    max_num_results: int = Field(10, ge=1, le=MOST_RESULTS)
    filters: Comparison | Compound | None = None
    ranking_options: _Ranking = _Ranking()


class StoreSearchView(StoreView):
    http_method_names = ["post", "options"]

    def post(self, request: Request, store: str) -> Response:
        collection = self.place(store=store)
        body = parsed(SearchBody, request.data)
        # What a filter leaves out is found first: more is asked for.
        limit = MOST_HITS if body.filters else body.max_num_results
        best: dict[str, tuple[float, Passage]] = {}
        for query in body.query:
            found = search(question=query, collections=[collection.pk], limit=limit)
            for score, passage in _scored(found):
                if passage.chunk_id not in best or best[passage.chunk_id][0] < score:
                    best[passage.chunk_id] = (score, passage)
        ranked = sorted(best.values(), key=lambda each: -each[0])
        shown = _shown(body, ranked)
        return Response(
            {
                "object": "vector_store.search_results.page",
                "search_query": body.query,
                "data": shown,
                "has_more": False,
                "next_page": None,
            }
        )


def _scored(found: Found) -> list[tuple[float, Passage]]:
    """Scores from 0 to 1. Those of a reranker as they are, or squeezed where it gives any number;
    without one, shares of the best: they order one answer, and say nothing across answers."""
    scores = [passage.score for passage in found.passages]
    if not found.trace.is_reranked:
        top = max(scores, default=1.0) or 1.0
        scores = [score / top for score in scores]
    elif not all(0 <= score <= 1 for score in scores):
        scores = [1 / (1 + math.exp(-max(-500.0, min(500.0, score)))) for score in scores]
    return list(zip(scores, found.passages, strict=True))


def _shown(body: SearchBody, ranked: Sequence[tuple[float, Passage]]) -> list[dict[str, Any]]:
    ids = {UUID(passage.document_id) for _score, passage in ranked}
    rows = Document.objects.filter(pk__in=ids).values_list("pk", "metadata")
    metadata = {str(pk): said for pk, said in rows}
    shown = []
    for score, passage in ranked:
        said = metadata.get(passage.document_id, {})
        if score < body.ranking_options.score_threshold:
            continue
        if body.filters is None or body.filters.matches(said):
            shown.append(_result(score, passage, said))
    return shown[: body.max_num_results]


def _result(score: float, passage: Passage, metadata: dict[str, Any]) -> dict[str, Any]:
    page = {"page": passage.page} if passage.page else {}
    own = {**page, "url": passage_address(passage)}
    more = {key: value for key, value in attributes(metadata).items() if key not in own}
    kept = dict(list(more.items())[: MOST_ATTRIBUTES - _OWN])
    return {
        "file_id": id_out(FILE, UUID(passage.document_id)),
        "filename": passage.document_name,
        "score": score,
        "attributes": {**own, **kept},
        "content": [{"type": "text", "text": passage.text}],
    }
