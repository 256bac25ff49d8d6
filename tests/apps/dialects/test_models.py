"""Models, embeddings and reranking for programs."""

import base64
import struct

import pytest

from apps.engines import factory
from apps.engines.adapters.fake import OverlapReranker
from apps.permissions.roles import KeyScope
from tests.apps.dialects.conftest import error_of

MODEL = "e5-small"


def _names(response):
    assert response.json()["object"] == "list"
    return [model["id"] for model in response.json()["data"]]


def test_workspaces_that_the_caller_may_ask_are_models(bob, workspace, v1_of):
    names = _names(v1_of(bob).get("/v1/models"))
    assert names == ["footnote", f"footnote/{workspace.slug}", MODEL]


def test_a_stranger_sees_their_own_models_only(carol, workspace, v1_of):
    assert f"footnote/{workspace.slug}" not in _names(v1_of(carol).get("/v1/models"))


def test_a_key_that_may_not_ask_sees_no_model_to_ask(bob, workspace, v1_of):
    assert _names(v1_of(bob, scope=KeyScope.READ).get("/v1/models")) == [MODEL]


def test_an_administrator_without_a_role_sees_no_models(admin, workspace, v1_of):
    assert _names(v1_of(admin).get("/v1/models")) == []


def test_a_model_can_be_looked_at(bob, carol, workspace, v1_of):
    place = f"/v1/models/footnote/{workspace.slug}"
    assert v1_of(bob).get(place).json()["owned_by"] == "footnote"
    assert v1_of(carol).get(place).status_code == 404


def test_texts_are_embedded(bob, v1_of):
    response = v1_of(bob).post("/v1/embeddings", {"model": MODEL, "input": ["one", "two"]})
    rows = response.json()["data"]
    assert [row["index"] for row in rows] == [0, 1]
    assert rows[0]["embedding"] == pytest.approx(factory.embedder().embed_passages(["one"])[0])
    assert response.json()["usage"]["total_tokens"] > 0


def test_vectors_come_packed_where_that_is_wanted(bob, v1_of):
    body = {"model": MODEL, "input": "one", "encoding_format": "base64"}
    (row,) = v1_of(bob).post("/v1/embeddings", body).json()["data"]
    packed = base64.b64decode(row["embedding"])
    assert struct.unpack(f"<{len(packed) // 4}f", packed) == pytest.approx(
        factory.embedder().embed_passages(["one"])[0]
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": ""}, "input"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"dimensions": 17}, "dimensions"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "zip"}, "encoding_format"),
    ],
)
def test_what_cannot_be_embedded_is_refused(bob, v1_of, fields, param):
    body = {"model": MODEL, "input": "x", **fields}
    response = v1_of(bob).post("/v1/embeddings", body)
    assert response.status_code == 400
    assert error_of(response)["param"] == param


def test_the_models_own_dimensions_may_be_asked_for(bob, v1_of):
    own = factory.embedder().dimensions
    body = {"model": MODEL, "input": "x", "dimensions": own}
    assert v1_of(bob).post("/v1/embeddings", body).status_code == 200


def test_another_embedding_model_is_not_there(bob, v1_of):
    response = v1_of(bob).post("/v1/embeddings", {"model": "ada", "input": "x"})
    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"


def test_models_work_for_nobody_who_may_read_nothing(admin, v1_of):
    program = v1_of(admin)
    assert program.post("/v1/embeddings", {"model": MODEL, "input": "x"}).status_code == 403
    assert program.post("/v1/rerank", {"query": "x", "documents": ["x"]}).status_code == 403


def test_passages_are_reranked_in_both_shapes_of_documents(bob, v1_of):
    factory.fakes().reranker = OverlapReranker()
    body = {
        "model": "overlap",
        "query": "notice period",
        "documents": ["cooling", {"text": "the notice period"}, "notice"],
        "top_n": 2,
        "return_documents": True,
    }
    results = v1_of(bob).post("/v1/rerank", body).json()["results"]
    assert [(each["index"], each["document"]["text"]) for each in results] == [
        (1, "the notice period"),
        (2, "notice"),
    ]
    assert results[0]["relevance_score"] > results[1]["relevance_score"]


def test_without_a_reranker_there_is_no_such_model(bob, v1_of):
    response = v1_of(bob).post("/v1/rerank", {"query": "x", "documents": ["x"]})
    assert response.status_code == 404
