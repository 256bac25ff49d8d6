"""The audit page tells administrators what happened, and of documents only what they may read."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient, Client

from apps.accounts.models import User
from apps.core.origin import came_from
from apps.events import services
from apps.events.export import _safe
from apps.events.models import Event
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of

ClientOf = Callable[[User], Client]
PATH = "/administration/audit"


@pytest.fixture
def _happened(admin: User, alice: User, collection: Collection) -> None:
    with came_from("203.0.113.9"), entered(scope_of(admin)):
        services.record("person.added", email="dora@example.com")
    with came_from("10.1.2.3"), entered(scope_of(alice)):
        services.record("workspace.changed", workspace_id=collection.workspace_id, name="W")
        services.record("document.added", collection_id=collection.pk, name="Secret plan.pdf")


@pytest.mark.usefixtures("_happened")
def test_who_what_when_and_from_where(admin: User, client_of: ClientOf) -> None:
    text = client_of(admin).get(PATH).content.decode()
    for said in ("Person added", "dora@example.com", "203.0.113.9", "Workspace changed", "alice"):
        assert said in text
    assert "Secret plan" not in text  # an administrator reads no documents


@pytest.mark.usefixtures("_happened")
@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=person.added", {"Person added"}),
        ("who=alice", {"Workspace changed"}),
        ("address=10.1.2.3", {"Workspace changed"}),
        ("since=2001-01-01&until=2001-01-02", set()),
        ("since=2001-01-01", {"Person added", "Workspace changed"}),
        ("address=nonsense", {"Person added", "Workspace changed"}),
    ],
)
def test_filters(query: str, kinds: set[str], admin: User, client_of: ClientOf) -> None:
    text = client_of(admin).get(f"{PATH}?{query}").content.decode()
    rows = text[text.index("</form>") :]
    found = {kind for kind in ("Person added", "Workspace changed") if f"<td>{kind}</td>" in rows}
    assert found == kinds


def test_pages_go_on_where_the_last_one_ended(admin: User, client_of: ClientOf) -> None:
    Event.objects.bulk_create(
        Event(kind="person.added", actor=admin, data={"name": f"person {n}"}) for n in range(250)
    )
    browser, address, seen = client_of(admin), f"{PATH}?kind=person.added", []
    for _ in range(3):
        text = browser.get(address).content.decode()
        seen += re.findall(r"person (\d+)<", text)
        older = re.search(r'href="([^"]*before=[^"]*)"', text)
        address = f"{PATH}{older[1]}".replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 250
    assert address == ""


@pytest.mark.django_db(transaction=True)
async def test_a_spreadsheet_gets_the_same_rows(admin: User, alice: User) -> None:
    from apps.core.aio import in_thread  # noqa: PLC0415 - beside its only use

    def plant() -> None:
        with system_scope("test: something happens"):
            services.record("person.added", name="=cmd|' /C calc'!A0")

    await in_thread(plant)
    client: Any = AsyncClient()
    await client.aforce_login(alice)
    assert (await client.get(f"{PATH}.csv")).status_code == 403
    await client.aforce_login(admin)
    answer = await client.get(f"{PATH}.csv?kind=person.added")
    body = b"".join([part async for part in answer.streaming_content]).decode("utf-8-sig")
    head, row = list(csv.reader(io.StringIO(body)))
    said = dict(zip(head, row, strict=True))
    assert said["kind"] == "person.added"
    assert said["about"].startswith("'=cmd")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert _safe(text) == f"'{text}"


def test_it_is_for_administrators(alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).get(PATH).status_code == 403
    assert Client().get(PATH).status_code == 302
