"""The official SDK, as programs use it, against the whole ASGI application."""

import httpx2
import openai
import pytest

from apps.engines import factory
from apps.engines.adapters.fake import OverlapReranker
from apps.permissions.roles import KeyScope
from apps.rag.ports import Delta, EngineUnavailable
from kb_platform.asgi import application
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = [{"role": "user", "content": "What is the notice period?"}]


@pytest.fixture
def sdk_of(alice, bob, carol):
    """``sdk_of(bob)``: the SDK with a key of bob, made before the loop runs."""
    keys = {
        (user, s): factories.make_api_key(user, scope=s)[1]
        for user in (alice, bob, carol)
        for s in (KeyScope.ALL, KeyScope.READ)
    }

    def client(user, *, scope=KeyScope.ALL, key=""):
        return openai.AsyncOpenAI(
            base_url="http://localhost/v1",
            api_key=key or keys[user, scope],
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                transport=httpx2.ASGITransport(app=application)
            ),
        )

    return client


@pytest.fixture
def model(workspace):
    return f"footnote/{workspace.slug}"


async def _streamed(client, model, **fields):
    stream = await client.chat.completions.create(
        model=model, messages=QUESTION, stream=True, **fields
    )
    return [chunk async for chunk in stream]


async def test_a_whole_answer_with_its_citations(bob, lease, model, sdk_of):
    said = await sdk_of(bob).chat.completions.create(model=model, messages=QUESTION)
    message = said.choices[0].message
    assert message.content == f"{factories.TEXT[0]} [1]"
    assert f"/d/{lease.pk}" in message.annotations[0].url_citation.url
    assert said.usage.total_tokens > 0


async def test_a_streamed_answer_is_the_whole_one_in_pieces(bob, lease, model, sdk_of):
    chunks = await _streamed(sdk_of(bob), model)
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == f"{factories.TEXT[0]} [1]"
    (marks,) = [delta.annotations for delta in deltas if hasattr(delta, "annotations")]
    assert f"/d/{lease.pk}" in marks[0]["url_citation"]["url"]
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_the_tokens_come_last_where_they_are_wanted(bob, lease, model, sdk_of):
    chunks = await _streamed(sdk_of(bob), model, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0


async def test_a_refusal_is_told_in_both_forms(bob, model, sdk_of):
    said = await sdk_of(bob).chat.completions.create(model=model, messages=QUESTION)
    assert said.choices[0].message.refusal == said.choices[0].message.content
    chunks = await _streamed(sdk_of(bob), model)
    assert any(chunk.choices[0].delta.refusal for chunk in chunks)


async def test_the_models_that_may_be_asked(bob, model, sdk_of):
    listed = [each.id async for each in sdk_of(bob).models.list()]
    assert model in listed
    assert (await sdk_of(bob).models.retrieve(model)).id == model


async def test_embeddings(bob, collection, sdk_of):
    made = await sdk_of(bob).embeddings.create(model="e5-small", input=["one", "two"])
    wanted = factory.embedder().embed_passages(["one", "two"])
    assert made.data[1].embedding == pytest.approx(wanted[1])


async def test_reranking(bob, collection, sdk_of):
    factory.fakes().reranker = OverlapReranker()
    body = {"model": "overlap", "query": "two", "documents": ["one", "two"]}
    made = await sdk_of(bob).post("/rerank", body=body, cast_to=object)
    assert made["results"][0]["index"] == 1


async def test_files_and_vector_stores(alice, collection, lease, sdk_of):
    client = sdk_of(alice)
    (store,) = [each async for each in client.vector_stores.list()]
    found = [each async for each in client.vector_stores.search(store.id, query="notice period")]
    assert found[0].filename == "lease.txt"
    added = await client.files.create(
        file=("notes.txt", b"Keys are at the desk."),
        purpose="assistants",
        extra_body={"vector_store_id": store.id},
    )
    names = [each.filename async for each in client.files.list()]
    assert names == ["notes.txt", "lease.txt"]
    assert (await client.files.content(added.id)).read() == b"Keys are at the desk."
    assert (await client.files.delete(added.id)).deleted
    assert [each.id async for each in client.vector_stores.files.list(store.id)] == [
        f"file-{lease.pk.hex}"
    ]


async def test_each_refusal_has_its_class(bob, carol, lease, model, sdk_of):
    async def asked(client, **fields):
        await client.chat.completions.create(**{"model": model, "messages": QUESTION, **fields})

    with pytest.raises(openai.AuthenticationError):
        await asked(sdk_of(bob, key="fn_wrong"))
    with pytest.raises(openai.NotFoundError) as absent:
        await asked(sdk_of(carol))
    assert absent.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await asked(sdk_of(bob), temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.PermissionDeniedError):
        await asked(sdk_of(bob, scope=KeyScope.READ))
    factory.fakes().generator.script.append(EngineUnavailable("down"))
    with pytest.raises(openai.InternalServerError):
        await asked(sdk_of(bob))


async def test_a_model_that_is_down_is_an_error_of_a_stream_too(bob, lease, model, sdk_of):
    factory.fakes().generator.script.append(EngineUnavailable("down"))
    with pytest.raises(openai.InternalServerError):
        await _streamed(sdk_of(bob), model)


async def test_a_model_that_fails_in_the_middle_ends_the_stream_with_an_error(
    bob, lease, model, sdk_of, monkeypatch
):
    async def breaking(turns, *, max_tokens):
        yield Delta("The notice ")
        raise EngineUnavailable("down")

    monkeypatch.setattr(factory.fakes().generator, "stream", breaking)
    with pytest.raises(openai.APIError):
        await _streamed(sdk_of(bob), model)
