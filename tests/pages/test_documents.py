"""The pages of a collection: what a manager, a viewer and a stranger see and may do there."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.documents.models import Document, IngestRun
from apps.permissions.scope import system_scope
from tests import factories

pytestmark = pytest.mark.django_db


def at(name, pk):
    return reverse(f"documents:{name}", args=[pk])


def sent(client, collection, *, name="Lease.txt", data=b"The lease runs for three years.", **more):
    file = SimpleUploadedFile(name, data)
    return client.post(
        reverse("intake:upload", args=[collection.pk]),
        {"file": file, "name": name, **more},
        headers={"accept": "application/json"},
    )


def failed(document, code="ENCRYPTED"):
    with system_scope("test: a file that failed"):
        Document.objects.filter(pk=document.pk).update(current=None)
        runs = IngestRun.objects.filter(document=document)
        runs.update(state=IngestRun.State.FAILED, stage=IngestRun.Stage.PARSE, error_code=code)


# --- the list -------------------------------------------------------------------------------------
def test_a_manager_is_offered_to_upload_and_a_viewer_is_not(alice, bob, collection, client_of):
    page = at("list", collection.pk)
    assert "<kb-upload" in client_of(alice).get(page).content.decode()
    assert "<kb-upload" not in client_of(bob).get(page).content.decode()


def test_to_a_stranger_the_collection_does_not_exist(carol, collection, client_of):
    for name in ("list", "rows"):
        assert client_of(carol).get(at(name, collection.pk)).status_code == 404


def test_rows_say_their_state_and_why_they_failed(alice, collection, client_of):
    factories.make_document(collection, "Ready.txt")
    failed(factories.make_document(collection, "Locked.pdf", data=b"other"))
    page = client_of(alice).get(at("list", collection.pk)).content.decode()
    assert "Searchable" in page
    assert "Needs its password" in page
    assert "Save it without one and upload it again." in page
    assert page.index("received") < page.index("need")


def test_a_name_is_text_and_never_markup(alice, collection, client_of):
    factories.make_document(collection, '<script>alert("x")</script>.txt')
    page = client_of(alice).get(at("list", collection.pk)).content.decode()
    assert '<script>alert("x")' not in page
    assert "&lt;script&gt;alert(&quot;x&quot;)" in page


def test_the_list_is_narrowed_by_name_and_by_state(alice, collection, client_of):
    factories.make_document(collection, "Lease Berlin.txt")
    failed(factories.make_document(collection, "Lease Paris.txt", data=b"other"))
    rows = client_of(alice).get(at("rows", collection.pk), {"q": "berlin"}).content.decode()
    assert "Lease Berlin" in rows
    assert "Lease Paris" not in rows
    rows = client_of(alice).get(at("rows", collection.pk), {"state": "failed"}).content.decode()
    assert "Lease Berlin" not in rows
    assert "Lease Paris" in rows


def test_nonsense_in_the_filter_narrows_nothing(alice, collection, client_of):
    factories.make_document(collection, "Lease.txt")
    wild = {"state": "no such state", "page": "minus one"}
    assert "Lease.txt" in client_of(alice).get(at("rows", collection.pk), wild).content.decode()


def test_rows_that_are_fetched_again_bring_the_balance_with_them(alice, collection, client_of):
    factories.make_document(collection)
    page = client_of(alice).get(at("rows", collection.pk), headers={"hx-request": "true"})
    assert 'id="balance"' in page.content.decode()
    assert f'id="count-{collection.pk}" hx-swap-oob="true">1<' in page.content.decode()


def test_a_long_list_comes_in_pages(alice, collection, client_of, settings):
    for number in range(52):
        factories.make_document(collection, f"Report {number:02}.txt", is_indexed=False)
    first = client_of(alice).get(at("list", collection.pk)).content.decode()
    assert first.count("<tr id=") == 50
    second = client_of(alice).get(at("rows", collection.pk), {"page": 2}).content.decode()
    assert second.count("<tr id=") == 2


def test_the_number_of_queries_does_not_grow_with_the_list(
    alice, collection, client_of, django_assert_max_num_queries
):
    for number in range(12):
        factories.make_document(collection, f"Report {number}.txt", is_indexed=False)
    client = client_of(alice)
    with django_assert_max_num_queries(20):
        client.get(at("list", collection.pk))


# --- adding ---------------------------------------------------------------------------------------
def test_an_upload_makes_a_document(alice, collection, client_of):
    response = sent(client_of(alice), collection)
    assert response.status_code == 201
    with system_scope("test: look"):
        assert Document.objects.get(pk=response.json()["document"]).name == "Lease.txt"


def test_the_same_bytes_again_make_nothing_new(alice, collection, client_of):
    client = client_of(alice)
    sent(client, collection)
    again = sent(client, collection)
    assert again.status_code == 200
    assert again.json()["is_duplicate"] is True


def test_a_taken_name_asks_and_the_answer_decides(alice, collection, client_of):
    client = client_of(alice)
    first = sent(client, collection).json()["document"]
    asked = sent(client, collection, data=b"The lease runs for five years.")
    assert asked.status_code == 409
    assert asked.json()["error"]["code"] == "NAME_TAKEN"
    version = sent(client, collection, data=b"Five years.", on_existing="version")
    assert version.json()["document"] == first
    other = sent(client, collection, data=b"Six years.", on_existing="rename")
    assert other.json()["document"] != first


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("Setup.exe", b"MZ\x90\x00", 415, "UNSUPPORTED"),
        ("Nothing.txt", b"", 422, "EMPTY"),
    ],
)
def test_a_file_that_is_refused_says_why(alice, collection, client_of, name, data, status, code):
    response = sent(client_of(alice), collection, name=name, data=data)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    with system_scope("test: look"):
        assert not Document.objects.exists()


def test_an_upload_without_a_file_is_not_understood(alice, collection, client_of):
    response = client_of(alice).post(
        reverse("intake:upload", args=[collection.pk]),
        {"name": "x"},
        headers={"accept": "application/json"},
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BAD_REQUEST"


def test_a_viewer_cannot_upload_and_a_stranger_finds_nothing(bob, carol, collection, client_of):
    refused = sent(client_of(bob), collection)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "FORBIDDEN"
    assert sent(client_of(carol), collection).status_code == 404
    with system_scope("test: look"):
        assert not Document.objects.exists()


def test_a_pasted_text_closes_its_dialog(alice, collection, client_of):
    response = client_of(alice).post(
        at("text", collection.pk), {"name": "Note", "text": "Parking is free."}
    )
    assert response.status_code == 204
    assert json.loads(response["HX-Trigger"])["close-dialog"] == "add-text"


def test_an_empty_text_is_refused_in_the_form(alice, collection, client_of):
    response = client_of(alice).post(at("text", collection.pk), {"name": "Note", "text": ""})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()


def test_a_private_address_is_refused_in_the_form(alice, collection, client_of):
    response = client_of(alice).post(
        reverse("intake:url", args=[collection.pk]), {"url": "http://127.0.0.1/x"}
    )
    assert response.status_code == 422
    assert "only public http and https addresses" in response.content.decode()


# --- one document ---------------------------------------------------------------------------------
def test_deleting_takes_a_document_out_of_the_list(alice, collection, client_of):
    document = factories.make_document(collection, "Lease.txt")
    client = client_of(alice)
    response = client.post(at("delete", document.pk))
    assert response.status_code == 302
    assert "Lease.txt" not in client.get(at("list", collection.pk)).content.decode()
    assert client.get(at("document", document.pk)).status_code == 404


def test_a_viewer_deletes_renames_and_retries_nothing(bob, collection, client_of):
    document = factories.make_document(collection, "Lease.txt")
    for name in ("delete", "rename", "retry"):
        response = client_of(bob).post(at(name, document.pk), {"name": "Mine.txt"})
        assert response.status_code == 403, name
    with system_scope("test: look"):
        assert Document.objects.get(pk=document.pk).name == "Lease.txt"


def test_a_name_that_is_taken_is_refused_in_the_form(alice, collection, client_of):
    factories.make_document(collection, "Lease.txt")
    other = factories.make_document(collection, "Other.txt", data=b"other")
    response = client_of(alice).post(at("rename", other.pk), {"name": "Lease.txt"})
    assert response.status_code == 422
    assert "Another document of this collection has this name." in response.content.decode()


def test_trying_again_shows_the_row_waiting(alice, collection, client_of):
    document = factories.make_document(collection, "Lease.txt")
    failed(document, "GAVE_UP")
    row = client_of(alice).post(at("retry", document.pk)).content.decode()
    assert "Waiting to be read" in row


def test_the_original_is_sent_in_ranges_and_never_run(alice, carol, collection, client_of):
    page = b"<script>alert(1)</script> and more"
    document = factories.make_document(collection, "Page.html", data=page)
    client = client_of(alice)
    whole = client.get(at("content", document.pk))
    assert b"".join(whole.streaming_content) == page
    assert whole["Content-Type"] == "application/octet-stream"
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in whole["Content-Security-Policy"]
    assert whole["Content-Disposition"].startswith("attachment")
    part = client.get(at("content", document.pk), headers={"range": "bytes=3-7"})
    assert part.status_code == 206
    assert b"".join(part.streaming_content) == page[3:8]
    assert client_of(carol).get(at("content", document.pk)).status_code == 404
