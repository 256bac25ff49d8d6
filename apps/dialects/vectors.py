"""/v1/models, /v1/embeddings and /v1/rerank: the models of this installation, for programs."""

import base64
import time
from array import array
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from apps.dialects.listing import whole_list
from apps.dialects.rooms import (
    embedding_model,
    models,
    no_model,
    require_read,
    reranking_model,
)
from apps.dialects.view import DialectView, parsed, refused
from apps.engines import factory
from apps.rag.tokens import estimate_tokens

MOST_TEXTS = 2048
MOST_PASSAGES = 1000
LONGEST_TEXT = 100_000
MOST_CHARS = 4_000_000
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]


class ModelsView(DialectView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request) -> Response:
        return whole_list(models())


class ModelView(DialectView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, model: str) -> Response:
        for listed in models():
            if listed["id"] == model:
                return Response(listed)
        raise no_model()


class EmbeddingsBody(BaseModel):
    """``input_type`` is ours: models for search embed a question otherwise than a document."""

    model: str = Field(max_length=200)
    input: Text | list[Text] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(None, ge=1)
    input_type: Literal["document", "query"] = "document"


class EmbeddingsView(DialectView):
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> Response:
        require_read()
        body = parsed(EmbeddingsBody, request.data)
        if body.model != embedding_model():
            raise no_model()
        texts = _texts(body.input)
        embedder = factory.embedder()
        if body.dimensions not in {None, embedder.dimensions}:
            reason = f"This model has {embedder.dimensions} dimensions and cannot be shortened."
            raise refused(reason, param="dimensions")
        if body.input_type == "query":
            vectors = [embedder.embed_query(text) for text in texts]
        else:
            vectors = embedder.embed_passages(texts)
        return Response(_embedded(body, texts, vectors))


def _texts(given: str | Sequence[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise refused(f"1 to {MOST_TEXTS} texts at a time.", param="input")
    if not all(isinstance(text, str) for text in texts):
        reason = "Send text: tokens are of another model's vocabulary."
        raise refused(reason, param="input")
    if not all(text.strip() for text in texts):
        raise refused("A text is empty.", param="input")
    if sum(map(len, texts)) > MOST_CHARS:
        raise refused(f"At most {MOST_CHARS} characters at a time.", param="input")
    return texts


def _embedded(
    body: EmbeddingsBody, texts: Sequence[str], vectors: Sequence[Sequence[float]]
) -> dict[str, Any]:
    read = sum(map(estimate_tokens, texts))
    is_packed = body.encoding_format == "base64"
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _packed(vector) if is_packed else list(vector),
            }
            for index, vector in enumerate(vectors)
        ],
        "model": body.model,
        "usage": {"prompt_tokens": read, "total_tokens": read},
    }


def _packed(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats."""
    numbers = array("f", vector)
    return base64.b64encode(numbers.tobytes()).decode()


class _TextDocument(BaseModel):
    text: Text


class RerankBody(BaseModel):
    """Jina's and Cohere's shape."""

    model: str = Field("", max_length=200)
    query: Annotated[str, StringConstraints(min_length=1, max_length=8000)]
    documents: list[Text | _TextDocument] = Field(min_length=1, max_length=MOST_PASSAGES)
    top_n: int | None = Field(None, ge=1)
    return_documents: bool | None = None


class RerankView(DialectView):
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> Response:
        require_read()
        body = parsed(RerankBody, request.data)
        reranker = factory.reranker()
        if reranker is None or body.model not in {"", reranking_model()}:
            raise no_model()
        texts = [each if isinstance(each, str) else each.text for each in body.documents]
        if sum(map(len, texts)) > MOST_CHARS:
            raise refused(f"At most {MOST_CHARS} characters at a time.", param="documents")
        scores = reranker.score(body.query, texts)
        return Response(_ranked(body, texts, scores))


def _ranked(body: RerankBody, texts: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    best = sorted(range(len(texts)), key=lambda place: -scores[place])[: body.top_n]
    read = sum(map(estimate_tokens, texts)) + estimate_tokens(body.query) * len(texts)
    return {
        "id": f"rerank-{uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": reranking_model(),
        "results": [
            {
                "index": place,
                "relevance_score": scores[place],
                **({"document": {"text": texts[place]}} if body.return_documents else {}),
            }
            for place in best
        ],
        "usage": {"prompt_tokens": read, "total_tokens": read},
        "meta": {"billed_units": {"search_units": 1}},
    }
