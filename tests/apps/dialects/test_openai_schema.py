"""Our answers against OpenAI's own description of its API, where that file is at hand.

``BENCH_DATA`` or ``../shared/data`` beside the checkout has it as ``openai_openapi/openapi.yaml.gz``
(github.com/openai/openai-openapi, MIT).
"""

import gzip
import json
import os
from pathlib import Path

import pytest
import yaml
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from jsonschema import Draft202012Validator

from apps.permissions.roles import KeyScope
from tests import factories
from tests.apps.dialects.test_files import _upload
from tests.apps.dialects.test_tools import PRICE, STOCK, WANTED, exchange, server

__all__ = ["server"]

_FOLDER = Path(
    os.environ.get("BENCH_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)
_FILE = _FOLDER / "openai_openapi" / "openapi.yaml.gz"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not _FILE.is_file(), reason="BENCH_DATA has no openai_openapi"),
]


@pytest.fixture(scope="module")
def document():
    return yaml.load(gzip.open(_FILE), Loader=yaml.CSafeLoader)


@pytest.fixture
def valid(document):
    """``valid(answer, "Model")``: the answer is one, or the test fails with what is wrong."""

    def check(answer, name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        wrong = [
            f"{name}{error.json_path[1:]}: {error.message[:200]}"
            for error in Draft202012Validator(schema).iter_errors(answer)
        ]
        assert not wrong

    return check


def test_models(bob, workspace, v1_of, valid):
    program = v1_of(bob)
    valid(program.get("/v1/models").json(), "ListModelsResponse")
    valid(program.get(f"/v1/models/footnote/{workspace.slug}").json(), "Model")


def test_a_whole_answer(bob, lease, ask, valid):
    valid(ask(bob).json(), "CreateChatCompletionResponse")


def test_a_refusal(bob, ask, valid):
    valid(ask(bob).json(), "CreateChatCompletionResponse")


def test_an_answer_that_calls_tools(bob, lease, ask, server, valid):
    server.answers.append(WANTED)
    valid(ask(bob, tools=[STOCK, PRICE]).json(), "CreateChatCompletionResponse")


def test_what_the_tests_send_is_a_request_of_theirs(valid):
    body = {"model": "m", "messages": exchange("1", "2"), "tools": [STOCK, PRICE]}
    valid(body, "CreateChatCompletionRequest")


@pytest.mark.parametrize("is_calling", [False, True])
async def test_every_piece_of_a_streamed_answer(bob, lease, workspace, server, valid, is_calling):
    if is_calling:
        server.answers.append(WANTED)
    key = await _key(bob)
    response = await AsyncClient().post(
        "/v1/chat/completions",
        {
            "model": f"footnote/{workspace.slug}",
            "messages": [{"role": "user", "content": "What is the notice period?"}],
            "tools": [STOCK],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert response["Content-Type"].startswith("text/event-stream")
    content = b"".join([piece async for piece in response.streaming_content]).decode()
    *events, last, rest = content.split("\n\n")
    assert (last, rest) == ("data: [DONE]", "")
    assert ("tool_calls" in content) is is_calling
    for each in events:
        name, colon, data = each.partition(": ")
        assert (name, colon) == ("data", ": ")
        valid(_without_nulls(json.loads(data)), "CreateChatCompletionStreamResponse")


def _without_nulls(chunk):
    """The description forgets two that its own examples and OpenAI's servers send as null."""
    if chunk["usage"] is None:
        del chunk["usage"]
    for choice in chunk["choices"]:
        choice["finish_reason"] = choice["finish_reason"] or "stop"
    return chunk


async def _key(user):

    return (await sync_to_async(factories.make_api_key)(user))[1]


@pytest.mark.parametrize("packed", ["float", "base64"])
def test_embeddings(bob, collection, v1_of, valid, packed):
    body = {"model": "e5-small", "input": ["one", "two"], "encoding_format": packed}
    answer = v1_of(bob).post("/v1/embeddings", body).json()
    if packed == "base64":  # which the description does not know, though the SDK asks for it
        for row in answer["data"]:
            assert isinstance(row.pop("embedding"), str)
            row["embedding"] = [0.0]
    valid(answer, "CreateEmbeddingResponse")


def test_files(alice, lease, collection, v1_of, valid):
    program = v1_of(alice)
    added = _upload(program, vector_store_id=str(collection.pk)).json()
    valid(added, "OpenAIFile")
    valid(program.get("/v1/files").json(), "ListFilesResponse")
    valid(program.get(f"/v1/files/{added['id']}").json(), "OpenAIFile")
    valid(program.delete(f"/v1/files/{added['id']}").json(), "DeleteFileResponse")


def test_vector_stores(bob, lease, collection, v1_of, valid):
    program, place = v1_of(bob), f"/v1/vector_stores/vs_{collection.pk.hex}"
    valid(program.get("/v1/vector_stores").json(), "ListVectorStoresResponse")
    valid(program.get(place).json(), "VectorStoreObject")
    valid(program.get(f"{place}/files").json(), "ListVectorStoreFilesResponse")
    valid(program.get(f"{place}/files/file-{lease.pk.hex}").json(), "VectorStoreFileObject")
    found = program.post(f"{place}/search", {"query": "notice period"})
    valid(found.json(), "VectorStoreSearchResultsPage")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}),
        ("chat/completions", {}),
        ("embeddings", {"model": "gpt", "input": "x"}),
        ("nowhere", {}),
    ],
)
def test_errors(bob, collection, v1_of, valid, path, body):
    program = v1_of(bob)
    valid(program.post(f"/v1/{path}", body).json(), "ErrorResponse")
    reader = v1_of(bob, scope=KeyScope.READ)
    asked = {"model": "footnote", "messages": [{"role": "user", "content": "x"}]}
    valid(reader.post("/v1/chat/completions", asked).json(), "ErrorResponse")
