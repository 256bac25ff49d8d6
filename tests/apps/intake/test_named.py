"""Archives that a program sends with an external_id: the newest one says what there is."""

import zipfile
from concurrent.futures import wait
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import ErrorCode
from apps.documents import services as documents
from apps.documents.models import DeletionReceipt, Document
from apps.intake import archives, unpack, upkeep
from apps.intake.models import Unpacking
from apps.permissions.scope import system_scope
from apps.sources import push
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As
from tests.apps.documents.test_uploads_that_meet import Pause, pausing
from tests.apps.engines.test_archives import zipped
from tests.apps.intake.conftest import stored_documents
from tests.apps.intake.test_unpacking import put, worked_off
from tests.apps.sources.conftest import refusal
from tests.samples import sample

pytestmark = pytest.mark.django_db
TWO = {"a.txt": b"The pump.", "b/c.txt": b"The valve."}


def sent(collection: Collection, files: dict[str, bytes], name: str = "erp-7") -> Unpacking:
    return worked_off(put(collection, zipped(files), "dossier.zip", external_id=name))


def ids() -> list[str]:
    with system_scope("test: look"):
        return sorted(Document.objects.values_list("external_id", flat=True))


def test_files_have_ids_below_that_of_the_archive(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        sent(collection, TWO, "erp-8")
    assert ids() == ["erp-7!/a.txt", "erp-7!/b/c.txt", "erp-8!/a.txt", "erp-8!/b/c.txt"]
    assert stored_documents()[:2] == ["dossier/a (2).txt", "dossier/a.txt"]


def test_the_next_archive_of_the_id_replaces_the_documents(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        row = sent(collection, {"a.txt": b"The pump, new.", "d.txt": b"More."})
        assert Document.objects.get(name="dossier/a.txt").versions.count() == 2
    assert (row.taken, row.same) == (2, 0)
    assert ids() == ["erp-7!/a.txt", "erp-7!/d.txt"]
    assert DeletionReceipt.objects.get().name == "dossier/b/c.txt"


def test_a_file_that_cannot_be_taken_this_time_stays_as_it_was(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        row = sent(collection, {"a.txt": b"", "b/c.txt": b"The valve."})
    assert (row.same, row.left) == (1, 1)
    assert ids() == ["erp-7!/a.txt", "erp-7!/b/c.txt"]


def test_a_broken_archive_changes_nothing(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        sent(collection, TWO)
        broken = zipped(TWO)[:60]
        row = worked_off(put(collection, broken, "dossier.zip", external_id="erp-7"))
    assert row.state == "failed"
    assert len(ids()) == 2


def test_a_newer_archive_of_the_id_overtakes_one_that_waits(
    as_: As, alice: User, collection: Collection, django_capture_on_commit_callbacks: Any
) -> None:
    with as_(alice):
        old = put(collection, zipped(TWO), "dossier.zip", external_id="erp-7")
        with django_capture_on_commit_callbacks(execute=True):
            new = put(collection, zipped({"z.txt": b"Z."}), "dossier.zip", external_id="erp-7")
    with system_scope("test: as a job"):
        unpack.unpack(new.pk)
        unpack.unpack(old.pk)
    assert ids() == ["erp-7!/z.txt"]


def test_removing_the_id_removes_all_of_it(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        sent(collection, TWO)
        sent(collection, TWO, "erp-8")
        push.remove_one(collection=collection, external_id="erp-7")
        assert not Unpacking.objects.filter(external_id="erp-7").exists()
    assert ids() == ["erp-8!/a.txt", "erp-8!/b/c.txt"]
    assert DeletionReceipt.objects.count() == 2


def test_a_removed_archive_that_still_waits_never_comes(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        waiting = put(collection, zipped({"z.txt": b"Z."}), "dossier.zip", external_id="erp-7")
        push.remove_one(collection=collection, external_id="erp-7")
    with system_scope("test: as a job"):
        unpack.unpack(waiting.pk)
    assert ids() == []


def test_a_list_of_what_exists_names_archives(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        for name in ("erp-1", "erp-2", "erp-3"):
            sent(collection, TWO, name)
        done = push.settle(collection=collection, external_ids=["erp-1", "erp-2"])
    assert (done.kept, len(done.removed), done.unknown) == (4, 2, [])
    assert not [each for each in ids() if each.startswith("erp-3")]


def test_a_plain_file_takes_the_place_of_an_archive_and_back(
    as_: As, alice: User, collection: Collection, client: Client
) -> None:
    with as_(alice):
        sent(collection, TWO)
        file = SimpleUploadedFile("dossier.txt", b"All of it.")
        archives.take(collection=collection, file=file, name="dossier.txt", external_id="erp-7")
        assert ids() == ["erp-7"]
        sent(collection, TWO)
    assert ids() == ["erp-7!/a.txt", "erp-7!/b/c.txt"]


def test_an_id_without_room_for_names_is_refused(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        error = refusal(lambda: put(collection, zipped(TWO), external_id="x" * 200))
    assert error.code == ErrorCode.BAD_REQUEST


def test_a_very_long_name_inside_has_a_short_id(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, {f"{'x' * 200}.txt": b"Long."}, "e" * 170)
        sent(collection, {f"{'x' * 200}.txt": b"Long, new."}, "e" * 170)
        assert Document.objects.get().versions.count() == 2
    assert len(ids()[0]) <= 255


def test_what_came_of_a_named_archive_is_known_longer(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        row = sent(collection, TWO)
    with system_scope("test: as a job"):
        Unpacking.objects.update(finished_at=row.created_at - upkeep.SHOWN * 2)
        upkeep.sweep()
        assert Unpacking.objects.get() == row


def test_what_lies_in_an_archive_inside_that_is_broken_now_stays_as_it_was(
    as_: As, alice: User, collection: Collection
) -> None:
    inner, long = zipped(TWO | {f"{'x' * 200}.txt": b"Long."}), "e" * 170
    with as_(alice):
        sent(collection, {"in.zip": inner, "gone.txt": b"Soon.", "a.txt": b"The pump."}, long)
        before = ids()
        sent(collection, {"in.zip": inner[:60], "a.txt": b"The pump."}, long)
    assert set(before) - set(ids()) == {f"{long}!/gone.txt"}


def test_the_rest_of_what_an_archive_inside_held_stays_when_its_name_is_too_long(
    as_: As, alice: User, collection: Collection
) -> None:
    inner, name = zipped(TWO), f"{'x' * 90}.zip"
    with as_(alice):
        sent(collection, {name: inner, "a.txt": b"The pump."}, "e" * 170)
        before = ids()
        sent(collection, {name: inner[:60], "a.txt": b"The pump."}, "e" * 170)
    assert ids() == before


def test_ids_that_differ_in_capitals_are_two_archives(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO, "Ab3")
        sent(collection, TWO, "aB3")
        sent(collection, {"a.txt": b"The pump."}, "Ab3")
        assert ids() == ["Ab3!/a.txt", "aB3!/a.txt", "aB3!/b/c.txt"]
        push.settle(collection=collection, external_ids=["Ab3"], prefix="A")
    assert len(ids()) == 3


def test_a_list_that_names_one_file_of_an_archive_keeps_that_file(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        done = push.settle(collection=collection, external_ids=["erp-7!/a.txt"])
    assert [each.external_id for each in done.removed] == ["erp-7!/b/c.txt"]
    assert ids() == ["erp-7!/a.txt"]


def test_a_list_of_one_folder_of_an_archive_leaves_the_others_alone(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        sent(collection, TWO)
        push.settle(collection=collection, external_ids=[], prefix="erp-7!/b/", remove=1)
    assert ids() == ["erp-7!/a.txt"]


def test_a_first_archive_that_is_removed_while_it_waits_never_comes(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        waiting = put(collection, zipped(TWO), "dossier.zip", external_id="erp-7")
        assert push.remove_one(collection=collection, external_id="erp-7") is None
        with pytest.raises(Document.DoesNotExist):
            push.remove_one(collection=collection, external_id="erp-7")
    with system_scope("test: as a job"):
        unpack.unpack(waiting.pk)
    assert ids() == []


def test_an_archive_that_failed_is_nothing_to_remove(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        row = worked_off(put(collection, zipped(TWO)[:60], "dossier.zip", external_id="erp-7"))
        with pytest.raises(Document.DoesNotExist):
            push.remove_one(collection=collection, external_id="erp-7")
        assert Unpacking.objects.get() == row


def test_an_archive_that_is_overtaken_removes_nothing_more(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = documents.delete_document

    def overtaken(**values: Any) -> Any:
        Unpacking.objects.filter(state="running").delete()
        return delete(**values)

    with as_(alice):
        sent(collection, TWO | {"d.txt": b"More."})
        last = put(collection, zipped({"a.txt": b"The pump."}), "dossier.zip", external_id="erp-7")
        monkeypatch.setattr(documents, "delete_document", overtaken)
        with system_scope("test: as a job"):
            unpack.unpack(last.pk)
    assert len(ids()) == 2


def test_a_packed_pdf_at_the_beginning_makes_no_archive_a_document(
    as_: As, alice: User, collection: Collection
) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("lease.pdf", sample("sample.pdf"))
    with as_(alice):
        worked_off(put(collection, out.getvalue(), "dossier.zip", external_id="erp-7"))
    assert ids() == ["erp-7!/lease.pdf"]


@pytest.mark.django_db(transaction=True)
def test_of_two_archives_of_one_id_that_arrive_at_once_one_waits(
    alice: User, collection: Collection
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: its uploads do not meet")
    pause, texts = Pause('INSERT INTO "intake_unpacking"'), iter((b"1", b"2"))

    def upload() -> Any:
        return put(collection, zipped({"a.txt": next(texts)}), "a.zip", external_id="erp-7")

    with pausing(pause, alice, upload) as (held, begin):
        other = begin()
        wait([other], timeout=1)  # it waits for the first one, or is done
        pause.over.set()
        newest = max((held.result(20), other.result(20)), key=lambda row: row.created_at)
    with system_scope("test: look"):
        assert Unpacking.objects.get() == newest
