"""How a server is, on the page of models: from its own figures where it has some."""

from collections.abc import Callable

import pytest
from django.test import Client
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apps.accounts.models import User
from apps.engines.models import Endpoint
from apps.gateway import health
from apps.gateway.figures import look_at, read
from apps.gateway.routing.breaker import FAILURES
from tests.fake_openai import FakeOpenAI, served

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
VLLM = """# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen"} 3.0
vllm:num_requests_running{engine="1",model_name="qwen"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="qwen"} 1.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="qwen"} 0.75
vllm:kv_cache_usage_perc{engine="1",model_name="qwen"} 0.85
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="qwen"} 1200.0
"""


def _row(base_url: str) -> Endpoint:
    return Endpoint.objects.create(name="vLLM", base_url=base_url, model="qwen", is_active=True)


def test_a_server_with_figures_says_what_it_has_to_do(admin: User, client_of: SignIn) -> None:
    async def metrics(request: object) -> PlainTextResponse:
        return PlainTextResponse(VLLM)

    with served(Starlette(routes=[Route("/metrics", metrics)])) as root:
        row = _row(f"{root}/v1")
        page = client_of(admin).get(f"/administration/models/{row.pk}/live").content.decode()
    for words in ("5 running", "1 waiting there", "KV cache 80"):
        assert words in page


def test_a_server_without_figures_is_known_to_answer_or_not(admin: User, client_of: SignIn) -> None:
    with FakeOpenAI() as server:
        row = _row(server.base_url)
        page = client_of(admin).get(f"/administration/models/{row.pk}/live").content.decode()
        assert "answers" in page
    assert not look_at(server.base_url).is_up
    assert not look_at("http://[broken").is_up


def test_one_that_fails_is_said_to_be_left_alone(admin: User, client_of: SignIn) -> None:
    row = _row("http://127.0.0.1:1/v1")
    for _ in range(FAILURES):
        health.failed(str(row.pk))
    page = client_of(admin).get(f"/administration/models/{row.pk}/live").content.decode()
    assert "left alone" in page


@pytest.mark.parametrize("text", ["", "{", "a b c\n", 'x{y="', "other_metric 1\n", "\x00 1\n"])
def test_what_is_no_such_text_says_nothing(text: str) -> None:
    assert read(text) is None


def test_only_administrators_see_it(bob: User, carol: User, client_of: SignIn) -> None:
    row = _row("http://127.0.0.1:1/v1")
    for stranger in (bob, carol):
        assert client_of(stranger).get(f"/administration/models/{row.pk}/live").status_code == 403


def test_servers_are_put_beside_each_other_and_an_heir_takes_the_first_place(
    admin: User, client_of: SignIn
) -> None:
    browser = client_of(admin)
    rows = [
        Endpoint.objects.create(name=f"s{n}", base_url=f"http://s{n}:8000", model="qwen")
        for n in range(2)
    ]
    use = "/administration/models/{}/use"
    assert browser.post(use.format(rows[1].pk), {"on": "beside"}).status_code == 409
    browser.post(use.format(rows[0].pk), {"on": "1"})
    browser.post(use.format(rows[1].pk), {"on": "beside"})
    in_use = Endpoint.objects.filter(is_active=True).order_by("is_beside")
    assert [(row.name, row.is_beside) for row in in_use] == [("s0", False), ("s1", True)]
    browser.post(use.format(rows[0].pk), {"on": "0"})
    assert [(row.name, row.is_beside) for row in in_use.all()] == [("s1", False)]
