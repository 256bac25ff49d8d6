"""Embedders and rerankers: the fakes, and the remote ones against a small server."""

import base64
import math
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.engines.adapters.fake import HashEmbedder, OverlapReranker
from apps.engines.adapters.openai_compatible import RemoteEmbedder, RemoteReranker
from apps.engines.adapters.probe import EndpointKind, ProbeCode, probe
from apps.rag.ports import Embedder, EngineBusy, EngineRejected, EngineUnavailable, Reranker
from tests.fake_openai import DIMENSIONS, MODEL, Behaviour, FakeOpenAI, served


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture(params=["hash", "remote"])
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    if request.param == "hash":
        yield HashEmbedder(DIMENSIONS)
        return
    server = request.getfixturevalue("server")
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS, batch_size=4)
    yield remote
    remote.close()


@pytest.fixture(params=["overlap", "remote"])
def reranker(request: pytest.FixtureRequest) -> Iterator[Reranker]:
    if request.param == "overlap":
        yield OverlapReranker()
        return
    remote = RemoteReranker(request.getfixturevalue("server").base_url, model=MODEL)
    yield remote
    remote.close()


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def test_vectors_have_the_promised_length_and_direction(embedder):
    vectors = embedder.embed_passages(["合同的通知期", "the notice period", ""])
    assert embedder.dimensions == DIMENSIONS
    for vector in vectors:
        assert len(vector) == DIMENSIONS
        assert math.hypot(*vector) == pytest.approx(1)


def test_vectors_come_in_the_order_of_the_texts(embedder):
    texts = [f"text number {i}" for i in range(11)]
    vectors = embedder.embed_passages(texts)
    for text, vector in zip(texts, vectors, strict=True):
        assert cosine(vector, embedder.embed_query(text)) == pytest.approx(1, abs=1e-5)


def test_no_texts_give_no_vectors(embedder):
    assert embedder.embed_passages([]) == []


def test_a_question_is_nearest_to_the_passage_with_its_words(embedder):
    passages = embedder.embed_passages(
        ["合同的通知期是三十天", "食堂十二点开饭", "the canteen opens"]
    )
    question = embedder.embed_query("通知期")
    scores = [cosine(question, passage) for passage in passages]
    assert scores.index(max(scores)) == 0


def test_half_a_surrogate_pair_is_no_error(embedder):
    assert len(embedder.embed_query("what \ud800 is this")) == DIMENSIONS


def test_prefixes_are_put_in_front_of_what_they_belong_to(server):
    remote = RemoteEmbedder(
        server.base_url,
        model=MODEL,
        dimensions=DIMENSIONS,
        query_prefix="q: ",
        passage_prefix="p: ",
    )
    remote.embed_passages(["a", "b"])
    remote.embed_query("c")
    assert [request["input"] for request in server.requests] == [["p: a", "p: b"], ["q: c"]]
    assert server.headers[1]["x-lane"] == "query"
    remote.close()


def test_a_batch_is_bounded_by_count_and_by_size(server):
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS, batch_size=3)
    remote.embed_passages(["x"] * 7)
    assert [len(request["input"]) for request in server.requests] == [3, 3, 1]
    server.requests.clear()
    remote.embed_passages(["x" * 50_000] * 3)
    assert [len(request["input"]) for request in server.requests] == [1, 1, 1]
    remote.close()


def test_a_busy_server_is_asked_again_until_it_answers(server):
    server.busy_times = 2
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS)
    assert len(remote.embed_passages(["x"])) == 1
    assert len(server.requests) == 3
    remote.close()


@pytest.mark.parametrize("behaviour", [Behaviour.BUSY, Behaviour.LOADING])
def test_a_server_that_stays_busy_is_given_up_after_a_while(server, behaviour):
    server.behaviour, server.retry_after = behaviour, "60"
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS, patience_s=1)
    with pytest.raises(EngineBusy) as caught:
        remote.embed_passages(["x"])
    assert caught.value.retry_after == 60
    assert len(server.requests) == 1
    remote.close()


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(Behaviour.FAILING, EngineUnavailable), (Behaviour.REJECT, EngineRejected)],
)
def test_a_server_that_refuses_is_not_asked_again(server, behaviour, error):
    server.behaviour = behaviour
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS)
    with pytest.raises(error):
        remote.embed_query("x")
    assert len(server.requests) == 1
    remote.close()


def test_a_server_that_hangs_is_given_up(server):
    server.behaviour = Behaviour.HANG
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS, read_s=0.2)
    with pytest.raises(EngineUnavailable):
        remote.embed_query("x")
    remote.close()


def test_a_question_waits_no_longer_than_a_person_does(server):
    """A batch may take minutes; a thread that waits that long for a question is missed elsewhere."""
    server.behaviour = Behaviour.HANG
    remote = RemoteEmbedder(
        server.base_url, model=MODEL, dimensions=DIMENSIONS, read_s=3600, patience_s=0.2
    )
    with ThreadPoolExecutor(1) as pool, pytest.raises(EngineUnavailable):
        pool.submit(remote.embed_query, "x").result(timeout=30)
    remote.close()


def test_vectors_of_another_length_are_refused(server):
    remote = RemoteEmbedder(server.base_url, model=MODEL, dimensions=DIMENSIONS + 1)
    with pytest.raises(EngineRejected):
        remote.embed_query("x")
    remote.close()


@contextmanager
def answering(answer: Response) -> Iterator[str]:
    """A server that gives the same answer to every request."""

    async def same(request: Request) -> Response:
        await request.body()
        return answer

    routes = [Route("/v1/{path:path}", same, methods=["GET", "POST"])]
    with served(Starlette(routes=routes)) as address:
        yield address


def test_vectors_in_base64_are_read(server):
    row = base64.b64encode(array("f", [3.0, 4.0]).tobytes()).decode()
    with answering(JSONResponse({"data": [{"index": 0, "embedding": row}]})) as address:
        remote = RemoteEmbedder(address, model="m", dimensions=2)
        assert remote.embed_query("x") == pytest.approx([0.6, 0.8])
        remote.close()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": [{"index": 0}]},
        {"data": [{"index": 0, "embedding": ["a", "b"]}]},
        {"data": [{"index": 0, "embedding": "%%%"}]},
        {"data": [{"index": 5, "embedding": [1.0, 0.0]}]},
        {"data": [{"index": 0, "embedding": [1.0, 0.0]}] * 2},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}]},
        ["not an object"],
    ],
)
def test_an_answer_of_another_shape_is_an_engine_error(body):
    with answering(JSONResponse(body)) as address:
        remote = RemoteEmbedder(address, model="m", dimensions=2)
        with pytest.raises(EngineUnavailable):
            remote.embed_query("x")
        remote.close()


def test_an_answer_that_is_no_json_is_an_engine_error():
    with answering(Response("<html>proxy</html>", media_type="text/html")) as address:
        remote = RemoteEmbedder(address, model="m", dimensions=2)
        with pytest.raises(EngineUnavailable):
            remote.embed_query("x")
        remote.close()


def test_scores_come_in_the_order_of_the_passages(reranker):
    scores = reranker.score("notice period", ["the canteen", "the notice period", "a notice"])
    assert scores.index(max(scores)) == 1
    assert scores.index(min(scores)) == 0


def test_no_passages_give_no_scores(reranker):
    assert reranker.score("anything", []) == []


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": [{"index": 0}]}])
def test_scores_of_another_shape_are_an_engine_error(body):
    with answering(JSONResponse(body)) as address:
        remote = RemoteReranker(address, model="m")
        with pytest.raises(EngineUnavailable):
            remote.score("x", ["y"])
        remote.close()


@pytest.mark.parametrize("kind", list(EndpointKind))
def test_a_probe_asks_for_real_work_and_lists_the_models(server, kind):
    found = probe(server.base_url, kind=kind)
    assert found.ok
    assert found.code is ProbeCode.OK
    assert found.models == (MODEL,)
    assert found.dimensions == (DIMENSIONS if kind is EndpointKind.EMBEDDINGS else 0)
    assert server.requests[0]["model"] == MODEL


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour.BUSY, ProbeCode.BUSY),
        (Behaviour.FAILING, ProbeCode.UNAVAILABLE),
        (Behaviour.NO_KEY, ProbeCode.KEY_REFUSED),
        (Behaviour.REJECT, ProbeCode.REJECTED),
    ],
)
def test_a_probe_says_why_a_server_does_not_serve(server, behaviour, code):
    server.behaviour = behaviour
    found = probe(server.base_url, kind=EndpointKind.CHAT, model="m")
    assert (found.ok, found.code) == (False, code)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://127.0.0.1:9", ProbeCode.UNAVAILABLE),
        ("not an address", ProbeCode.ADDRESS),
        ("ftp://host/v1", ProbeCode.ADDRESS),
        ("", ProbeCode.ADDRESS),
        ("http://[::1", ProbeCode.ADDRESS),
    ],
)
def test_a_probe_of_a_wrong_address_says_so(address, code):
    assert probe(address, kind=EndpointKind.CHAT, model="m").code is code


def test_a_probe_of_a_path_that_is_not_there_says_that_the_address_is_wrong(server):
    wrong = server.base_url.replace("/v1", "/v2")
    assert probe(wrong, kind=EndpointKind.CHAT, model="m").code is ProbeCode.ADDRESS


def test_a_probe_of_a_path_of_another_name_works(server):
    other = server.base_url.replace("/v1", "/other/v3")
    assert probe(other, kind=EndpointKind.CHAT, model="m").ok


def test_a_probe_of_an_unknown_model_says_so():
    error = {"error": {"message": "The model `m` does not exist.", "code": 404}}
    with answering(JSONResponse(error, 404)) as address:
        found = probe(address, kind=EndpointKind.CHAT, model="m")
    assert found.code is ProbeCode.MODEL_UNKNOWN
    assert "exist" not in found.detail


def test_a_probe_of_something_that_is_no_model_server_says_so():
    with answering(Response("<html>welcome</html>", media_type="text/html")) as address:
        found = probe(address, kind=EndpointKind.CHAT, model="m")
    assert (found.ok, found.code) == (False, ProbeCode.WRONG_SHAPE)
