"""The search test: what is found, for whom."""

import pytest
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(workspace):
    return reverse("search:test", args=[workspace.slug])


def test_passages_come_with_their_ranks_and_marks(bob, collection, page, client_of):
    factories.make_document(collection, "Lease.txt")
    found = client_of(bob).get(page, {"q": "notice period"}).content.decode()
    assert "Lease.txt" in found
    assert "<mark>notice</mark>" in found
    assert "rank 1" in found


def test_only_readable_collections_are_searched(bob, collection, other_collection, page, client_of):
    factories.make_document(other_collection, "Board.txt", texts=["The notice is secret."])
    found = client_of(bob).get(page, {"q": "notice", "collections": [str(other_collection.pk)]})
    assert "secret" not in found.content.decode()
    found = client_of(bob).get(page, {"q": "notice"})
    assert "secret" not in found.content.decode()


def test_an_unknown_way_of_finding_is_not_followed(bob, collection, page, client_of):
    factories.make_document(collection, "Lease.txt")
    response = client_of(bob).get(page, {"q": "notice", "mode": "guess"})
    assert response.status_code == 200
    assert "rank 1" not in response.content.decode()


def test_htmx_gets_the_hits_alone(bob, collection, page, client_of):
    factories.make_document(collection, "Lease.txt")
    part = client_of(bob).get(page, {"q": "notice"}, headers={"hx-request": "true"})
    assert "<html" not in part.content.decode()


def test_to_a_stranger_the_workspace_does_not_exist(carol, collection, page, client_of):
    assert client_of(carol).get(page, {"q": "notice"}).status_code == 404
