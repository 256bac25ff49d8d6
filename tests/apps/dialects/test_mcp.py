"""The MCP server through the official client: its tools, and whose rights they have."""

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from apps.chat.models import Conversation
from apps.dialects import mcp_server
from apps.engines import factory
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineUnavailable
from kb_platform.asgi import application
from tests import factories
from tests.apps.chat.talk import sql

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEADS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.fixture
def keys(alice, bob, carol):
    """A key of each, made before the loop runs."""
    made = {user.name: factories.make_api_key(user)[1] for user in (alice, bob, carol)}
    return made | {"reader": factories.make_api_key(bob, scope=KeyScope.READ)[1]}


@pytest.fixture
def calling(keys):
    """``await calling("bob", "search", query="…")`` → the result of a tool."""

    async def call(whose, name, **arguments):
        transport = httpx2.ASGITransport(app=application)
        heads = {"Authorization": f"Bearer {keys[whose]}"}
        async with (
            httpx2.AsyncClient(transport=transport, headers=heads) as http,
            streamable_http_client("http://localhost/mcp", http_client=http) as streams,
            mcp.ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            if not name:
                return await session.list_tools()
            return await session.call_tool(name, arguments)

    return call


async def test_the_tools_say_what_they_take(collection, calling):
    tools = {tool.name: tool for tool in (await calling("bob", "")).tools}
    assert set(tools) == {"search", "fetch", "ask"}
    assert tools["search"].input_schema["required"] == ["query"]
    assert all(tool.annotations.read_only_hint for tool in tools.values())


async def test_a_search_finds_passages_with_links_to_their_pages(lease, calling):
    found = await calling("bob", "search", query="notice period")
    best = found.structured_content["results"][0]
    assert best["text"] == factories.TEXT[0]
    assert best["page"] == 1
    links = [each.uri for each in found.content if each.type == "resource_link"]
    assert best["url"] in links
    assert f"/d/{lease.pk}?" in best["url"]


async def test_a_stranger_finds_nothing_of_others(lease, workspace, calling):
    found = await calling("carol", "search", query="notice period")
    assert found.structured_content["results"] == []
    named = await calling("carol", "search", query="notice period", workspace=workspace.slug)
    assert named.is_error
    assert (await calling("carol", "fetch", id=str(lease.pk))).is_error


async def test_a_document_is_fetched_whole_and_from_a_passage_on(lease, calling):
    whole = (await calling("bob", "fetch", id=str(lease.pk))).structured_content
    assert whole["text"] == "\n\n".join(factories.TEXT)
    assert whole["next_offset"] is None
    found = await calling("bob", "search", query="cooling units")
    passage = found.structured_content["results"][0]
    part = (await calling("bob", "fetch", id=passage["id"])).structured_content
    assert part["id"] == str(lease.pk)
    assert part["text"] == factories.TEXT[1]


async def test_an_answer_cites_its_pages(lease, workspace, calling):
    said = await calling("bob", "ask", question="What is the notice period?")
    assert said.structured_content["answer"] == f"{factories.TEXT[0]} [1]"
    (cited,) = said.structured_content["citations"]
    assert cited["quote"] == factories.TEXT[0]
    assert cited["url"] in said.content[0].text
    there = await calling("bob", "ask", question="What is it?", workspace=workspace.slug)
    assert not there.is_error


async def test_a_question_that_is_being_answered_is_on_no_list(lease, calling, monkeypatch):
    listed: list[bool] = []
    answer = mcp_server.whole

    async def looked(opened, *, is_kept):
        rows = Conversation.objects.filter(pk=opened.conversation_id)
        listed.extend(await sql(lambda: [not row.is_passing for row in rows]))
        return await answer(opened, is_kept=is_kept)

    monkeypatch.setattr(mcp_server, "whole", looked)
    await calling("bob", "ask", question="What is the notice period?")
    assert listed == [False]


async def test_a_key_that_may_not_ask_finds_but_does_not_ask(lease, calling):
    assert not (await calling("reader", "search", query="notice")).is_error
    assert (await calling("reader", "ask", question="What?")).is_error


async def test_a_model_that_is_down_is_told_to_the_caller(lease, calling):
    factory.fakes().generator.script.append(EngineUnavailable("down"))
    said = await calling("bob", "ask", question="What is the notice period?")
    assert said.is_error
    assert "does not answer" in said.content[0].text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", {}),
        ("search", {"query": ""}),
        ("search", {"query": "x", "limit": 51}),
        ("search", {"query": "x", "colections": []}),
        ("fetch", {"id": "nothing"}),
        ("ask", {"question": "x", "workspace": "no-such"}),
    ],
)
async def test_what_cannot_be_done_is_an_error_to_read(collection, calling, name, arguments):
    said = await calling("bob", name, **arguments)
    assert said.is_error
    assert said.content[0].text


async def test_a_tool_that_does_not_exist_is_an_error_of_the_protocol(collection, calling):
    with pytest.RaisesGroup(mcp.MCPError, flatten_subgroups=True):
        await calling("bob", "delete_everything")


# --- the door -------------------------------------------------------------------------------------
def _send(client, body=HELLO, **headers):
    return client.post("/mcp", body, content_type="application/json", headers=HEADS | headers)


def test_without_a_key_nothing_is_answered(client, db):
    response = _send(client)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_browsers_session_is_no_key(bob, client_of):
    assert _send(client_of(bob)).status_code == 401


def test_a_page_of_another_origin_is_turned_away(client, keys, settings):
    settings.PUBLIC_URL = "https://kb.example.com"
    key = {"Authorization": f"Bearer {keys['bob']}"}
    assert _send(client, **key, Origin="https://evil.example").status_code == 403
    assert _send(client, **key, Origin="https://kb.example.com").status_code == 200


def test_a_revoked_key_ends_at_once(client, bob, keys):
    key = {"Authorization": f"Bearer {keys['bob']}"}
    assert _send(client, **key).status_code == 200
    with system_scope("test: revoke"):
        bob.api_keys.all().delete()
    assert _send(client, **key).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"jsonrpc": "2.0"}'])
def test_garbage_is_a_bad_request(client, keys, body):
    key = {"Authorization": f"Bearer {keys['bob']}"}
    response = client.generic(
        "POST", "/mcp", body, content_type="application/json", headers=HEADS | key
    )
    assert response.status_code == 400


def test_there_is_no_stream_to_listen_to(client, keys):
    assert client.get("/mcp", headers={"Authorization": f"Bearer {keys['bob']}"}).status_code == 405
