"""ETags, changes that only happen to what was seen, and answers with some fields only."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests import factories
from tests.apps.api.conftest import code_of


@pytest.fixture
def lease(collection):
    return factories.make_document(collection, "lease.txt")


def test_what_did_not_change_is_not_sent_again(bob, lease, api_of):
    program = api_of(bob)
    first = program.get(f"documents/{lease.pk}")
    again = program.get(f"documents/{lease.pk}", If_None_Match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert program.get(f"documents/{lease.pk}", If_None_Match='"old"').status_code == 200


def test_a_change_is_made_only_to_what_was_seen(alice, lease, api_of):
    program, path = api_of(alice), f"documents/{lease.pk}"
    seen = program.get(path)["ETag"]
    done = program.send("PATCH", path, {"name": "a.txt"}, If_Match=seen)
    assert done.status_code == 200
    late = program.send("PATCH", path, {"name": "b.txt"}, If_Match=seen)
    assert late.status_code == 412
    assert code_of(late) == "PRECONDITION_FAILED"
    assert program.get(path).json()["name"] == "a.txt"
    gone = program.send("DELETE", path, If_Match=program.get(path)["ETag"])
    assert gone.status_code == 202


def test_a_stranger_learns_nothing_from_an_etag(bob, carol, lease, api_of):
    seen = api_of(bob).get(f"documents/{lease.pk}")["ETag"]
    stranger, path = api_of(carol), f"documents/{lease.pk}"
    assert stranger.get(path, If_None_Match=seen).status_code == 404
    assert stranger.send("PATCH", path, {"name": "x"}, If_Match=seen).status_code == 404
    assert stranger.send("PATCH", path, {"name": "x"}, If_Match='"other"').status_code == 404


def test_an_answer_has_the_fields_that_were_wanted(bob, collection, lease, api_of):
    program = api_of(bob)
    assert program.get(f"documents/{lease.pk}?fields=id,name").json() == {
        "id": str(lease.pk),
        "name": "lease.txt",
    }
    page = program.get(f"collections/{collection.pk}/documents?fields=name&limit=1").json()
    assert page == {"items": [{"name": "lease.txt"}], "next": None}


def test_a_field_that_there_is_not_is_refused(bob, lease, api_of):
    response = api_of(bob).get(f"documents/{lease.pk}?fields=id,secret")
    assert response.status_code == 400
    assert "fields" in response.json()["error"]["details"]["fields"]


@pytest.mark.django_db(transaction=True)
def test_of_two_writes_in_the_same_instant_one_passes(alice, workspace, collection, api_of):
    mine, path = api_of(alice), f"collections/{collection.pk}"
    tag = mine.get(path)["ETag"]

    def write(name: str) -> int:
        try:
            answer = mine.client.patch(
                f"/api/v1/{path}",
                {"name": name},
                "application/json",
                headers={**mine.headers, "If-Match": tag},
            )
            return int(answer.status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, ("A", "B", "C", "D"))) == [200, 412, 412, 412]
