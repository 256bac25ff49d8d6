"""The passages tab: who sees what, and what each button does."""

import re

import pytest
from django.urls import reverse

from apps.documents.models import Chunk
from apps.documents.passages import services as passages
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(collection):
    """May add documents to the collection."""
    user = factories.make_user("dora")
    factories.make_grant(collection, user, role=Role.CONTRIBUTOR)
    return user


@pytest.fixture
def document(collection):
    return factories.make_document(collection, "Lease.txt", texts=["One.", "Two.", "Three."])


def chunks(document):
    with system_scope("test: look"):
        rows = Chunk.with_disabled.filter(version=document.current_id).order_by("ordinal")
        return list(rows)


def address(name, document, *more):
    return reverse(f"documents:{name}", args=[document.pk, *more])


def tab(client, document, **query):
    return client.get(address("passages", document), query).content.decode()


def test_a_viewer_reads_the_passages_and_changes_none(bob, document, client_of):
    page = tab(client_of(bob), document)
    assert all(text in page for text in ("One.", "Two.", "Three."))
    assert "/edit" not in page
    assert "Add after" not in page


def test_a_contributor_edits_in_place_and_everybody_is_told(dora, bob, document, client_of):
    chunk = chunks(document)[0]
    mine = client_of(dora)
    form = mine.get(address("passage-edit", document, chunk.pk)).content.decode()
    assert ">One.</textarea>" in form
    answer = mine.post(address("passage-edit", document, chunk.pk), {"text": "Uno.", "number": "0"})
    assert answer.status_code == 200
    page = tab(client_of(bob), document)
    assert "Uno." in page
    assert re.search(r"Edited by dora", page)
    assert re.search(r"The original reads</summary><blockquote>One\.", page)


def test_the_later_of_two_sees_both_texts_and_may_save_again(alice, dora, document, client_of):
    chunk = chunks(document)[0]
    edit = address("passage-edit", document, chunk.pk)
    client_of(alice).post(edit, {"text": "Hers.", "number": "0"})
    mine = client_of(dora)
    refused = mine.post(edit, {"text": "Mine.", "number": "0"})
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "What alice wrote" in page
    assert "Hers." in page
    assert ">Mine.</textarea>" in page
    number = re.search(r'name="number" value="(\d+)"', page)[1]
    assert mine.post(edit, {"text": "Mine.", "number": number}).status_code == 200
    assert chunks(document)[0].text == "Mine."


def test_a_disabled_passage_is_gone_for_viewers_and_can_be_enabled(dora, bob, document, client_of):
    chunk = chunks(document)[1]
    mine = client_of(dora)
    state = address("passage-state", document, chunk.pk)
    assert "Enable" in mine.post(state, {"number": "0", "is_enabled": "0"}).content.decode()
    assert "Two." not in tab(client_of(bob), document)
    assert "Two." in tab(mine, document)
    assert "Two." in tab(mine, document, show="changed")
    assert "One." not in tab(mine, document, show="changed")
    mine.post(state, {"number": "1", "is_enabled": "1"})
    assert "Two." in tab(client_of(bob), document)


def test_a_passage_is_added_behind_another_and_removed(dora, document, client_of):
    mine = client_of(dora)
    first = chunks(document)[0]
    answer = mine.post(
        address("passage-add", document), {"after": first.pk, "text": "One and a half."}
    )
    assert answer["HX-Retarget"] == "#passages"
    assert [chunk.text for chunk in chunks(document)][1] == "One and a half."
    added = chunks(document)[1]
    gone = mine.post(address("passage-revert", document, added.pk), {"number": "1"})
    assert (gone.status_code, gone.content) == (200, b"")
    assert len(chunks(document)) == 3


def test_history_shows_each_step_and_leads_back(dora, document, client_of):
    chunk = chunks(document)[0]
    mine = client_of(dora)
    for number, text in enumerate(("Uno.", "Eins.")):
        mine.post(
            address("passage-edit", document, chunk.pk), {"text": text, "number": str(number)}
        )
    page = mine.get(address("passage-history", document, chunk.pk)).content.decode()
    assert "<del>One.</del><ins>Uno.</ins>" in page
    back = {"number": "2", "to": "1"}
    assert "Uno." in mine.post(address("passage-revert", document, chunk.pk), back).content.decode()


@pytest.mark.parametrize("number", ["", "-1", "x", "9" * 30])
def test_garbage_is_refused(dora, document, client_of, number):
    chunk = chunks(document)[0]
    sent = {"number": number, "is_enabled": "0"}
    answer = client_of(dora).post(address("passage-state", document, chunk.pk), sent)
    assert answer.status_code in {400, 409}
    assert not chunks(document)[0].is_disabled


def test_hostile_text_is_shown_as_text(dora, bob, document, client_of):
    chunk = chunks(document)[0]
    text = "<script>alert(1)</script>"
    client_of(dora).post(address("passage-edit", document, chunk.pk), {"text": text, "number": "0"})
    page = tab(client_of(bob), document)
    assert text not in page
    assert "&lt;script&gt;" in page


def test_a_long_document_is_shown_in_pages(bob, collection, client_of):
    texts = [f"Passage number {n}." for n in range(120)]
    document = factories.make_document(collection, texts=texts, is_indexed=False)
    page = tab(client_of(bob), document, page="3")
    assert "Passage number 119." in page
    assert "Passage number 5." not in page
    assert "Passage number 7." in tab(client_of(bob), document, q="number 7.")


def test_the_reader_says_that_a_cited_passage_was_edited(dora, bob, document, client_of, as_):
    chunk = chunks(document)[0]
    with as_(dora):
        passages.edit(document=document, chunk_id=chunk.pk, text="Uno.", number=0)
    page = (
        client_of(bob)
        .get(reverse("documents:document", args=[document.pk], query={"chunk": str(chunk.pk)}))
        .content.decode()
    )
    assert "Edited by dora" in page
    assert "The original reads" in page


def test_the_reader_says_that_a_cited_passage_was_disabled(dora, bob, document, client_of, as_):
    chunk = chunks(document)[0]
    with as_(dora):
        passages.enable(document=document, chunk_id=chunk.pk, is_enabled=False, number=0)
    query = {"chunk": str(chunk.pk)}
    address = reverse("documents:document", args=[document.pk], query=query)
    assert "Taken out of search and answers by dora" in client_of(bob).get(address).content.decode()
