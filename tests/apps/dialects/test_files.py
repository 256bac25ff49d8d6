"""Documents as files and collections as vector stores, for programs that speak OpenAI."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.documents.models import Document
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.dialects.conftest import error_of


@pytest.fixture
def store(collection):
    return f"vs_{collection.pk.hex}"


def _upload(program, **fields):
    file = SimpleUploadedFile("notes.txt", b"The notice period is ninety days.")
    return program.client.post(
        "/v1/files", {"file": file, "purpose": "assistants", **fields}, headers=program.headers
    )


def test_a_reader_sees_the_documents_of_their_collections(bob, lease, other_collection, v1_of):
    factories.make_document(other_collection)
    (found,) = v1_of(bob).get("/v1/files").json()["data"]
    assert found["filename"] == "lease.txt"
    assert found["status"] == "processed"
    assert found["bytes"] > 0
    assert v1_of(bob).get(f"/v1/files/{found['id']}").json() == found


def test_a_stranger_sees_no_file_and_no_store(carol, lease, store, v1_of):
    stranger = v1_of(carol)
    file = f"file-{lease.pk.hex}"
    assert stranger.get("/v1/files").json()["data"] == []
    assert store not in stranger.get("/v1/vector_stores").content.decode()
    for place in (f"files/{file}", f"files/{file}/content", f"vector_stores/{store}"):
        assert stranger.get(f"/v1/{place}").status_code == 404
    search = stranger.post(f"/v1/vector_stores/{store}/search", {"query": "notice"})
    assert search.status_code == 404


def test_files_come_in_pages(bob, collection, v1_of):
    for _ in range(3):
        factories.make_document(collection)
    program = v1_of(bob)
    first = program.get("/v1/files?limit=2").json()
    assert first["has_more"] is True
    rest = program.get(f"/v1/files?limit=2&after={first['last_id']}").json()
    assert rest["has_more"] is False
    ids = [each["id"] for each in (*first["data"], *rest["data"])]
    assert len(set(ids)) == 3
    rising = program.get("/v1/files?order=asc").json()["data"]
    assert [each["id"] for each in rising] == ids[::-1]


def test_the_bytes_of_a_file_come_back(bob, lease, v1_of):
    response = v1_of(bob).get(f"/v1/files/file-{lease.pk.hex}/content")
    assert b"ninety days" in response.getvalue()


def test_a_file_is_added_to_the_collection_that_it_names(alice, store, collection, v1_of):
    response = _upload(v1_of(alice), vector_store_id=store)
    assert response.status_code == 200, response.content
    assert response.json()["status"] == "uploaded"
    with system_scope("test: look"):
        assert Document.objects.get().collection == collection


def test_a_file_without_a_collection_is_refused(alice, v1_of):
    response = _upload(v1_of(alice))
    assert response.status_code == 400
    assert error_of(response)["param"] == "vector_store_id"


@pytest.mark.parametrize(
    ("scope", "status"), [(KeyScope.READ, 403), (KeyScope.ASK, 403), (KeyScope.WRITE, 200)]
)
def test_a_key_adds_files_only_if_it_is_for_that(alice, store, v1_of, scope, status):
    response = _upload(v1_of(alice, scope=scope), vector_store_id=store)
    assert response.status_code == status


def test_a_reader_adds_and_removes_nothing(bob, store, lease, v1_of):
    program = v1_of(bob)
    assert _upload(program, vector_store_id=store).status_code == 403
    assert program.delete(f"/v1/files/file-{lease.pk.hex}").status_code == 403


def test_a_removed_file_is_gone(alice, lease, v1_of):
    program, file = v1_of(alice), f"file-{lease.pk.hex}"
    assert program.delete(f"/v1/files/{file}").json() == {
        "id": file,
        "object": "file",
        "deleted": True,
    }
    assert program.get(f"/v1/files/{file}").status_code == 404


# --- vector stores --------------------------------------------------------------------------------
def test_collections_are_vector_stores(bob, collection, lease, store, v1_of):
    (found,) = v1_of(bob).get("/v1/vector_stores").json()["data"]
    assert (found["id"], found["name"]) == (store, collection.name)
    assert found["file_counts"]["completed"] == found["file_counts"]["total"] == 1
    assert found["usage_bytes"] > 0
    assert v1_of(bob).get(f"/v1/vector_stores/{store}").json() == found


def test_a_store_lists_its_files(bob, lease, store, v1_of):
    place = f"/v1/vector_stores/{store}/files"
    (found,) = v1_of(bob).get(place).json()["data"]
    assert found["status"] == "completed"
    assert v1_of(bob).get(f"{place}/{found['id']}").json() == found
    assert v1_of(bob).get(f"{place}?filter=failed").json()["data"] == []
    assert v1_of(bob).get(f"{place}?filter=odd").status_code == 400


def test_searching_a_store_finds_the_page(bob, lease, store, v1_of):
    response = v1_of(bob).post(f"/v1/vector_stores/{store}/search", {"query": "notice period"})
    best = response.json()["data"][0]
    assert best["file_id"] == f"file-{lease.pk.hex}"
    assert best["content"] == [{"type": "text", "text": factories.TEXT[0]}]
    assert best["attributes"]["page"] == 1
    assert f"/d/{lease.pk}?" in best["attributes"]["url"]
    assert 0 <= best["score"] <= 1


def test_a_search_stays_in_its_store(alice, lease, other_collection, store, v1_of):
    factories.make_document(other_collection, texts=["The notice period is secret."])
    response = v1_of(alice).post(f"/v1/vector_stores/{store}/search", {"query": "notice period"})
    assert "secret" not in response.content.decode()


def test_several_queries_are_one_list(bob, lease, store, v1_of):
    body = {"query": ["notice period", "cooling units"], "max_num_results": 2}
    found = v1_of(bob).post(f"/v1/vector_stores/{store}/search", body).json()["data"]
    texts = [each["content"][0]["text"] for each in found]
    assert sorted(texts) == sorted(factories.TEXT)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"type": "eq", "key": "year", "value": 2024}, 1),
        ({"type": "gte", "key": "year", "value": 2025}, 0),
        ({"type": "in", "key": "kind", "value": ["lease", "loan"]}, 1),
        ({"type": "nin", "key": "kind", "value": ["lease"]}, 0),
        ({"type": "lt", "key": "kind", "value": 3}, 0),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "year", "value": 2024},
                    {"type": "or", "filters": [{"type": "ne", "key": "kind", "value": "loan"}]},
                ],
            },
            1,
        ),
    ],
)
def test_a_search_is_filtered_by_metadata(bob, collection, store, v1_of, filters, count):
    about = {"year": 2024, "kind": "lease"}
    factories.make_document(collection, texts=["The notice period."], metadata=about)
    body = {"query": "notice period", "filters": filters}
    found = v1_of(bob).post(f"/v1/vector_stores/{store}/search", body).json()["data"]
    assert len(found) == count
    for each in found:
        assert each["attributes"]["year"] == 2024


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": []},
        {"query": "x", "max_num_results": 51},
        {"query": "x", "filters": {"type": "like", "key": "a", "value": "b"}},
        {"query": "x", "ranking_options": {"score_threshold": 2}},
    ],
)
def test_a_search_that_cannot_be_done_is_refused(bob, store, v1_of, body):
    response = v1_of(bob).post(f"/v1/vector_stores/{store}/search", body)
    assert response.status_code == 400
    error_of(response)


def test_filters_are_followed_so_deep_and_no_deeper(bob, store, v1_of):
    filters = {"type": "eq", "key": "kind", "value": "lease"}
    for _ in range(9):
        filters = {"type": "and", "filters": [filters]}
    body = {"query": "notice period", "filters": filters}
    answer = v1_of(bob).post(f"/v1/vector_stores/{store}/search", body)
    assert answer.status_code == 400
