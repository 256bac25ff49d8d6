"""Lists come in pages; a cursor is of its list."""

import pytest

from tests import factories
from tests.apps.api.conftest import code_of


def _all(program, path):
    pages = []
    while path:
        found = program.get(path).json()
        pages.append(found["items"])
        path = found["next"]
    return pages


def test_every_row_comes_once_and_the_last_page_says_so(alice, collection, api_of):
    made = [str(factories.make_document(collection, is_indexed=False).pk) for _ in range(5)]
    pages = _all(api_of(alice), f"collections/{collection.pk}/documents?limit=2")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row["id"] for page in pages for row in page] == made[::-1]


def test_a_full_last_page_has_no_next(alice, collection, api_of):
    for _ in range(2):
        factories.make_document(collection, is_indexed=False)
    found = api_of(alice).get(f"collections/{collection.pk}/documents?limit=2").json()
    assert (len(found["items"]), found["next"]) == (2, None)


def test_a_filter_stays_on_the_next_page(alice, collection, api_of):
    for _ in range(3):
        factories.make_document(collection, is_indexed=False)
    path = f"collections/{collection.pk}/documents?limit=2&state=ready"
    assert "state=ready" in api_of(alice).get(path).json()["next"]


def test_a_row_added_meanwhile_does_not_shift_the_pages(alice, collection, api_of):
    made = [str(factories.make_document(collection, is_indexed=False).pk) for _ in range(3)]
    mine = api_of(alice)
    first = mine.get(f"collections/{collection.pk}/documents?limit=2").json()
    factories.make_document(collection, is_indexed=False)
    second = mine.get(first["next"]).json()
    assert [row["id"] for row in second["items"]] == made[:1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=-1", "cursor=x", "limit=" + "9" * 5000]
)
def test_a_wrong_page_is_refused(alice, collection, api_of, query):
    for path in (f"collections/{collection.pk}/documents", "workspaces", "conversations", "keys"):
        answer = api_of(alice).get(f"{path}?{query}")
        assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_a_cursor_of_passages_is_a_number(alice, collection, api_of):
    document = factories.make_document(collection)
    answer = api_of(alice).get(f"documents/{document.pk}/chunks?cursor=x")
    assert code_of(answer) == "BAD_REQUEST"
