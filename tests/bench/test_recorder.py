"""The recorder between product and engine changes nothing but the prefix cache."""

import httpx

from bench.recorder import Recorder
from tests.fake_openai import FakeOpenAI


def test_requests_are_passed_on_and_kept():
    body = {"model": "m", "messages": [{"role": "user", "content": "a b"}], "stream": True}
    with FakeOpenAI() as engine, Recorder(engine.base_url, "key") as recorder:
        engine.answers.append("one two three")
        recorder.begin("salt")
        url = f"{recorder.base_url}/chat/completions"
        answer = httpx.post(url, json=body, trust_env=False)
        assert "three" in answer.text
        assert recorder.taken() == [body]
        assert engine.requests[-1] == {**body, "cache_salt": "salt"}
        assert engine.headers[-1]["authorization"] == "Bearer key"
