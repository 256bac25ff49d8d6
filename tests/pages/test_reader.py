"""The page of a document: opened at a passage, with the passage marked."""

import json
import re

import pytest
from django.urls import reverse

from apps.core import blobs
from apps.documents.models import Chunk, DocumentVersion
from apps.documents.reader.text import text_of
from apps.documents.runs import parsed
from apps.permissions.scope import system_scope
from apps.rag.ports import Block, BlockKind
from tests import factories

pytestmark = pytest.mark.django_db

BLOCKS = [
    Block(BlockKind.TITLE, "Notice", level=1),
    Block(
        BlockKind.TEXT, "The lease runs for three years. Notice is ninety days. It renews itself."
    ),
    Block(BlockKind.TABLE, "Unit | Fee\nCU-20 | 410\nCU-40 | 655", header="Unit | Fee"),
    Block(BlockKind.TEXT, "Notice is ninety days."),
]


def page_of(document, **query):
    return reverse("documents:document", args=[document.pk], query=query)


@pytest.fixture
def lease(collection):
    """A text with its blocks; its one chunk says how long notice is."""
    document = factories.make_document(collection, "Lease.md", texts=["Notice is ninety days."])
    with system_scope("test: what was read of it"):
        version = DocumentVersion.objects.get(document=document)
        DocumentVersion.objects.filter(pk=version.pk).update(media_type="text/markdown")
        version.refresh_from_db()
        parsed.keep(version, BLOCKS)
        document.refresh_from_db()
    return document


def chunk_of(document):
    with system_scope("test: look"):
        return Chunk.objects.get(version=document.current_id)


def test_a_text_opens_with_the_cited_sentence_marked(bob, lease, client_of):
    page = client_of(bob).get(page_of(lease, chunk=str(chunk_of(lease).pk))).content.decode()
    assert re.search(r'<span class="cited">\s*Notice is ninety days\.\s*</span>', page)
    assert '<span class="cited">The lease' not in page


def test_without_a_passage_nothing_is_marked(bob, lease, client_of):
    assert 'class="cited"' not in client_of(bob).get(page_of(lease)).content.decode()


def test_a_passage_of_another_document_marks_nothing(bob, lease, collection, client_of):
    other = factories.make_document(
        collection, "Other.md", texts=["Notice is ninety days."], data=b"o"
    )
    page = client_of(bob).get(page_of(lease, chunk=str(chunk_of(other).pk))).content.decode()
    assert 'class="cited"' not in page


def test_beside_an_answer_only_the_reader_is_sent(bob, lease, client_of):
    part = client_of(bob).get(page_of(lease), headers={"hx-request": "true"}).content.decode()
    assert "<kb-reader" in part
    assert "<html" not in part


def test_a_pdf_opens_at_the_page_and_box_of_the_passage(bob, collection, client_of):
    document = factories.make_document(collection, "Lease.pdf", texts=["one", "two"])
    with system_scope("test: where it stands on the page"):
        DocumentVersion.objects.filter(document=document).update(media_type="application/pdf")
        chunk = Chunk.objects.get(version=document.current_id, page=2)
        Chunk.objects.filter(pk=chunk.pk).update(boxes=[[2, 0.1, 0.2, 0.9, 0.3]])
    page = client_of(bob).get(page_of(document, chunk=str(chunk.pk))).content.decode()
    assert 'data-kind="pdf"' in page
    assert 'data-page="2"' in page
    assert f'data-boxes="{json.dumps([[2, 0.1, 0.2, 0.9, 0.3]])}"' in page


@pytest.mark.parametrize("version", ["garbage", "00000000-0000-7000-8000-000000000000"])
def test_a_version_that_is_not_there_is_not_found(bob, lease, client_of, version):
    assert client_of(bob).get(page_of(lease, v=version)).status_code == 404


def test_nonsense_in_the_address_opens_the_first_page(bob, lease, client_of):
    page = client_of(bob).get(page_of(lease, page="seven", chunk="x"))
    assert page.status_code == 200
    assert 'data-page="1"' in page.content.decode()


def test_an_older_version_says_that_it_is_old(bob, lease, client_of):
    with system_scope("test: a second version"):
        older = lease.current
        newer = factories.make_version(lease, texts=["Six years."], data=b"six", number=2)
        lease.current = newer
        lease.save()
    page = client_of(bob).get(page_of(lease, v=str(older.pk))).content.decode()
    assert "a newer one has taken its place" in page


def test_the_page_names_who_may_open_it(bob, lease, client_of):
    page = client_of(bob).get(page_of(lease)).content.decode()
    assert "bob" in page


def test_rows_of_a_table_are_marked_by_themselves(lease):
    with system_scope("test: look"):
        text = text_of(lease.current, "Unit | Fee\nCU-40 | 655")
    table = next(block for part in text.parts for block in part.blocks if block.rows)
    assert [is_cited for _cells, is_cited in table.rows] == [True, False, True]
    assert table.rows[2][0] == ("CU-40", "655")


def test_a_phrase_that_stands_twice_is_marked_where_most_of_the_passage_is(lease):
    far = [Block(BlockKind.TEXT, f"Clause {number} says something else.") for number in range(5)]
    with system_scope("test: the phrase once more, far away"):
        parsed.keep(lease.current, [*BLOCKS[:2], *far, BLOCKS[3]])
        text = text_of(lease.current, "The lease runs for three years. Notice is ninety days.")
    blocks = [block for part in text.parts for block in part.blocks]
    assert [block.is_cited for block in blocks] == [False, True, *[False] * 6]


def test_markup_in_a_document_is_text(bob, collection, client_of):
    document = factories.make_document(collection, "Evil.md")
    with system_scope("test: hostile text"):
        version = DocumentVersion.objects.get(document=document)
        DocumentVersion.objects.filter(pk=version.pk).update(media_type="text/markdown")
        version.refresh_from_db()
        parsed.keep(version, [Block(BlockKind.TEXT, "<img src=x onerror=alert(1)>")])
    page = client_of(bob).get(page_of(document)).content.decode()
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


# --- pictures -------------------------------------------------------------------------------------
@pytest.fixture
def letter(collection):
    """A picture of a letter, recognised, with one passage at a place."""
    document = factories.make_document(collection, "Letter.png", texts=["Notice is ninety days."])
    with system_scope("test: what was read of it"):
        DocumentVersion.objects.filter(document=document).update(media_type="image/png")
        Chunk.objects.filter(document=document).update(boxes=[[1, 0.1, 0.2, 0.6, 0.25]], page=1)
        blobs.path_of(document.current.sha256).parent.mkdir(parents=True, exist_ok=True)
        blobs.path_of(document.current.sha256).write_bytes(b"\x89PNG\r\n\x1a\n<script>")
    return document


def test_a_picture_is_shown_with_the_passage_marked_on_it(bob, letter, client_of):
    page = client_of(bob).get(page_of(letter, chunk=str(chunk_of(letter).pk))).content.decode()
    assert re.search(r'<img src="/d/[^"]+/content\?v=[^"]+" alt="Letter.png"', page)
    assert '<rect class="cited" x="0.1000" y="0.2000" width="0.5000" height="0.0500"/>' in page
    plain = client_of(bob).get(page_of(letter)).content.decode()
    assert "<img" in plain
    assert "<rect" not in plain


def test_a_picture_is_pixels_and_nothing_else(bob, carol, letter, client_of):
    path = reverse("documents:content", args=[letter.pk])
    answer = client_of(bob).get(path)
    assert answer.getvalue()
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Disposition"].startswith("attachment")
    assert client_of(carol).get(path).status_code == 404


@pytest.mark.parametrize("media_type", ["image/tiff", "image/svg+xml", "text/html"])
def test_what_browsers_do_not_draw_or_would_run_is_only_saved(bob, letter, client_of, media_type):
    with system_scope("test: another kind"):
        DocumentVersion.objects.filter(document=letter).update(media_type=media_type)
    answer = client_of(bob).get(reverse("documents:content", args=[letter.pk]))
    assert answer.getvalue()
    assert answer["Content-Type"] == "application/octet-stream"


def test_a_picture_that_could_not_be_read_is_not_drawn(bob, letter, client_of):
    with system_scope("test: as if it had failed"):
        DocumentVersion.objects.filter(document=letter).update(chunk_count=0)
    assert "<img" not in client_of(bob).get(page_of(letter)).content.decode()
