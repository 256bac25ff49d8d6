"""Documents through the API, as each kind of caller."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.documents.models import Document
from apps.permissions.roles import KeyScope, Role
from apps.permissions.scope import system_scope
from tests import factories
from tests.apps.api.conftest import code_of

NOTICE = "The notice period is three months."
NOTICE_BYTES = NOTICE.encode()


def _file(name="notice.txt", content=NOTICE_BYTES):
    return SimpleUploadedFile(name, content)


# --- adding --------------------------------------------------------------------------------------
def test_a_file_is_taken_at_once_and_waits_to_be_read(
    alice, collection, api_of, sent_jobs, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = api_of(alice).upload(f"collections/{collection.pk}/documents", {"file": _file()})
    assert answer.status_code == 202
    (document,) = answer.json()["documents"]
    assert (document["name"], document["state"]) == ("notice.txt", "queued")
    assert document["error"] is None
    assert ("documents.parse", {"run_id": document["run"]["id"]}) in sent_jobs


def test_with_wait_a_text_comes_back_searchable(alice, collection, api_of, inline_jobs):
    mine = api_of(alice)
    body = {"text": NOTICE, "name": "Notice", "wait": 5, "metadata": {"a": 1}}
    answer = mine.post(f"collections/{collection.pk}/documents", body)
    (document,) = answer.json()["documents"]
    assert (document["state"], document["version"], document["chunks"]) == ("ready", 1, 1)
    assert document["metadata"] == {"a": 1}
    hits = mine.post("search", {"query": "notice period"}).json()["hits"]
    assert hits[0]["document"]["id"] == document["id"]


def test_several_files_come_in_one_request(alice, collection, api_of):
    files = [_file("one.txt", b"one"), _file("two.txt", b"two")]
    answer = api_of(alice).upload(f"collections/{collection.pk}/documents", {"file": files})
    assert [each["name"] for each in answer.json()["documents"]] == ["one.txt", "two.txt"]


def test_one_bad_file_does_not_lose_the_others(alice, collection, api_of):
    files = [_file("good.txt"), _file("setup.exe", b"MZ\x90\x00\x03"), _file("empty.txt", b"")]
    answer = api_of(alice).upload(f"collections/{collection.pk}/documents", {"file": files})
    assert answer.status_code == 202
    assert [each["name"] for each in answer.json()["documents"]] == ["good.txt"]
    refused = {each["name"]: each["error"]["code"] for each in answer.json()["refused"]}
    assert refused == {"setup.exe": "UNSUPPORTED", "empty.txt": "EMPTY"}


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("setup.exe", b"MZ\x90\x00\x03", 415, "UNSUPPORTED"),
        ("empty.txt", b"", 422, "EMPTY"),
        ("report.pdf", b"not a pdf at all", 422, "UNREADABLE"),
    ],
)
def test_a_bad_file_is_refused_with_its_code(
    alice, collection, api_of, name, content, status, code
):
    answer = api_of(alice).upload(
        f"collections/{collection.pk}/documents", {"file": _file(name, content)}
    )
    assert (answer.status_code, code_of(answer)) == (status, code)
    with system_scope("test: nothing is left"):
        assert not Document.objects.exists()


def test_a_name_that_climbs_is_only_a_name(alice, collection, api_of):
    answer = api_of(alice).post(
        f"collections/{collection.pk}/documents", {"text": "x", "name": "../../etc/<script>.txt"}
    )
    assert answer.json()["documents"][0]["name"] == "<script>.txt"


def test_the_same_external_id_makes_a_version_and_the_same_bytes_nothing(alice, collection, api_of):
    mine, path = api_of(alice), f"collections/{collection.pk}/documents"

    def send(text):
        body = {"text": text, "name": "n", "external_id": "erp-7"}
        return mine.post(path, body).json()["documents"][0]

    first, same, second = send("one"), send("one"), send("two")
    assert first["id"] == same["id"] == second["id"]
    assert [each["is_duplicate"] for each in (first, same, second)] == [False, True, False]
    assert second["is_new_version"] is True
    found = mine.get(f"{path}?external_id=erp-7").json()["items"]
    assert [each["id"] for each in found] == [first["id"]]


def test_a_taken_name_asks_unless_told_what_to_do(alice, collection, api_of):
    mine, path = api_of(alice), f"collections/{collection.pk}/documents"
    first = mine.post(path, {"text": "one", "name": "n.txt"}).json()["documents"][0]
    asked = mine.post(path, {"text": "two", "name": "n.txt"})
    assert (asked.status_code, code_of(asked)) == (409, "NAME_TAKEN")
    assert asked.json()["error"]["details"]["document"] == first["id"]
    told = mine.post(path, {"text": "two", "name": "n.txt", "on_existing": "rename"})
    assert told.json()["documents"][0]["name"] == "n (2).txt"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "url": "https://example.com", "name": "n"},
        {"text": "without a name"},
        {"text": "a", "name": "n", "wait": 3600},
        {"text": "a", "name": "n", "metadata": ["not", "an", "object"]},
        {"text": "a", "name": "n", "metadata": {"long": "x" * 20000}},
        {"text": "a", "name": "n", "on_existing": "guess"},
    ],
)
def test_a_wrong_shape_is_refused_and_names_its_fields(alice, collection, api_of, body):
    answer = api_of(alice).post(f"collections/{collection.pk}/documents", body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")
    assert answer.json()["error"]["details"]["fields"]


def test_a_character_that_no_text_can_have_is_refused(alice, collection, api_of):
    body = {"text": "null\u0000byte", "name": "n"}
    answer = api_of(alice).post(f"collections/{collection.pk}/documents", body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_a_body_that_is_no_json_is_refused(alice, collection, api_of):
    program = api_of(alice)
    for kind, content in (("application/json", b"{"), ("text/xml", b"<a/>")):
        answer = program.client.post(
            f"/api/v1/collections/{collection.pk}/documents",
            BytesIO(content).read(),
            content_type=kind,
            headers=program.headers,
        )
        assert answer.status_code in {400, 415}
        assert code_of(answer) == "BAD_REQUEST"


def test_a_private_address_is_not_fetched(alice, collection, api_of):
    body = {"url": "http://127.0.0.1:1/secret"}
    answer = api_of(alice).post(f"collections/{collection.pk}/documents", body)
    assert code_of(answer) == "ADDRESS_REFUSED"


def test_a_viewer_cannot_add_and_a_stranger_finds_nothing(bob, carol, collection, api_of):
    path, body = f"collections/{collection.pk}/documents", {"text": "x", "name": "n"}
    viewer, stranger = api_of(bob), api_of(carol)
    assert code_of(viewer.post(path, body)) == "FORBIDDEN"
    assert code_of(viewer.upload(path, {"file": _file()})) == "FORBIDDEN"
    assert code_of(stranger.post(path, body)) == "NOT_FOUND"
    assert code_of(stranger.get(path)) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("scope", "status"),
    [(KeyScope.READ, 403), (KeyScope.ASK, 403), (KeyScope.WRITE, 202), (KeyScope.ALL, 202)],
)
def test_only_a_key_for_writing_adds(alice, collection, api_of, scope, status):
    body = {"text": "x", "name": "n"}
    path = f"collections/{collection.pk}/documents"
    assert api_of(alice, scope=scope).post(path, body).status_code == status


# --- reading -------------------------------------------------------------------------------------
def test_a_document_tells_its_state_and_versions(bob, collection, api_of):
    document = factories.make_document(collection, "lease.txt", external_id="L1")
    found = api_of(bob).get(f"documents/{document.pk}").json()
    assert (found["state"], found["pages"], found["chunks"]) == ("ready", 2, 2)
    assert found["external_id"] == "L1"
    assert [(each["number"], each["is_current"]) for each in found["versions"]] == [(1, True)]


def test_passages_come_in_reading_order(bob, collection, api_of):
    document = factories.make_document(collection, texts=[f"part {n}" for n in range(5)])
    viewer, path = api_of(bob), f"documents/{document.pk}/chunks?limit=2"
    seen = []
    while path:
        found = viewer.get(path).json()
        seen += found["items"]
        path = found["next"]
    assert [row["text"] for row in seen] == [f"part {n}" for n in range(5)]
    assert [row["page"] for row in seen] == [1, 2, 3, 4, 5]


def test_an_older_version_is_read_by_its_number(alice, collection, api_of):
    document = factories.make_document(collection)
    factories.make_version(document, texts=["newer"], data=b"newer", number=2)
    mine, path = api_of(alice), f"documents/{document.pk}"
    assert [v["number"] for v in mine.get(f"{path}/versions").json()["items"]] == [2, 1]
    assert mine.get(f"{path}/chunks?version=2").json()["items"][0]["text"] == "newer"
    assert mine.get(f"{path}/chunks?version=9").status_code == 404
    for wrong in ("x", "-1", "9" * 5000, "٣"):
        assert mine.get(f"{path}/chunks?version={wrong}").status_code == 400


def test_the_file_comes_back_byte_for_byte_and_never_as_a_page(bob, collection, api_of):
    document = factories.make_document(collection, "<b>.html", data=b"<script>alert(1)</script>")
    answer = api_of(bob).get(f"documents/{document.pk}/content")
    assert answer.getvalue() == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=6-", 206, b"6789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=20-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=" + "9" * 5000 + "-", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("pages=1", 200, b"0123456789"),
    ],
)
def test_a_part_of_the_file_is_given(bob, collection, api_of, wanted, status, content):
    document = factories.make_document(collection, data=b"0123456789")
    answer = api_of(bob).get(f"documents/{document.pk}/content", Range=wanted)
    assert (answer.status_code, answer.getvalue()) == (status, content)


def test_an_unchanged_file_is_not_sent_again(bob, collection, api_of):
    document = factories.make_document(collection)
    viewer, path = api_of(bob), f"documents/{document.pk}/content"
    first = viewer.get(path)
    assert first.getvalue()
    tag = first["ETag"]
    assert viewer.get(path, If_None_Match=tag).status_code == 304


def test_documents_are_listed_by_state(alice, collection, api_of):
    factories.make_document(collection, "ready.txt")
    mine, path = api_of(alice), f"collections/{collection.pk}/documents"
    mine.post(path, {"text": "x", "name": "waiting.txt"})

    def names(state):
        return [row["name"] for row in mine.get(f"{path}?state={state}").json()["items"]]

    assert names("ready") == ["ready.txt"]
    assert names("queued") == ["waiting.txt"]
    assert names("failed") == []


def test_the_balance_of_a_collection_accounts_for_every_document(alice, bob, collection, api_of):
    factories.make_document(collection)
    mine, path = api_of(alice), f"collections/{collection.pk}"
    mine.post(f"{path}/documents", {"text": "x", "name": "waiting.txt"})
    wanted = {"received": 2, "searchable": 1, "not_valid": 0, "waiting": 1, "failed": 0}
    wanted |= {"seconds_left": None}
    assert mine.get(f"{path}/balance").json() == wanted
    assert api_of(bob).get(f"{path}/balance").json() == wanted


def test_the_balance_of_what_one_may_not_read_is_not_there(bob, carol, other_collection, api_of):
    for user in (bob, carol):
        answer = api_of(user).get(f"collections/{other_collection.pk}/balance")
        assert code_of(answer) == "NOT_FOUND"


# --- changing and removing -----------------------------------------------------------------------
def test_a_document_is_renamed_and_read_again(alice, collection, api_of):
    document = factories.make_document(collection, "a.txt")
    factories.make_document(collection, "b.txt")
    mine, path = api_of(alice), f"documents/{document.pk}"
    assert mine.patch(path, {"name": "c.txt"}).json()["name"] == "c.txt"
    assert code_of(mine.patch(path, {"name": "b.txt"})) == "NAME_TAKEN"
    assert mine.post(f"{path}/retry").json()["state"] == "queued"


def test_a_removed_document_is_gone_and_leaves_a_receipt(alice, collection, api_of):
    document = factories.make_document(collection)
    mine, path = api_of(alice), f"documents/{document.pk}"
    answer = mine.delete(path)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert mine.get(path).status_code == 404
    assert mine.post("search", {"query": "notice period"}).json()["hits"] == []
    receipt = mine.get(f"deletions/{answer.json()['id']}").json()
    assert receipt["document"] == str(document.pk)


def test_a_viewer_changes_nothing_and_a_stranger_sees_nothing(
    alice, bob, carol, collection, api_of
):
    document = factories.make_document(collection)
    gone = factories.make_document(collection)
    receipt = api_of(alice).delete(f"documents/{gone.pk}").json()["id"]
    path = f"documents/{document.pk}"
    for user, status in ((bob, 403), (carol, 404)):
        program = api_of(user)
        writes = [
            program.patch(path, {"name": "x"}),
            program.delete(path),
            program.post(f"{path}/retry"),
        ]
        assert {answer.status_code for answer in writes} == {status}
    stranger = api_of(carol)
    for tail in ("", "/chunks", "/content", "/versions"):
        assert code_of(stranger.get(path + tail)) == "NOT_FOUND"
    assert code_of(stranger.get(f"deletions/{receipt}")) == "NOT_FOUND"


def test_a_contributor_by_grant_adds_and_removes(carol, collection, api_of):
    factories.make_grant(collection, carol, role=Role.CONTRIBUTOR)
    program = api_of(carol)
    added = program.post(f"collections/{collection.pk}/documents", {"text": "x", "name": "n"})
    document = added.json()["documents"][0]["id"]
    assert program.delete(f"documents/{document}").status_code == 202


def test_nobody_without_a_key_reaches_a_document(nobody, collection):
    document = factories.make_document(collection)
    for path in (f"documents/{document.pk}", f"collections/{collection.pk}/documents"):
        assert code_of(nobody.get(path)) == "NOT_SIGNED_IN"
