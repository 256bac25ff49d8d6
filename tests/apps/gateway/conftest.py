"""Two real servers that speak OpenAI, in use beside each other."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apps.chat import running
from apps.documents.models import Document
from apps.engines import factory
from apps.engines.adapters.openai_compatible import OpenAIGenerator
from apps.engines.models import Endpoint
from apps.workspaces.models import Collection
from tests.factories import make_document
from tests.fake_openai import MODEL, FakeOpenAI

SENTENCE = "The notice period is ninety days."
Using = Callable[..., Endpoint]


@pytest.fixture
def lease(collection: Collection) -> Document:
    return make_document(collection, "lease.pdf", texts=[SENTENCE])


@pytest.fixture
def first() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def second() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def using(lease: Document) -> Using:
    """Puts a server to use, the first one as such and the others beside it."""

    def use(base_url: str, **values: Any) -> Endpoint:
        is_beside = Endpoint.objects.filter(is_active=True).exists()
        fields = {"model": MODEL, "first_token_s": 1, "between_tokens_s": 1, **values}
        return Endpoint.objects.create(
            name=f"server {Endpoint.objects.count()}",
            base_url=base_url,
            is_active=True,
            is_beside=is_beside,
            **fields,
        )

    return use


@pytest.fixture(autouse=True)
async def _nothing_left_running() -> AsyncIterator[None]:
    yield
    await running.stop_all()
    running._running.clear()
    for _made_of, engine in list(factory._built.values()):
        if isinstance(engine, OpenAIGenerator):
            await engine.aclose()
