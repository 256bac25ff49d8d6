"""The page of a collection's cutting: preview, cost, applying, going back."""

import re

import pytest
from django.urls import reverse

from apps.documents.models import DocumentVersion, IngestRun
from apps.documents.passages.models import CollectionRecipe
from apps.documents.passages.recipes import usual
from apps.documents.runs import parsed
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from apps.rag.ports import Block, BlockKind
from tests import factories

pytestmark = pytest.mark.django_db

BLOCKS = [
    Block(BlockKind.TEXT, "The pump of the hall is inspected twice a year by its maker. " * 40)
]
VALUES = {"size": "100", "overlap": "0", "headings": "on", "parent": "0"}


@pytest.fixture
def document(collection):
    document = factories.make_document(collection, "Pumps.md", texts=["One.", "Two."])
    with system_scope("test: what was read of it"):
        version = DocumentVersion.objects.get(document=document)
        DocumentVersion.objects.filter(pk=version.pk).update(cut=usual().cut)
        parsed.keep(version, BLOCKS)
    return document


def address(collection, name="cutting"):
    return reverse(f"documents:{name}", args=[collection.pk])


def test_a_preview_shows_both_sides_and_what_it_costs(alice, collection, document, client_of):
    sent = {**VALUES, "document": str(document.pk)}
    page = client_of(alice).get(address(collection), sent).content.decode()
    assert page.count('class="cutting-side"') == 2
    assert re.search(r"This cuts 1 document anew: \d+ passages in place of 2 are embedded", page)
    assert "Search keeps working on the old passages meanwhile" in page
    with system_scope("test: nothing was written"):
        assert not CollectionRecipe.objects.exists()
        assert not IngestRun.objects.filter(state="queued").exists()


def test_applying_queues_the_documents_and_shows_how_far_it_is(
    alice, collection, document, client_of
):
    mine = client_of(alice)
    answer = mine.post(address(collection, "cutting-apply"), VALUES, follow=True)
    page = answer.content.decode()
    assert "Saved. 1 document is cut anew." in page
    assert "0 of 1 documents are cut like this" in page
    back = mine.post(address(collection, "cutting-undo"), follow=True).content.decode()
    assert "1 of 1 documents are cut like this" in back


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", "5"), ("size", "x"), ("overlap", "60"), ("parent", "50"), ("size", "")],
)
def test_what_is_beyond_a_limit_is_refused_beside_its_field(
    alice, collection, client_of, field, value
):
    answer = client_of(alice).post(address(collection, "cutting-apply"), {**VALUES, field: value})
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()
    with system_scope("test: nothing was written"):
        assert not CollectionRecipe.objects.exists()


def test_a_document_of_another_collection_is_not_tried_on(
    alice, collection, other_collection, client_of
):
    other = factories.make_document(other_collection)
    sent = {**VALUES, "document": str(other.pk)}
    assert client_of(alice).get(address(collection), sent).status_code == 422


def test_only_managers_come_here(bob, carol, collection, client_of):
    dora = factories.make_user("dora")
    factories.make_grant(collection, dora, role=Role.CONTRIBUTOR)
    for person, status in ((bob, 403), (dora, 403), (carol, 404)):
        assert client_of(person).get(address(collection)).status_code == status
        assert (
            client_of(person).post(address(collection, "cutting-apply"), VALUES).status_code
            == status
        )
