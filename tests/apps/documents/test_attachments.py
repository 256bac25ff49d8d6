"""Files attached to a mail: documents of their own that come, change and go with it."""

import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.documents import ingest, services
from apps.documents.arrival.attachments import DEEPEST
from apps.documents.models import DeletionReceipt, Document, DocumentVersion
from apps.engines import factory
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests.apps.api.conftest import Program
from tests.apps.documents.conftest import As, Killed, add, searched
from tests.apps.documents.manual import work_off
from tests.apps.engines.test_mail import mail

pytestmark = pytest.mark.usefixtures("db")

CONTRACT = "The notice period of this contract is ninety days."


def offer(*files: tuple[str, str], subject: str = "Offer", text: str = "See below.") -> bytes:
    message = mail(subject, text)
    for name, content in files:
        attach(message, name, content.encode())
    return bytes(message)


def attach(message: EmailMessage, name: str, content: bytes) -> None:
    message.add_attachment(content, "application", "octet-stream", filename=name)


def work_all_off() -> None:
    """Mails in mails: each reading may bring more to read."""
    for _ in range(DEEPEST + 1):
        work_off()


def put(as_: As, person: User, collection: Collection, data: bytes) -> Document:
    """The mail, after everything that waits was worked off."""
    with as_(person):
        document = add(collection, data, "in/offer.eml", on_existing="version").document
    work_all_off()
    return document


def attached(document: Document) -> list[str]:
    with system_scope("test: look"):
        rows = Document.objects.filter(parent=document).order_by("name")
        return list(rows.values_list("name", flat=True))


def left(document: Document) -> list[list[str]]:
    with system_scope("test: look"):
        version = DocumentVersion.objects.filter(document=document).order_by("-number")[0]
        return (version.attachments or {}).get("left", [])


def test_an_attachment_is_a_document_below_its_mail_and_is_found(
    as_: As, dora: User, bob: User, collection: Collection
) -> None:
    mail = put(
        as_, dora, collection, offer(("contract.txt", CONTRACT), ("附件.md", "# 检修\n\n阀门"))
    )
    assert attached(mail) == ["offer/contract.txt", "offer/附件.md"]
    with as_(bob):
        found = Document.objects.get(name="offer/contract.txt")
        assert found.current is not None
        assert found.owner == dora
        assert searched("notice period", collection).count("ninety days") == 1
        assert "contract.txt" in searched("contract.txt", collection)


def test_what_is_attached_stands_once_in_the_index_and_by_name_in_its_mail(
    as_: As, dora: User, collection: Collection
) -> None:
    document = put(as_, dora, collection, offer(("contract.txt", CONTRACT)))
    with system_scope("test: look"):
        whole = "\n".join(document.versions.get().chunks.values_list("text", flat=True))
    assert "contract.txt" in whole
    assert "ninety days" not in whole


def test_strangers_see_neither_the_mail_nor_what_is_attached(
    as_: As, dora: User, carol: User, collection: Collection
) -> None:
    put(as_, dora, collection, offer(("contract.txt", CONTRACT)))
    with as_(carol):
        assert not Document.objects.exists()


def test_a_new_version_changes_adds_and_removes_attachments(
    as_: As, dora: User, collection: Collection
) -> None:
    first = offer(("a.txt", "Old words of a."), ("gone.txt", "This one goes."))
    document = put(as_, dora, collection, first)
    second = offer(("a.txt", "New words of a."), ("new.txt", "This one is new."))
    put(as_, dora, collection, second)
    assert attached(document) == ["offer/a.txt", "offer/new.txt"]
    with as_(dora):
        assert Document.objects.get(name="offer/a.txt").versions.count() == 2
        assert "New words" in searched("words of a", collection)
        assert "Old words" not in searched("words of a", collection)
        assert "This one goes" not in searched("one goes", collection)
        assert DeletionReceipt.objects.filter(name="offer/gone.txt").exists()


def test_reading_a_mail_again_makes_nothing_twice(
    as_: As, dora: User, collection: Collection
) -> None:
    document = put(as_, dora, collection, offer(("a.txt", "One."), ("a.txt", "Two.")))
    with as_(dora):
        services.retry(document=document)
    work_all_off()
    assert attached(document) == ["offer/a (2).txt", "offer/a.txt"]
    with as_(dora):
        assert {one.versions.count() for one in Document.objects.all()} == {1}


def test_a_worker_killed_between_attachments_leaves_none_out_and_none_double(
    as_: As, dora: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_(dora):
        added = add(
            collection,
            offer(("a.txt", "One."), ("b.txt", "Two."), ("c.txt", "Three.")),
            "offer.eml",
        )
    whole, seen = services.add_version, []

    def dies(**fields: object) -> services.Added:
        seen.append(fields["name"])
        if len(seen) == 2:
            raise Killed
        return whole(**fields)  # type: ignore[arg-type]

    with system_scope("test: a worker"):
        monkeypatch.setattr(services, "add_version", dies)
        with pytest.raises(Killed):
            ingest.parse(added.run.pk)
        monkeypatch.undo()
        services.IngestRun.objects.filter(pk=added.run.pk).update(state="queued", lease_until=None)
    work_all_off()
    assert len(attached(added.document)) == 3
    with as_(dora):
        assert Document.objects.count() == 4


def test_deleting_a_mail_takes_its_attachments_out_of_search_at_once(
    as_: As, dora: User, bob: User, collection: Collection
) -> None:
    document = put(as_, dora, collection, offer(("contract.txt", CONTRACT)))
    with as_(dora):
        services.delete_document(document=document)
        names = set(DeletionReceipt.objects.values_list("name", flat=True))
    assert names == {"offer.eml", "offer/contract.txt"}
    with as_(bob):
        assert not Document.objects.exists()
        assert searched("notice period", collection) == ""


def test_an_attachment_deleted_by_hand_stays_away_until_the_mail_changes(
    as_: As, dora: User, collection: Collection
) -> None:
    document = put(as_, dora, collection, offer(("a.txt", "One."), ("b.txt", "Two.")))
    with as_(dora):
        services.delete_document(document=Document.objects.get(name="offer/a.txt"))
        services.retry(document=document)
    work_all_off()
    assert attached(document) == ["offer/b.txt"]
    assert left(document) == [["a.txt", "ATTACHMENT_REMOVED"]]
    put(as_, dora, collection, offer(("a.txt", "One."), ("b.txt", "Two."), text="Sent again."))
    assert attached(document) == ["offer/a.txt", "offer/b.txt"]


def test_what_cannot_be_a_document_is_said_with_its_reason(
    as_: As, dora: User, collection: Collection, client_of: Callable[[User], Client]
) -> None:
    message = mail("Offer")
    attach(message, "setup.exe", b"MZ" + bytes(100))
    attach(message, "c.pdf", b"not a pdf")
    attach(message, "empty.txt", b"")
    message.add_attachment(b"\x89PNG" + bytes(50), "image", "png", filename="logo.png")
    document = put(as_, dora, collection, bytes(message))
    assert attached(document) == []
    assert left(document) == [
        ["setup.exe", "UNSUPPORTED"],
        ["c.pdf", "UNREADABLE"],
        ["empty.txt", "UNREADABLE"],
    ]
    page = client_of(dora).get(f"/d/{document.pk}").content.decode()
    assert "setup.exe" in page
    assert "Not a kind that is read" in page


def test_a_failed_attachment_has_its_own_row_and_the_mail_answers(
    as_: As, dora: User, collection: Collection
) -> None:
    message = mail("Offer", CONTRACT)
    attach(message, "broken.docx", b"PK\x03\x04" + bytes(200))
    document = put(as_, dora, collection, bytes(message))
    with as_(dora):
        assert "ninety days" in searched("notice period", collection)
    assert attached(document) == []
    assert left(document)[0][0] == "broken.docx"


def test_mails_in_mails_are_documents_to_a_depth_and_then_part_of_the_last(
    as_: As, dora: User, collection: Collection
) -> None:
    message = mail("level 5", CONTRACT)
    for number in range(4, -1, -1):
        around = mail(f"level {number}", f"Words of level {number}.")
        around.add_attachment(message)
        message = around
    put(as_, dora, collection, bytes(message))
    with as_(dora):
        assert Document.objects.count() == 4
        assert "ninety days" in searched("notice period", collection)


def test_a_folder_of_mails_gives_the_files_of_all(
    as_: As, dora: User, collection: Collection
) -> None:
    mails = [offer((f"{n}.txt", f"File {n}."), subject=f"Mail {n}") for n in (1, 2)]
    data = b"\n".join(b"From ann Fri May  1 08:00:00 2026\n" + each for each in mails)
    with as_(dora):
        document = add(collection, data, "box.mbox").document
    work_all_off()
    assert attached(document) == ["box/1.txt", "box/2.txt"]


def test_the_api_names_the_mail_and_lists_what_is_attached(
    as_: As, dora: User, carol: User, collection: Collection, api_of: Callable[[User], Program]
) -> None:
    message = mail("Offer")
    attach(message, "a.txt", b"One.")
    attach(message, "setup.exe", b"MZ" + bytes(100))
    document = put(as_, dora, collection, bytes(message))
    path = f"/api/v1/collections/{collection.pk}/documents?parent={document.pk}"
    (one,) = api_of(dora).get(path).json()["items"]
    assert (one["name"], one["parent"], one["state"]) == ("offer/a.txt", str(document.pk), "ready")
    (version,) = api_of(dora).get(f"/api/v1/documents/{document.pk}").json()["versions"]
    assert [each["code"] for each in version["left_out"]] == ["UNSUPPORTED"]
    assert api_of(dora).get(path + "x").status_code == 400
    assert api_of(carol).get(path).status_code == 404


def test_pages_lead_from_a_mail_to_its_attachments_and_back(
    as_: As, dora: User, collection: Collection, client_of: Callable[[User], Client]
) -> None:
    document = put(as_, dora, collection, offer(("a.txt", "One.")))
    with as_(dora):
        child = Document.objects.get(parent=document)
    browser = client_of(dora)
    assert f"/d/{child.pk}" in browser.get(f"/d/{document.pk}").content.decode()
    assert f"/d/{document.pk}" in browser.get(f"/d/{child.pk}").content.decode()
    listed = browser.get(f"/k/{collection.pk}/").content.decode()
    assert "attached to offer.eml" in listed


def test_nothing_of_a_deleted_mail_is_left_in_the_index(
    as_: As, dora: User, collection: Collection, inline_jobs: None
) -> None:
    with as_(dora):
        document = add(collection, offer(("contract.txt", CONTRACT)), "offer.eml").document
        child = Document.objects.get(parent=document)
        versions = [document.versions.get().pk, child.versions.get().pk]
        services.delete_document(document=document)
    with system_scope("test: look"):
        assert [factory.index().count(str(pk)) for pk in versions] == [0, 0]
        assert not Document.with_deleted.exists()


def test_members_of_an_attached_archive_are_documents_and_bombs_are_left(
    as_: As, dora: User, collection: Collection
) -> None:
    packed, bomb = BytesIO(), BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("2025/contract.txt", CONTRACT)
        archive.writestr("../outside.txt", "no")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(200_000_000))
    message = mail("Offer")
    attach(message, "files.zip", packed.getvalue())
    attach(message, "bomb.zip", bomb.getvalue())
    document = put(as_, dora, collection, bytes(message))
    assert attached(document) == ["offer/files.zip/2025/contract.txt"]
    assert {tuple(each) for each in left(document)} == {
        ("files.zip/../outside.txt", "OUTSIDE_PATH"),
        ("bomb.zip", "ARCHIVE_TOO_LARGE"),
    }


def test_two_attachments_of_one_long_name_are_two_documents(
    as_: As, dora: User, collection: Collection
) -> None:
    name = "合同" * 60 + ".txt"
    document = put(as_, dora, collection, offer((name, "One."), (name, "Two."), (name, "Three.")))
    assert len(set(attached(document))) == 3


def test_a_mail_that_is_deleted_while_it_is_read_leaves_no_attachment(
    as_: As, dora: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_(dora):
        added = add(collection, offer(("a.txt", "One."), ("b.txt", "Two.")), "offer.eml")
    whole = services.add_version

    def deleted_meanwhile(**fields: object) -> services.Added:
        if fields["name"] == "b.txt":
            with as_(dora):
                services.delete_document(document=Document.objects.get(pk=added.document.pk))
        return whole(**fields)  # type: ignore[arg-type]

    with system_scope("test: a worker"), monkeypatch.context() as patched:
        patched.setattr(services, "add_version", deleted_meanwhile)
        ingest.parse(added.run.pk)
    with as_(dora):
        assert not Document.objects.exists()


def test_a_mail_in_a_mail_does_not_begin_its_limits_anew(
    as_: As, dora: User, collection: Collection, settings: Any
) -> None:
    """The inner one alone would be allowed what it holds; with what is beside it that is too much."""
    beside = [(f"beside {number}.txt", f"{CONTRACT} {number}" * 40) for number in range(3)]
    inner = offer(*((f"inner {number}.txt", f"{CONTRACT} {number}" * 40) for number in range(3)))
    outer = mail("Outer", "See below.")
    for name, content in beside:
        attach(outer, name, content.encode())
    attach(outer, "inner.eml", inner)
    settings.ARCHIVE_MAX_BYTES = len(inner) + 4 * len(beside[0][1])
    top = put(as_, dora, collection, bytes(outer))
    assert "offer/inner.eml" in attached(top)
    with system_scope("test: look"):
        below = Document.objects.get(name="offer/inner.eml")
    assert [code for _, code in left(top)] == []
    assert "ARCHIVE_TOO_LARGE" in {code for _, code in left(below)}
    assert len(attached(below)) < 3
