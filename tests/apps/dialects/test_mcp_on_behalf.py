"""Tools of MCP on behalf of employees: what both may, and a statement that works once."""

from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from apps.accounts.models import User
from apps.applications.models import Acts
from apps.workspaces.models import Collection
from kb_platform.asgi import application
from tests import factories
from tests.apps.applications.conftest import Make, Program, make_program

__all__ = ["make_program"]
pytestmark = pytest.mark.django_db(transaction=True)
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search", "arguments": {"query": "notice period"}},
}


@pytest.fixture
def erp(make_program: Make, bob: User, collection: Collection) -> Program:
    """Granted what bob may read."""
    program = make_program()
    factories.make_grant(collection, program.application.account)
    factories.make_document(collection, "lease.txt")
    return program


class _Signing(httpx2.Auth):
    """A new statement for every request, as a program sends them."""

    def __init__(self, program: Program, person: User) -> None:
        self.program, self.person = program, person

    def auth_flow(self, request: Any) -> Any:
        for name, value in self.program.headers(self.person).items():
            request.headers[name] = value
        yield request


async def _found(program: Program, person: User) -> list[dict[str, Any]]:
    transport = httpx2.ASGITransport(app=application)
    async with (
        httpx2.AsyncClient(transport=transport, auth=_Signing(program, person)) as http,
        streamable_http_client("http://localhost/mcp", http_client=http) as streams,
        mcp.ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        said = await session.call_tool("search", {"query": "notice period"})
        assert not said.is_error, said.content
        rows: list[dict[str, Any]] = said.structured_content["results"]
        return rows


async def test_a_tool_finds_what_employee_and_application_may_read(
    erp: Program, bob: User, carol: User
) -> None:
    assert await _found(erp, bob)
    assert await _found(erp, carol) == []


async def test_what_the_employee_may_read_and_the_application_not_is_not_found(
    erp: Program, alice: User, other_collection: Collection
) -> None:
    from asgiref.sync import sync_to_async  # noqa: PLC0415 - one step of one test

    await sync_to_async(factories.make_document)(other_collection, "board.txt")
    titles = {row["title"] for row in await _found(erp, alice)}
    assert titles == {"lease.txt"}


def _post(program: Program, headers: dict[str, str]) -> Any:
    accept = {"Accept": "application/json, text/event-stream"}
    return program.client.post(
        "/mcp", CALL, content_type="application/json", headers={**headers, **accept}
    )


def test_a_statement_that_was_used_is_refused(erp: Program, bob: User) -> None:
    headers = erp.headers(bob)
    assert _post(erp, headers).status_code == 200
    assert _post(erp, headers).status_code == 401


def test_a_statement_that_is_not_signed_by_the_application_is_refused(
    erp: Program, make_program: Make, bob: User
) -> None:
    other = make_program("MES")
    headers = {**erp.headers(), "X-On-Behalf-Of": other.assertion(bob.email)}
    assert _post(erp, headers).status_code == 401


def test_without_a_statement_an_application_for_people_gets_no_tool(
    make_program: Make, collection: Collection
) -> None:
    erp = make_program(acts=Acts.PEOPLE)
    factories.make_grant(collection, erp.application.account)
    assert _post(erp, erp.headers()).status_code == 401


def test_a_deactivated_employee_is_asked_for_in_vain(erp: Program, bob: User) -> None:
    bob.is_active = False
    bob.save()
    assert _post(erp, erp.headers(bob)).status_code == 401
