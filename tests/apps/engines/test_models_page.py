"""Model servers in the administration: added, really tested, put to use."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.sealing import unseal
from apps.engines import factory
from apps.engines.adapters.probe import Probe, ProbeCode
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.views import words_of
from tests.fake_openai import FakeOpenAI

KEY = "sk-a-secret-of-the-test"
SignIn = Callable[[User], Client]
URL = "/administration/models"


@pytest.fixture
def browser(admin: User, client_of: SignIn) -> Client:
    return client_of(admin)


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def values(address: str = "http://vllm:8000/v1", **fields: str) -> dict[str, str]:
    return {
        "kind": "chat",
        "name": "vLLM",
        "base_url": address,
        "api_key": KEY,
        "model": "qwen",
        "context_tokens": "6000",
        "max_tokens": "900",
        **fields,
    }


def test_a_server_is_added_and_its_key_is_never_shown_again(browser: Client) -> None:
    assert browser.post(URL, values())["Location"] == URL
    row = Endpoint.objects.get()
    assert unseal(row.sealed_key) == KEY
    assert not row.is_active
    for path in (URL, f"{URL}/{row.pk}"):
        page = browser.get(path).content.decode()
        assert "vLLM" in page
        assert KEY not in page
        assert row.sealed_key not in page


@pytest.mark.parametrize(
    ("typed", "forget", "stored"),
    [("", "", KEY), ("sk-new", "", "sk-new"), ("", "on", "")],
)
def test_an_empty_key_keeps_the_stored_one_unless_it_is_to_be_forgotten(
    typed: str, forget: str, stored: str, browser: Client
) -> None:
    browser.post(URL, values())
    row = Endpoint.objects.get()
    changed = values(api_key=typed, model="qwen-2", **({"forget_key": forget} if forget else {}))
    assert browser.post(f"{URL}/{row.pk}", changed).status_code == 302
    row.refresh_from_db()
    assert (unseal(row.sealed_key) if row.sealed_key else "") == stored
    assert row.model == "qwen-2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://vllm"},
        {"base_url": "vllm:8000"},
        {"base_url": "http://user:password@vllm"},
        {"model": ""},
        {"context_tokens": "many"},
        {"kind": "oracle"},
        {"max_tokens": "0"},
    ],
)
def test_what_is_wrong_is_said_and_the_key_is_not_sent_back(
    wrong: dict[str, str], browser: Client
) -> None:
    response = browser.post(URL, values(**wrong))
    page = response.content.decode()
    assert response.status_code == 422
    assert 'class="errorlist"' in page
    assert 'value="vLLM"' in page
    assert KEY not in page
    assert not Endpoint.objects.exists()


def test_the_server_in_use_answers_and_another_takes_its_place(browser: Client) -> None:
    browser.post(URL, values())
    browser.post(URL, values("http://other:8000", name="Other"))
    first, second = Endpoint.objects.order_by("created_at")
    browser.post(f"{URL}/{first.pk}/use", {"on": "1"})
    browser.post(f"{URL}/{second.pk}/use", {"on": "1"})
    assert list(Endpoint.objects.filter(is_active=True)) == [second]
    browser.post(f"{URL}/{second.pk}/use", {"on": "0"})
    assert not Endpoint.objects.filter(is_active=True).exists()
    browser.post(f"{URL}/{second.pk}/delete")
    assert list(Endpoint.objects.all()) == [first]


def test_another_embedder_is_refused_while_passages_are_embedded_with_this_one(
    browser: Client,
) -> None:
    EmbeddingProfile.objects.all().delete()
    EmbeddingProfile.objects.create(model="e5-small", dimensions=384, is_current=True)
    browser.post(URL, values(kind="embeddings", model="bge-m3"))
    row = Endpoint.objects.get()
    response = browser.post(f"{URL}/{row.pk}/use", {"on": "1"})
    assert response.status_code == 409
    assert "embedded with another model" in response.content.decode()
    row.refresh_from_db()
    assert not row.is_active


# --- the Test button ------------------------------------------------------------------------------
def test_the_button_really_asks(browser: Client, server: FakeOpenAI) -> None:
    page = browser.post(f"{URL}/test", values(server.base_url)).content.decode()
    assert "It answers, in" in page
    assert server.requests


def test_a_stored_server_is_asked_with_its_stored_key(browser: Client, server: FakeOpenAI) -> None:
    browser.post(URL, values(server.base_url))
    row = Endpoint.objects.get()
    page = browser.post(f"{URL}/test", {"endpoint": str(row.pk)}).content.decode()
    assert "It answers, in" in page
    assert KEY in str(server.headers)
    assert KEY not in page


def test_a_stored_key_is_sent_to_the_address_it_was_given_for_and_to_no_other(
    browser: Client, server: FakeOpenAI
) -> None:
    browser.post(URL, values("http://vllm:8000/v1"))
    row = Endpoint.objects.get()
    elsewhere = values(server.base_url, api_key="", endpoint=str(row.pk))
    browser.post(f"{URL}/test", elsewhere)
    assert server.requests
    assert KEY not in str(server.headers)
    refused = browser.post(f"{URL}/{row.pk}", elsewhere)
    assert refused.status_code == 422
    assert "The address is another one" in refused.content.decode()
    row.refresh_from_db()
    assert row.base_url == "http://vllm:8000/v1"


def test_the_installations_own_server_is_asked_too(
    browser: Client, server: FakeOpenAI, settings: Any
) -> None:
    settings.LLM_BASE_URL, settings.LLM_MODEL = server.base_url, "local"
    assert "It answers, in" in browser.post(f"{URL}/test", {"own": "chat"}).content.decode()
    settings.EMBEDDINGS_BASE_URL = server.base_url
    assert "It answers, in" in browser.post(f"{URL}/test", {"own": "embeddings"}).content.decode()


def test_nothing_there_is_said_in_words(browser: Client) -> None:
    page = browser.post(f"{URL}/test", values("http://127.0.0.1:9/v1")).content.decode()
    assert "Nothing answers at this address." in page


@pytest.mark.parametrize("address", ["", "no address", "ftp://x", "http://", "javascript:alert(1)"])
def test_what_is_no_address_is_said_in_words(address: str, browser: Client) -> None:
    response = browser.post(f"{URL}/test", values(address))
    assert response.status_code == 200
    assert "This is not an address." in response.content.decode()


def test_an_unknown_kind_or_server_is_refused_without_a_trace(browser: Client) -> None:
    assert browser.post(f"{URL}/test", values(kind="oracle")).status_code == 200
    assert browser.post(f"{URL}/test", {"endpoint": "x"}).status_code == 404


@pytest.mark.parametrize("code", ProbeCode)
def test_every_outcome_of_a_test_has_a_sentence(code: ProbeCode) -> None:
    assert words_of(Probe(ok=not code, code=code, latency_ms=3)).endswith((".", "?"))


def test_a_test_is_for_administrators(alice: User, client_of: SignIn, server: FakeOpenAI) -> None:
    """Or anybody could make the server ask addresses inside the network."""
    response = client_of(alice).post(f"{URL}/test", values(server.base_url))
    assert response.status_code == 403
    assert server.requests == []


def test_the_first_run_names_the_hosts_to_which_something_is_sent(
    browser: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:8011/v1"
    page = browser.get("/welcome").content.decode()
    assert "nothing" in page
    browser.post(URL, values("https://models.example.com/v1"))
    browser.post(f"{URL}/{Endpoint.objects.get().pk}/use", {"on": "1"})
    factory.refresh()
    assert "models.example.com" in browser.get("/welcome").content.decode()
