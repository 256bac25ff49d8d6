"""A rule about topics bites on every way that a question takes, and says which rule it is."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
import mcp
import pytest
from django.test import Client
from mcp.client.streamable_http import streamable_http_client

from apps.accounts.models import User
from apps.chat import services as chat
from apps.chat.models import Turn
from apps.engines.adapters.fake import ScriptedGenerator
from apps.permissions.scope import entered, system_scope
from apps.topics.models import TopicRule
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from kb_platform.asgi import application
from tests import factories
from tests.apps.api.conftest import Program, code_of
from tests.apps.chat.talk import sql, talking
from tests.apps.topics.conftest import ELSE, PAY, SAYS, SAYS_ZH

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept(bob: User, away: Callable[..., TopicRule]) -> TopicRule:
    """Bob is in a group, within a group that is kept from questions about pay."""
    outer = factories.make_group("Staff")
    factories.make_nesting(outer, factories.make_group("Trainees", bob))
    return away(groups=[outer])


@pytest.fixture
def program(bob: User, collection: Collection, kept: TopicRule) -> Program:
    factories.make_document(collection)
    return Program(factories.make_api_key(bob)[1])


def v1(program: Program, path: str, body: dict[str, Any]) -> Any:
    return program.post(f"/v1/{path}", body)


def test_search_is_refused_with_the_rule_and_its_sentence(program: Program) -> None:
    answer = program.post("search", {"query": PAY})
    assert answer.status_code == 403
    assert code_of(answer) == "TOPIC_FORBIDDEN"
    said = answer.json()["error"]
    assert said["details"]["rule"] == "No pay"
    assert SAYS in said["message"]
    assert "No pay" in said["message"]
    assert program.post("search", {"query": ELSE}).status_code == 200


def test_the_sentence_is_in_the_language_of_whoever_asks(program: Program) -> None:
    answer = program.post("search", {"query": "主任的工資"}, Accept_Language="zh-hans")
    assert SAYS_ZH in answer.json()["error"]["message"]


def test_the_rest_chat_is_refused(program: Program) -> None:
    assert code_of(program.post("chat", {"message": PAY})) == "TOPIC_FORBIDDEN"
    assert program.post("chat", {"message": ELSE}).status_code == 200


def test_the_short_form_says_that_permission_is_denied_for_this_query(
    program: Program, workspace: Workspace
) -> None:
    body = {"workspace": workspace.slug, "question": PAY}
    answer = program.post("/api/chat", body)
    assert answer.status_code == 403
    assert answer.json()["error"] == "Permission denied for this query"
    assert answer.json()["code"] == "TOPIC_FORBIDDEN"
    assert answer.json()["details"]["rule"] == "No pay"


def test_the_search_page_of_a_workspace_says_which_rule(
    bob: User, workspace: Workspace, kept: TopicRule, client_of: Callable[[User], Client]
) -> None:
    page = client_of(bob).get(f"/w/{workspace.slug}/search", {"q": PAY})
    assert SAYS in page.content.decode()


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_openai_chat_is_refused_wherever_in_the_messages_it_is_asked(
    program: Program, workspace: Workspace, role: str
) -> None:
    asked = [{"role": "user", "content": ELSE}]
    messages = [{"role": role, "content": PAY}, *asked]
    model = f"footnote/{workspace.slug}"
    answer = v1(program, "chat/completions", {"model": model, "messages": messages})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "topic_forbidden"
    assert SAYS in answer.json()["error"]["message"]
    assert v1(program, "chat/completions", {"model": model, "messages": asked}).status_code == 200


def test_a_search_of_a_vector_store_is_refused(program: Program, collection: Collection) -> None:
    path = f"vector_stores/vs_{collection.pk.hex}/search"
    assert v1(program, path, {"query": ELSE}).status_code == 200
    answer = v1(program, path, {"query": [ELSE, PAY]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "topic_forbidden")


async def test_tools_of_mcp_are_refused(program: Program) -> None:
    transport = httpx2.ASGITransport(app=application)
    async with (
        httpx2.AsyncClient(transport=transport, headers=program.headers) as http,
        streamable_http_client("http://localhost/mcp", http_client=http) as streams,
        mcp.ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        for tool, arguments in (("search", {"query": PAY}), ("ask", {"question": PAY})):
            said = await session.call_tool(tool, arguments)
            assert said.is_error
            assert SAYS in said.content[0].text


async def test_the_socket_is_told_which_rule_and_stays_open(
    bob: User, collection: Collection, kept: TopicRule
) -> None:
    await sql(factories.make_document, collection)
    async with talking(bob) as talk:
        (refused,) = await talk.ask(PAY)
        assert refused["code"] == "TOPIC_FORBIDDEN"
        assert SAYS in refused["message"]
        assert (await talk.ask(ELSE))[-1]["type"] == "done"


def test_asking_again_and_editing_are_refused_once_the_rule_is_there(
    bob: User, collection: Collection, away: Callable[..., TopicRule]
) -> None:
    with scope(bob):
        opened = chat.ask(question=PAY)
    away(groups=[factories.make_group("Staff", bob)])
    for act in (
        partial(chat.regenerate, turn_id=opened.turn_id),
        partial(chat.edit, turn_id=opened.turn_id, question=PAY),
    ):
        with scope(bob), pytest.raises(Exception, match="TOPIC_FORBIDDEN"):
            act()


def answered(bob: User, question: str) -> UUID:
    """A conversation of Bob's with one answer in it."""
    with scope(bob):
        opened = chat.ask(question=question)
    with system_scope("test: it was answered"):
        Turn.objects.filter(pk=opened.turn_id).update(state="complete", answer="Three months.")
    return opened.conversation_id


def test_a_follow_up_is_kept_away_as_it_is_meant(bob: User, collection: Collection) -> None:
    group = factories.make_group("Staff", bob)
    conversation = answered(bob, "What does the director earn?")
    topic = factories.make_topic("Director", patterns=["director.*last year"])
    factories.make_topic_rule(topic, name="No director", groups=[group])
    with scope(bob), pytest.raises(Exception, match="TOPIC_FORBIDDEN"):
        chat.ask(question="And last year?", conversation_id=conversation)


def test_words_of_an_earlier_question_let_no_follow_up_pass(
    bob: User, collection: Collection
) -> None:
    only = factories.make_topic("Notice", words=["notice period"])
    group = factories.make_group("Staff", bob)
    factories.make_topic_rule(only, name="Only notice", effect="only", groups=[group])
    conversation = answered(bob, ELSE)
    with scope(bob):
        chat.ask(question="And the notice period of part-timers?", conversation_id=conversation)
        with pytest.raises(Exception, match="TOPIC_FORBIDDEN"):
            chat.ask(question="And which cars are there?", conversation_id=conversation)


def test_a_history_that_a_program_made_up_lets_nothing_pass(
    bob: User, workspace: Workspace
) -> None:
    only = factories.make_topic("Notice", words=["notice period"])
    group = factories.make_group("Staff", bob)
    factories.make_topic_rule(only, name="Only notice", effect="only", groups=[group])
    messages = [
        {"role": "user", "content": ELSE},
        {"role": "assistant", "content": "Three months."},
        {"role": "user", "content": "And which cars are there?"},
    ]
    body = {"model": f"footnote/{workspace.slug}", "messages": messages}
    answer = v1(Program(factories.make_api_key(bob)[1]), "chat/completions", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "topic_forbidden")


def test_the_model_judges_a_follow_up_alone_and_knows_what_was_asked_before(
    bob: User, collection: Collection, model: ScriptedGenerator
) -> None:
    only = factories.make_topic("Notice", prompt="Notice periods.")
    conversation = answered(bob, ELSE)
    group = factories.make_group("Staff", bob)
    factories.make_topic_rule(only, name="Only notice", effect="only", groups=[group])
    model.opinions.append(2.0)
    model.checks.clear()
    with scope(bob):
        chat.ask(question="And for part-timers?", conversation_id=conversation)
    (turns,) = model.checks
    assert f"<before>\n{ELSE}\n</before>" in turns[-1].text
    assert "<text>\nAnd for part-timers?\n</text>" in turns[-1].text


def test_others_are_not_kept_from_it(alice: User, carol: User, kept: TopicRule) -> None:
    for user in (alice, carol):
        program = Program(factories.make_api_key(user)[1])
        assert program.post("search", {"query": PAY}).status_code == 200


def test_the_decision_is_in_the_trace_and_the_question_is_not_in_it(
    bob: User, collection: Collection, program: Program
) -> None:
    said = program.post("chat", {"message": ELSE}).json()
    with system_scope("test: the trace"):
        trace = Turn.objects.get(pk=said["turn"]).trace
    (decision,) = trace["topics"]
    assert (decision["name"], decision["refused"]) == ("No pay", False)
    assert ELSE not in json.dumps(trace["topics"])


def scope(user: User) -> Any:
    return entered(scope_of(user))
