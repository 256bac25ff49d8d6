"""Pages that were recognised are kept for their document, and go with it."""

import gzip
import json
from pathlib import Path
from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.documents import services
from apps.documents.deletion import reconcile
from apps.documents.models import DeletionReceipt, Document, DocumentVersion
from apps.documents.runs import parsed
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from apps.workspaces.services import delete_collection
from tests.apps.documents.conftest import As, add, searched
from tests.samples import sample

pytestmark = pytest.mark.usefixtures("inline_jobs")


def pages(document: Document) -> list[Path]:
    return sorted(parsed.pages_of(document.pk).glob("*"))


def reworded(page: Path) -> None:
    """Another text in what is kept of a page: whoever says it has not looked at the page."""
    said = json.loads(gzip.decompress(page.read_bytes()))
    said["pieces"] = [["Kept words of this page.", *rest] for _text, *rest in said["pieces"][:1]]
    page.write_bytes(gzip.compress(json.dumps(said).encode()))


def read_again(document: Document) -> None:
    version = DocumentVersion.objects.get(document=document)
    parsed.remove(version.sha256)
    services.retry(document=document)


def test_a_page_is_not_recognised_again_when_its_file_is_read_again(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        (page,) = pages(document)
        reworded(page)
        read_again(document)
        assert "Kept words" in searched("kept words page", collection)


def test_a_page_that_is_in_the_next_version_too_is_not_recognised_again(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        reworded(pages(document)[0])
        new = sample("scan_half.pdf") + b"% another file with the same pages"
        add(collection, new, "lease.pdf", on_existing="version")
        assert len(pages(document)) == 1
        assert "Kept words" in searched("kept words page", collection)


def test_a_page_of_another_document_is_looked_at_itself(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        reworded(pages(document)[0])
        new = sample("scan_half.pdf") + b"% another file with the same pages"
        other = add(collection, new, "other.pdf").document
        assert "Kept words" not in searched("kept words page", collection)
        assert len(pages(other)) == 1


def test_a_page_that_is_kept_broken_is_recognised_again(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        pages(document)[0].write_bytes(b"half of it")
        read_again(document)
        assert "人民币八千六百元" in searched("八千六百元", collection)


def test_pages_go_with_their_document_and_the_receipt_counts_them(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        services.delete_document(document=document)
    assert not parsed.pages_of(document.pk).exists()
    with system_scope("test: read the receipt"):
        receipt = DeletionReceipt.objects.get()
    assert (receipt.removed["recognised"], receipt.remaining["recognised"]) == (1, 0)
    assert receipt.done_at is not None


def test_pages_go_with_their_collection(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
        delete_collection(collection=collection)
    assert not parsed.pages_of(document.pk).exists()
    with system_scope("test: read the receipt"):
        assert DeletionReceipt.objects.get().removed["recognised"] == 1


def test_pages_of_no_document_are_found_and_removed_at_night(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection, sample("scan_half.pdf"), "lease.pdf").document
    stray = parsed.pages_of(uuid4())
    stray.mkdir(parents=True)
    (stray / "page.json.gz").write_bytes(b"x")
    with system_scope("test: at night"):
        assert reconcile.run(is_repairing=True).differences["stray_pages"] == 1
    assert not stray.exists()
    assert len(pages(document)) == 1
