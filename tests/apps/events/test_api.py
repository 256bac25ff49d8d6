"""Programs read what happened: administrators and auditors all but documents, managers their rooms."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient, Client

from apps.accounts.models import User
from apps.events import chain, services
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make, make_program

__all__ = ["make_program"]
ClientOf = Callable[[User], Client]
PATH = "/api/v1/events"


@pytest.fixture
def _happened(
    admin: User, alice: User, carol: User, collection: Collection, other_collection: Collection
) -> None:
    with entered(scope_of(admin)):
        services.record("person.added", email="dora@example.com")
    with entered(scope_of(alice)):
        services.record("workspace.changed", workspace_id=collection.workspace_id, name="W")
        services.record(
            "document.added",
            collection_id=collection.pk,
            name="Secret plan.pdf",
            workspace_id=collection.workspace_id,
        )
    with entered(scope_of(carol)):
        elsewhere = Workspace.objects.get(name="Elsewhere")
        services.record("workspace.changed", workspace_id=elsewhere.pk, name="E")
    with system_scope("test: a worker"):
        chain.extend()


def kinds(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["kind"] for row in answer.json()["items"]]


@pytest.mark.usefixtures("_happened")
def test_an_administrator_reads_everything_but_documents(admin: User, client_of: ClientOf) -> None:
    answer = client_of(admin).get(PATH)
    assert set(kinds(answer)) == {"workspace.changed", "person.added"}
    row = answer.json()["items"][-1]
    assert (row["sentence"], row["about"]) == ("Person added", "dora@example.com")
    assert row["position"] == 1


@pytest.mark.usefixtures("_happened")
def test_filters_and_pages(admin: User, client_of: ClientOf) -> None:
    browser = client_of(admin)
    assert kinds(browser.get(f"{PATH}?kind=person.added")) == ["person.added"]
    assert kinds(browser.get(f"{PATH}?who=alice")) == ["workspace.changed"]
    first = browser.get(f"{PATH}?limit=2")
    second = browser.get(first.json()["next"])
    assert len(kinds(first)) == 2
    assert kinds(second) == ["person.added"]


@pytest.mark.usefixtures("_happened")
@pytest.mark.parametrize("query", ["knid=person.added", "since=yesterday", "application=x"])
def test_a_filter_that_is_not_understood_is_refused(
    query: str, admin: User, client_of: ClientOf
) -> None:
    assert client_of(admin).get(f"{PATH}?{query}").status_code == 400


@pytest.mark.usefixtures("_happened")
def test_it_is_not_for_others(alice: User, carol: User, client_of: ClientOf) -> None:
    assert client_of(alice).get(PATH).status_code == 403
    assert client_of(carol).get(f"{PATH}.csv").status_code == 403


@pytest.mark.usefixtures("_happened")
def test_a_manager_reads_what_happened_in_their_workspace(
    alice: User, bob: User, carol: User, admin: User, client_of: ClientOf, workspace: Workspace
) -> None:
    path = f"/api/v1/workspaces/{workspace.slug}/events"
    assert set(kinds(client_of(alice).get(path))) == {"workspace.changed", "document.added"}
    assert set(kinds(client_of(admin).get(path))) == {"workspace.changed"}
    assert client_of(bob).get(path).status_code == 403
    assert client_of(carol).get(path).status_code == 404


@pytest.mark.usefixtures("_happened")
def test_the_page_of_a_workspace_shows_the_same(
    alice: User, bob: User, carol: User, client_of: ClientOf, workspace: Workspace
) -> None:
    path = f"/w/{workspace.slug}/audit"
    text = client_of(alice).get(path).content.decode()
    assert "Secret plan.pdf" in text
    assert "dora@example.com" not in text
    assert client_of(bob).get(path).status_code == 403
    assert client_of(carol).get(path).status_code == 404
    assert client_of(bob).get(f"{path}.csv").status_code == 403


@pytest.mark.usefixtures("_happened")
def test_an_application_that_may_audit_reads_no_documents(make_program: Make) -> None:
    auditor = make_program(name="SIEM", acts="service", scopes=["audit"])
    answer = auditor.client.get(PATH, headers=auditor.headers())
    assert set(kinds(answer)) >= {"workspace.changed", "person.added"}
    assert "document.added" not in kinds(answer)
    other = make_program(name="ERP", acts="service", scopes=["read", "ask", "write", "manage"])
    assert other.client.get(PATH, headers=other.headers()).status_code == 403


@pytest.mark.usefixtures("_happened")
def test_on_behalf_of_a_person_it_audits_only_if_they_may(
    make_program: Make, alice: User, admin: User
) -> None:
    auditor = make_program(name="SIEM", scopes=["audit"], reach="person")
    assert auditor.client.get(PATH, headers=auditor.headers(alice)).status_code == 403
    assert auditor.client.get(PATH, headers=auditor.headers(admin)).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_csv_for_programs(admin: User) -> None:
    from apps.core.aio import in_thread  # noqa: PLC0415 - beside its only use

    key = await in_thread(lambda: factories.make_api_key(admin)[1])
    client: Any = AsyncClient()
    headers = {"Authorization": f"Bearer {key}"}
    answer = await client.get(f"{PATH}.csv?kind=audit.exported", headers=headers)
    assert answer.status_code == 200
    body = b"".join([part async for part in answer.streaming_content]).decode("utf-8-sig")
    head, *rows = list(csv.reader(io.StringIO(body)))
    assert head[1] == "kind"
    assert [row[1] for row in rows] == ["audit.exported"]


@pytest.mark.parametrize(
    "asked", ["until=9999-12-31", "since=0001-01-01", "since=9999-12-31", "until=0001-01-01"]
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv"])
def test_days_that_no_database_compares_are_refused(
    path: str, asked: str, admin: User, client_of: ClientOf
) -> None:
    answer = client_of(admin).get(f"{path}?{asked}")
    assert answer.status_code == 400
