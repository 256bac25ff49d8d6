"""The local language model: streams to the official client, and stops when nobody listens."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from apps.engines.adapters.openai_compatible import OpenAIGenerator
from apps.engines.catalogue.fetch import is_present
from apps.rag.ports import Delta, EngineRejected, Speaker, Turn
from tests.contracts.hosts import TOKEN, Host, running
from tests.contracts.test_generator import said, text_of

pytestmark = [pytest.mark.models, pytest.mark.slow]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "footnote" / "models"
MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    if not is_present(CACHE, MODEL):
        pytest.skip(f"the model {MODEL} has not been fetched")
    with running("workers.llm_host", "--models-dir", str(CACHE), "--context", "2048") as found:
        yield found


def answers_being_written(host: Host) -> int:
    key = {"Authorization": f"Bearer {TOKEN}"}
    lines = httpx.get(f"{host.address}/metrics", headers=key).text.splitlines()
    return int(next(x for x in lines if x.startswith("llamacpp:requests_processing")).split()[1])


def test_the_official_client_streams_an_answer_with_its_usage(host):
    pieces, usage = [], None
    with openai.OpenAI(base_url=f"{host.address}/v1", api_key=TOKEN) as client:
        assert [model.id for model in client.models.list().data] == [MODEL]
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Say one word."}],
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        for event in stream:
            pieces += [choice.delta.content for choice in event.choices if choice.delta.content]
            usage = event.usage or usage
    assert "".join(pieces).strip()
    assert usage is not None
    assert 1 <= usage.completion_tokens <= 8


def test_leaving_the_stream_stops_the_model(host):
    with openai.OpenAI(base_url=f"{host.address}/v1", api_key=TOKEN) as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Count from one to five hundred in words."}],
            max_tokens=1500,
            stream=True,
        )
        next(iter(stream))
        assert answers_being_written(host) == 1
        stream.close()
    for _ in range(600):
        if answers_being_written(host) == 0:
            return
        time.sleep(0.05)
    raise AssertionError("the model goes on for nobody")


async def test_the_adapter_streams_from_it(host):
    generator = OpenAIGenerator(f"{host.address}/v1", model=MODEL, api_key=TOKEN)
    deltas: list[Delta] = await said(
        generator, [Turn(Speaker.USER, "用一个词回答：天空是什么颜色？")], 8
    )
    await generator.aclose()
    assert text_of(deltas).strip()
    assert deltas[-1].usage is not None


async def test_a_wrong_key_is_refused(host):
    generator = OpenAIGenerator(f"{host.address}/v1", model=MODEL, api_key="wrong")
    with pytest.raises(EngineRejected):
        await said(generator)
    await generator.aclose()


def test_questions_of_others_cannot_be_read(host):
    key = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{host.address}/health").status_code == 200
    assert httpx.get(f"{host.address}/slots", headers=key).status_code != 200
    assert httpx.get(f"{host.address}/v1/models").status_code == 401


def test_told_to_end_the_host_exits_with_0_in_the_middle_of_an_answer():
    if not is_present(CACHE, MODEL):
        pytest.skip(f"the model {MODEL} has not been fetched")
    with (
        running("workers.llm_host", "--models-dir", str(CACHE), "--context", "2048") as host,
        openai.OpenAI(base_url=f"{host.address}/v1", api_key=TOKEN) as client,
    ):
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Count to five hundred in words."}],
            max_tokens=1500,
            stream=True,
        )
        next(iter(stream))
        assert host.stop() == 0
        stream.close()
