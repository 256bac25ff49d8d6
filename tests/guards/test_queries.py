"""The busiest pages and calls ask the database a few questions, however many rows there are."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.engines import factory
from apps.permissions.scope import system_scope
from tests import factories

# What a page may ask for at most: session, person, scope (four), sidebar and the page itself.
MOST = {
    "home": 20,
    "conversation": 26,
    "documents": 20,
    "document": 20,
    "search": 16,
    "api: documents": 12,
    "api: document": 12,
    "api: search": 14,
    "api: conversation": 14,
    "api: workspaces": 10,
}


def _documents(collection, count):
    """Many ready documents, without their files."""
    with system_scope("test: many documents"):
        documents = [Document(collection=collection, name=f"{n:03}.txt") for n in range(count)]
        Document.objects.bulk_create(documents)
        versions = [
            DocumentVersion(
                collection=collection,
                document=document,
                number=1,
                filename=document.name,
                sha256=f"{n:064x}",
                size=1,
                media_type="text/plain",
            )
            for n, document in enumerate(documents)
        ]
        DocumentVersion.objects.bulk_create(versions)
        IngestRun.objects.bulk_create(
            IngestRun(
                collection=collection,
                document=version.document,
                version=version,
                state=IngestRun.State.DONE,
                stage=IngestRun.Stage.PUBLISH,
            )
            for version in versions
        )
        for document, version in zip(documents, versions, strict=True):
            document.current = version
        Document.objects.bulk_update(documents, ["current"])


@pytest.fixture
def rows(alice, workspace, collection):
    """``rows(n)``: n more of everything that a page lists."""
    conversation = factories.make_conversation(alice, workspace=workspace)
    document = factories.make_document(collection)

    def add(count):
        _documents(factories.make_collection(workspace), count)
        parent = None
        for _ in range(count // 10):
            parent = factories.make_turn(conversation, sources=[document], parent=parent)
            factories.make_conversation(alice, workspace=workspace, title="t")
            factories.make_workspace(manager=alice)
        return conversation, document

    return add


def _count(client, call):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = call(client)
        assert response.status_code == 200
        if response.streaming:
            response.getvalue()
    return len(queries)


def _calls(workspace, conversation, document, key):
    headers = {"Authorization": f"Bearer {key}"}
    api = {"headers": headers}
    listed = f"collections/{_largest(workspace)}/documents?limit=200"
    body = {"data": {"query": "notice period"}, "content_type": "application/json", **api}
    return {
        "home": lambda c: c.get("/", follow=True),
        "conversation": lambda c: c.get(f"/c/{conversation.pk}"),
        "documents": lambda c: c.get(f"/k/{_largest(workspace)}/"),
        "document": lambda c: c.get(f"/d/{document.pk}"),
        "search": lambda c: c.get(f"/w/{workspace.slug}/search?q=notice+period"),
        "api: documents": lambda c: c.get(f"/api/v1/{listed}", **api),
        "api: document": lambda c: c.get(f"/api/v1/documents/{document.pk}", **api),
        "api: search": lambda c: c.post("/api/v1/search", **body),
        "api: conversation": lambda c: c.get(f"/api/v1/conversations/{conversation.pk}", **api),
        "api: workspaces": lambda c: c.get("/api/v1/workspaces", **api),
    }


def _largest(workspace):
    with system_scope("test: the collection with most documents"):
        collections = workspace.collections.order_by("created_at")
        return max(collections, key=lambda each: each.documents.count()).pk


def test_the_number_of_queries_is_small_and_does_not_grow_with_the_rows(
    alice, workspace, rows, client_of, monkeypatch
):
    monkeypatch.setattr(factory, "REFRESH_S", 600.0)  # looks at the rows of engines by the clock
    conversation, document = rows(10)
    key = factories.make_api_key(alice)[1]
    browser, program = client_of(alice), Client()

    def counted():
        return {
            name: _count(program if name.startswith("api") else browser, call)
            for name, call in _calls(workspace, conversation, document, key).items()
        }

    counted()  # the first time fills caches
    few = counted()
    rows(200)
    many = counted()
    assert {name: (few[name], n) for name, n in many.items() if n > few[name] + 1} == {}
    assert {name: n for name, n in many.items() if n > MOST[name]} == {}
