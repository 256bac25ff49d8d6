"""An archive becomes documents: what is taken, what is left, twice, killed, and as whom."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents import services as documents
from apps.documents.arrival import members
from apps.documents.models import Document, DocumentVersion
from apps.documents.queries import balance
from apps.intake import archives, parts, unpack, upkeep
from apps.intake.models import Unpacking
from apps.permissions.roles import Role
from apps.permissions.scope import ScopeDenied, system_scope
from apps.workspaces.models import Collection, CollectionGrant
from apps.workspaces.services import delete_collection
from tests import factories
from tests.apps.documents.conftest import As, searched
from tests.apps.engines.test_archives import sevened, tarred, zipped
from tests.apps.intake.conftest import Tus, stored_documents

FILES = {
    "north/readme.txt": b"The pump of the north hall is inspected in May.",
    "south/readme.txt": b"The valve of the south hall is inspected in June.",
    "setup.exe": b"MZ",
    "__MACOSX/._x": b"x",
    "broken.pdf": b"no PDF",
}
SignIn = Callable[[User], Client]


def put(collection: Collection, data: bytes, name: str = "halls.zip", **said: Any) -> Unpacking:
    taken = archives.take(collection=collection, file=BytesIO(data), name=name, **said)
    assert isinstance(taken, Unpacking)
    return taken


def worked_off(unpacking: Unpacking) -> Unpacking:
    """What a worker does with it."""
    with system_scope("test: as a job"):
        unpack.unpack(unpacking.pk)
        return Unpacking.objects.get(pk=unpacking.pk)


def left_behind() -> list[str]:
    return [path.name for path in parts.folder().iterdir()]


@pytest.mark.parametrize(
    ("name", "make"), [("halls.zip", zipped), ("halls.tar.gz", tarred), ("halls.7z", sevened)]
)
def test_each_member_that_is_read_is_found_by_its_words(
    inline_jobs: None, as_: As, alice: User, collection: Collection, name: str, make: Any
) -> None:
    with as_(alice):
        row = Unpacking.objects.get(pk=put(collection, make(FILES), name).pk)
        assert (row.state, row.found, row.taken, row.same, row.left) == ("done", 5, 2, 0, 3)
        assert dict(row.reasons) == {
            "setup.exe": "UNSUPPORTED",
            "__MACOSX/._x": "HIDDEN_FILE",
            "broken.pdf": "UNREADABLE",
        }
        assert "north hall" in searched("pump", collection)
        counts = balance(collection)
        assert (counts.received, counts.searchable, counts.failed) == (2, 2, 0)
        assert {each.owner_id for each in Document.objects.all()} == {alice.pk}
    assert stored_documents() == ["north/readme.txt", "south/readme.txt"]
    assert left_behind() == []


def test_the_same_archive_again_makes_nothing_new(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = worked_off(put(collection, zipped(FILES)))
        again = worked_off(put(collection, zipped(FILES)))
    assert (first.taken, first.same) == (2, 0)
    assert (again.taken, again.same, again.left) == (0, 2, 3)
    with system_scope("test"):
        assert DocumentVersion.objects.count() == 2


def test_an_archive_that_still_waits_is_not_queued_twice(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        assert put(collection, zipped(FILES)).pk == put(collection, zipped(FILES)).pk
        assert len(left_behind()) == 1


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the product may catch it."""


def test_a_worker_killed_in_the_middle_doubles_nothing_and_loses_nothing(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.txt": f"About hall {n}.".encode() for n in range(6)}
    with as_(alice):
        row = put(collection, zipped(files))
    calls: list[str] = []
    real = unpack._added

    def dies_at_the_fourth(row: Unpacking, name: str, path: Path) -> Any:
        calls.append(name)
        if len(calls) == 4:
            raise Killed
        return real(row, name, path)

    with monkeypatch.context() as patch:
        patch.setattr(unpack, "_added", dies_at_the_fourth)
        with pytest.raises(Killed):
            worked_off(row)
    assert len(stored_documents()) == 3
    with system_scope("test: a minute passes"):
        unpack.unpack(row.pk)
        assert Unpacking.objects.get(pk=row.pk).state == "running", "it is held still"
        Unpacking.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    done = worked_off(row)
    assert (done.state, done.found, done.taken, done.same) == ("done", 6, 6, 0)
    assert stored_documents() == sorted(files)
    with system_scope("test"):
        assert DocumentVersion.objects.count() == 6
    assert left_behind() == []


def test_an_archive_that_stops_every_worker_is_set_aside(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_arguments: Any, **_more: Any) -> None:
        raise Killed

    with as_(alice):
        row = put(collection, zipped(FILES))
    with monkeypatch.context() as patch:
        patch.setattr(unpack, "_add", dies)
        for _ in range(unpack.MOST_ATTEMPTS):
            with pytest.raises(Killed):
                worked_off(row)
            with system_scope("test: a minute passes"):
                Unpacking.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    done = worked_off(row)
    assert (done.state, done.error_code) == ("failed", "GAVE_UP")
    assert left_behind() == []


def test_lost_messages_are_sent_again(
    as_: As,
    alice: User,
    collection: Collection,
    sent_jobs: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with as_(alice):
        row = put(collection, zipped(FILES))
    wanted = ("intake.unpack", {"unpacking_id": str(row.pk)})
    with system_scope("test: the clock"):
        with django_capture_on_commit_callbacks(execute=True):
            upkeep.sweep()
        assert wanted not in sent_jobs, "it may be on its way still"
        Unpacking.objects.update(not_before=timezone.now() - timedelta(seconds=1))
        with django_capture_on_commit_callbacks(execute=True):
            upkeep.sweep()
    assert wanted in sent_jobs


def test_a_full_disk_makes_it_wait_and_it_goes_on(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_(alice):
        row = put(collection, zipped(FILES))
    with monkeypatch.context() as patch:
        patch.setattr(members, "free", lambda _folder: 10)
        waiting = worked_off(row)
    assert (waiting.state, waiting.error_code, waiting.attempt) == ("queued", "DISK_FULL", 0)
    assert stored_documents() == []
    done = worked_off(row)
    assert (done.state, done.taken) == ("done", 2)


# --- names that are taken -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("on_existing", "names", "left"),
    [
        ("ask", ["a.txt", "b.txt"], {"a.txt": "NAME_TAKEN"}),
        ("version", ["a.txt", "b.txt"], {}),
        ("rename", ["a (2).txt", "a.txt", "b.txt"], {}),
    ],
)
def test_a_name_that_is_taken_is_decided_for_all(
    as_: As, alice: User, collection: Collection, on_existing: Any, names: Any, left: Any
) -> None:
    with as_(alice):
        documents.add_version(collection=collection, file=BytesIO(b"An older text."), name="a.txt")
        data = zipped({"a.txt": b"A newer text.", "b.txt": b"Another."})
        for attempt in range(2):
            row = worked_off(put(collection, data, on_existing=on_existing))
            assert dict(row.reasons) == left
            assert row.taken + row.same == 2 - len(left)
            assert stored_documents() == names, attempt


def test_two_members_of_one_name_are_two_documents_each_time(
    as_: As, alice: User, collection: Collection
) -> None:
    data = zipped({"x/a.txt": b"The first.", "x//a.txt": b"The second."})
    with as_(alice):
        for _ in range(2):
            worked_off(put(collection, data))
    assert stored_documents() == ["x/a (2).txt", "x/a.txt"]


# --- refused --------------------------------------------------------------------------------------
def test_an_office_file_named_like_an_archive_is_a_document(
    as_: As, alice: User, collection: Collection
) -> None:
    data = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    with as_(alice):
        taken = archives.take(collection=collection, file=BytesIO(data), name="Report.zip")
    assert isinstance(taken, documents.Added)
    assert taken.version.media_type.endswith("wordprocessingml.document")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.7z", "a.tar"])
def test_what_is_only_named_like_an_archive_is_refused_at_once(
    as_: As, alice: User, collection: Collection, name: str
) -> None:
    with as_(alice), pytest.raises(AppError) as refused:
        put(collection, b"no archive at all", name)
    assert refused.value.code == "UNREADABLE"
    assert not parts.folder().exists() or left_behind() == []


@pytest.mark.parametrize(
    ("files", "code"),
    [({}, "EMPTY"), ({"setup.exe": b"MZ"}, "UNSUPPORTED"), ({"a.exe": b"x", ".b": b"x"}, "")],
)
def test_an_archive_of_which_nothing_is_taken_says_why(
    as_: As, alice: User, collection: Collection, files: Any, code: str
) -> None:
    with as_(alice):
        row = worked_off(put(collection, zipped(files)))
    assert (row.state, row.error_code) == ("failed" if code else "done", code)
    assert row.found == row.taken + row.same + row.left


def test_a_bomb_fails_with_its_reason_and_leaves_nothing(
    as_: As, alice: User, collection: Collection, settings: Any
) -> None:
    settings.ARCHIVE_MAX_BYTES = 1024 * 1024
    with as_(alice):
        row = worked_off(put(collection, zipped({"a.txt": bytes(2 * 1024 * 1024)})))
    assert (row.state, row.error_code) == ("failed", "ARCHIVE_TOO_LARGE")
    assert left_behind() == []
    assert stored_documents() == []


# --- rights ---------------------------------------------------------------------------------------
def test_a_viewer_and_a_stranger_may_not(
    as_: As, bob: User, carol: User, collection: Collection
) -> None:
    for person in (bob, carol):
        with as_(person), pytest.raises(ScopeDenied):
            put(collection, zipped(FILES))


def test_a_right_that_was_taken_away_meanwhile_adds_nothing(
    as_: As, collection: Collection
) -> None:
    dora = factories.make_user()
    grant = factories.make_grant(collection, dora, role=Role.CONTRIBUTOR)
    with as_(dora):
        row = put(collection, zipped(FILES))
    with system_scope("test: her right is taken away"):
        CollectionGrant.objects.filter(pk=grant.pk).update(role=Role.VIEWER)
    done = worked_off(row)
    assert (done.state, done.error_code) == ("failed", "FORBIDDEN")
    assert stored_documents() == []


def test_what_is_being_unpacked_goes_with_its_collection(
    as_: As, alice: User, collection: Collection, django_capture_on_commit_callbacks: Any
) -> None:
    with as_(alice):
        row = put(collection, zipped(FILES))
        with django_capture_on_commit_callbacks(execute=True):
            delete_collection(collection=Collection.objects.get(pk=collection.pk))
    assert left_behind() == []
    with system_scope("test: its message comes late"):
        unpack.unpack(row.pk)


# --- by page and by API ---------------------------------------------------------------------------
def test_the_page_shows_what_came_of_it(
    inline_jobs: None, client_of: SignIn, alice: User, bob: User, collection: Collection
) -> None:
    browser = client_of(alice)
    file = SimpleUploadedFile("halls.zip", zipped(FILES))
    sent = browser.post(f"/k/{collection.pk}/upload", {"file": file, "name": "halls.zip"})
    assert sent.status_code == 201
    pk = sent.json()["unpacking"]
    shown = browser.get(f"/k/{collection.pk}/unpackings").content.decode()
    assert "halls.zip" in shown
    assert "2 files taken · 3 left out" in " ".join(shown.split())
    assert "This kind of file is not read" in shown
    reader = client_of(bob)
    assert "halls.zip" in reader.get(f"/k/{collection.pk}/unpackings").content.decode()
    assert reader.post(f"/unpackings/{pk}/forget").status_code == 403
    assert "halls.zip" not in browser.post(f"/unpackings/{pk}/forget").content.decode()
    assert stored_documents() == ["north/readme.txt", "south/readme.txt"]


def test_the_api_answers_with_the_archive_and_then_with_what_came_of_it(
    inline_jobs: None, sender: Tus, collection: Collection
) -> None:
    files = [
        SimpleUploadedFile("halls.zip", zipped(FILES)),
        SimpleUploadedFile("plain.txt", b"A plain text."),
    ]
    address = f"/api/v1/collections/{collection.pk}/documents"
    sent = sender.ask("post", address, data={"file": files}).json()
    assert [each["name"] for each in sent["documents"]] == ["plain.txt"]
    (row,) = sent["unpackings"]
    told = sender.ask("get", f"/api/v1/unpackings/{row['id']}").json()
    assert (told["state"], told["found"], told["taken"], told["left"]) == ("done", 5, 2, 3)
    reasons = {each["name"]: each["error"]["code"] for each in told["left_out"]}
    assert reasons["setup.exe"] == "UNSUPPORTED"
    listed = sender.ask("get", f"/api/v1/collections/{collection.pk}/unpackings").json()
    assert [each["id"] for each in listed["items"]] == [row["id"]]
    assert sender.ask("delete", f"/api/v1/unpackings/{row['id']}").status_code == 204
    assert sender.ask("get", f"/api/v1/unpackings/{row['id']}").status_code == 404


def test_an_archive_in_pieces_is_unpacked_too(
    inline_jobs: None, sender: Tus, collection: Collection
) -> None:
    data = zipped(FILES)
    address = sender.at(collection, "halls.zip", len(data))
    sender.send(address, data)
    state = sender.state(address)
    assert (state["state"], state["document"]) == ("taken", None)
    told = sender.ask("get", f"/api/v1/unpackings/{state['unpacking']}").json()
    assert told["taken"] == 2


def test_an_external_id_names_the_archive_and_its_documents_have_theirs_below_it(
    inline_jobs: None, sender: Tus, collection: Collection
) -> None:
    file = SimpleUploadedFile("halls.zip", zipped(FILES))
    address = f"/api/v1/collections/{collection.pk}/documents"
    answer = sender.ask("post", address, data={"file": file, "external_id": "x"}).json()
    assert answer["unpackings"][0]["external_id"] == "x"
    there = sender.ask("get", f"/api/v1/collections/{collection.pk}/external-ids").json()
    said = {each["external_id"] for each in there["items"]}
    assert said == {"x!/north/readme.txt", "x!/south/readme.txt"}
