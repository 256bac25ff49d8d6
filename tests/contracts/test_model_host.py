"""The model host: OpenAI's dialect over local models, with hash vectors and with the real model."""

import os
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import openai
import pytest

from apps.engines.adapters.fake import HashEmbedder
from apps.engines.adapters.openai_compatible import RemoteEmbedder, RemoteReranker
from apps.engines.adapters.token_engine import Numbers, cut
from apps.engines.catalogue.fetch import is_present
from apps.rag.ports import EngineBusy
from tests.contracts.hosts import TOKEN, Host, refused, running
from workers.lanes import Lane

KEY = {"Authorization": f"Bearer {TOKEN}"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "footnote" / "models"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with running("workers.model_host", "--fake", "--dimensions", "64") as found:
        ready(found)
        yield found


@pytest.fixture(scope="module")
def real() -> Iterator[Host]:
    if not is_present(CACHE, "e5-small"):
        pytest.skip("the model e5-small has not been fetched")
    with running("workers.model_host", "--models-dir", str(CACHE)) as found:
        ready(found)
        yield found


def ready(host: Host) -> None:
    for _ in range(600):
        if httpx.get(f"{host.address}/health").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the host does not become ready")


def post(host: Host, path: str, body: object) -> httpx.Response:
    return httpx.post(host.address + path, json=body, headers=KEY, timeout=60)


def test_the_official_client_gets_vectors_in_both_encodings(host):
    client = openai.OpenAI(base_url=f"{host.address}/v1", api_key=TOKEN)
    with client:
        plain = client.embeddings.create(
            model="e5-small", input=["one", "two"], encoding_format="float"
        )
        packed = client.embeddings.create(model="e5-small", input=["one", "two"])
    assert [row.index for row in plain.data] == [0, 1]
    assert len(plain.data[0].embedding) == 64
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)
    assert plain.usage.prompt_tokens == 6


def test_the_models_are_listed_under_the_names_they_answer_to(host):
    names = [m["id"] for m in httpx.get(f"{host.address}/v1/models", headers=KEY).json()["data"]]
    assert names == ["multilingual-e5-small", "e5-small", "overlap"]
    for name in names[:2]:
        assert post(host, "/v1/embeddings", {"model": name, "input": "x"}).status_code == 200


def test_a_single_text_is_answered_like_a_list_of_one(host):
    one = post(host, "/v1/embeddings", {"model": "e5-small", "input": "text"}).json()
    many = post(host, "/v1/embeddings", {"model": "e5-small", "input": ["text"]}).json()
    assert one == many


def test_vectors_do_not_depend_on_the_order_of_the_texts(host):
    texts = [f"text {'long ' * (i % 7)} {i}" for i in range(40)]
    remote = RemoteEmbedder(f"{host.address}/v1", model="e5-small", dimensions=64, api_key=TOKEN)
    forth, back = remote.embed_passages(texts), remote.embed_passages(texts[::-1])
    assert forth == back[::-1]
    assert forth[17] == pytest.approx(HashEmbedder(64).embed_query(texts[17]), abs=1e-6)
    remote.close()


@pytest.mark.parametrize("path", ["/v1/models", "/v1/embeddings", "/metrics"])
def test_with_a_token_set_only_its_bearer_is_answered(host, path):
    assert httpx.get(host.address + path).status_code == 401
    error = httpx.get(host.address + path).json()["error"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "gpt-4", "input": "x"}, 404),
        ({"input": "x"}, 404),
        ({"model": "e5-small"}, 400),
        ({"model": "e5-small", "input": ""}, 400),
        ({"model": "e5-small", "input": []}, 400),
        ({"model": "e5-small", "input": ["a", ""]}, 400),
        ({"model": "e5-small", "input": [1, 2, 3]}, 400),
        ({"model": "e5-small", "input": {"text": "x"}}, 400),
        ({"model": "e5-small", "input": ["x"] * 2049}, 400),
        ({"model": "e5-small", "input": "x", "encoding_format": "int8"}, 400),
        (["not an object"], 400),
    ],
)
def test_bad_input_gets_an_error_in_openais_shape(host, body, status):
    answer = post(host, "/v1/embeddings", body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]


def test_a_body_that_is_no_json_gets_an_error_in_openais_shape(host):
    answer = httpx.post(f"{host.address}/v1/embeddings", content=b"{nope", headers=KEY)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_value"


def test_passages_are_ranked_best_first_with_their_text(host):
    texts = ["the canteen", "the notice period", "a notice"]
    body = {"model": "overlap", "query": "notice period", "documents": texts, "top_n": 2}
    results = post(host, "/v1/rerank", body).json()["results"]
    assert [row["index"] for row in results] == [1, 2]
    assert results[0]["document"]["text"] == "the notice period"
    remote = RemoteReranker(f"{host.address}/v1", model="overlap", api_key=TOKEN)
    scores = remote.score("notice period", texts)
    assert scores.index(max(scores)) == 1
    remote.close()


@pytest.mark.parametrize(
    "change",
    [{"documents": []}, {"documents": "x"}, {"documents": [1]}, {"query": ""}, {"top_n": 0}],
)
def test_bad_rerank_input_gets_a_400(host, change):
    body = {"model": "overlap", "query": "x", "documents": ["y"]} | change
    assert post(host, "/v1/rerank", body).status_code == 400


def test_metrics_tell_the_lanes_apart(host):
    post(host, "/v1/embeddings", {"model": "e5-small", "input": "a question"})
    post(host, "/v1/embeddings", {"model": "e5-small", "input": ["a", "b", "c", "d", "e"]})
    said = httpx.get(f"{host.address}/metrics", headers=KEY).text
    for lane in ("query", "bulk"):
        assert f'model_request_seconds_count{{lane="lane {lane}"}}' in said


def test_a_model_that_was_not_fetched_is_named_with_the_command_that_fetches_it(tmp_path):
    status, said = refused("workers.model_host", "--models-dir", str(tmp_path))
    assert status == 1
    assert "apps.engines.catalogue.fetch" in said


def test_told_to_end_the_host_exits_with_0():
    with running("workers.model_host", "--fake") as host:
        ready(host)
        assert host.stop() == 0


def test_a_language_model_that_was_not_fetched_is_named_too(tmp_path):
    status, said = refused("workers.llm_host", "--models-dir", str(tmp_path))
    assert status == 1
    assert "apps.engines.catalogue.fetch" in said


# --- lanes ------------------------------------------------------------------------------------


class Slow:
    """A model that works when it is let."""

    dimensions = 1

    def __init__(self) -> None:
        self.go = threading.Event()
        self.batches: list[list[int]] = []

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1] * len(text) for text in texts]

    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        assert self.go.wait(10)
        self.batches.append([len(row) for row in batch])
        if any(13 in row for row in batch):
            raise ValueError("thirteen")
        return [array("f", [len(row)]) for row in batch]


@pytest.fixture
def slow() -> Iterator[tuple[Slow, Lane]]:
    model = Slow()
    lane = Lane("test", lambda: model, batch_tokens=100, most_waiting=20)
    lane.start()
    assert lane.is_ready.wait(5)
    yield model, lane
    model.go.set()
    lane.finish()


def test_a_full_lane_says_when_to_come_back(slow):
    _, lane = slow
    lane.submit([[1]])
    while lane.waiting:
        time.sleep(0.001)
    lane.submit([[1]] * 20)
    with pytest.raises(EngineBusy) as caught:
        lane.submit([[1]])
    assert caught.value.retry_after >= 1


def test_an_idle_lane_takes_a_request_larger_than_its_queue(slow):
    model, lane = slow
    model.go.set()
    assert len(lane.submit([[1]] * 50).result(10)) == 50


def test_texts_of_several_requests_share_a_batch_of_alike_lengths(slow):
    model, lane = slow
    first = lane.submit([[1]])
    while lane.waiting:
        time.sleep(0.001)
    left, right = lane.submit([[1] * 2, [1] * 90]), lane.submit([[1] * 3])
    model.go.set()
    assert [row.tolist() for row in left.result(10)] == [[2], [90]]
    assert [row.tolist() for row in right.result(10)] == [[3]]
    assert first.result(10)
    assert model.batches[1:] == [[2, 3], [90]]


def test_a_batch_that_fails_fails_its_requests_and_no_others(slow):
    model, lane = slow
    model.go.set()
    bad = lane.submit([[13] * 60])
    with pytest.raises(ValueError, match="thirteen"):
        bad.result(10)
    assert lane.submit([[1]]).result(10)


def test_a_lane_whose_model_cannot_be_loaded_says_so():
    def load() -> Slow:
        raise OSError("broken file")

    lane = Lane("broken", load, batch_tokens=1, most_waiting=1)
    lane.start()
    lane.join(5)
    with pytest.raises(OSError, match="broken file"):
        lane.submit([[1]])


@pytest.mark.parametrize("most", [1, 10, 100, 10_000])
def test_batches_hold_every_text_once_and_keep_to_their_size(most):
    lengths = [3, 50, 7, 7, 200, 1, 90, 3, 3]
    batches = list(cut(lengths, most))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[place] for place in batch)
        assert len(batch) == 1 or longest * len(batch) <= most


# --- the real model ---------------------------------------------------------------------------


@pytest.mark.models
def test_the_real_model_puts_a_question_next_to_its_answer_in_either_language(real):
    remote = RemoteEmbedder(
        f"{real.address}/v1",
        model="multilingual-e5-small",
        dimensions=384,
        api_key=TOKEN,
        query_prefix="query: ",
        passage_prefix="passage: ",
    )
    passages = remote.embed_passages(
        [
            "任何一方均可提前三十天以书面形式通知对方终止本合同。",
            "食堂每天中午十二点开饭，晚上六点关门。",
            "The warranty covers parts and labour for two years.",
        ]
    )
    for question, best in (
        ("合同的通知期是多久？", 0),
        ("几点可以吃午饭？", 1),
        ("how long is the warranty?", 2),
    ):
        vector = remote.embed_query(question)
        scores = [sum(a * b for a, b in zip(vector, p, strict=True)) for p in passages]
        assert scores.index(max(scores)) == best, question
    remote.close()


@pytest.mark.models
def test_a_text_longer_than_the_model_reads_is_cut_and_not_refused(real):
    body = {"model": "e5-small", "input": "合同 " * 50_000}
    answer = post(real, "/v1/embeddings", body).json()
    assert answer["usage"]["prompt_tokens"] == 512
    assert len(answer["data"][0]["embedding"]) == 384


@pytest.mark.models
@pytest.mark.parametrize(
    "strange", ["\x00", "😀", "\u202e\u200b", " ", "</s><s><pad><mask>", "a" * 5_000]
)
def test_the_real_model_reads_strange_texts(real, strange):
    answer = post(real, "/v1/embeddings", {"model": "e5-small", "input": strange})
    assert answer.status_code == 200


@pytest.mark.models
def test_the_onnx_model_agrees_with_torch(real):
    del real
    from apps.engines.adapters.onnx_embedder import OnnxEmbedder  # noqa: PLC0415 - heavy
    from apps.engines.adapters.torch_embedder import TorchEmbedder  # noqa: PLC0415 - heavy: torch

    texts = [
        "任何一方均可提前三十天通知对方终止本合同。",
        "The warranty covers parts for two years.",
    ]
    quick = OnnxEmbedder(CACHE / "e5-small").embed_passages(texts)
    exact = TorchEmbedder(CACHE / "e5-small", device="cpu").embed_passages(texts)
    for left, right in zip(quick, exact, strict=True):
        assert sum(a * b for a, b in zip(left, right, strict=True)) > 0.98
