"""What is left of edits after another reading, a new version, another recipe, a deletion."""

from typing import Any
from uuid import UUID

import pytest

from apps.accounts.models import User
from apps.documents import ingest, services
from apps.documents.models import Chunk, Document
from apps.documents.passages import edits
from apps.documents.passages import services as passages
from apps.documents.passages.models import CollectionRecipe, PassageChange, PassageEdit
from apps.engines import factory
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add
from tests.apps.documents.manual import MANUAL, chunks, found, new_version, texts, work_off

pytestmark = pytest.mark.usefixtures("db")


# --- surviving ------------------------------------------------------------------------------------
def changed(as_: As, dora: User, manual: Document) -> tuple[UUID, UUID]:
    """The notice is edited, the cooling disabled, a passage added behind it."""
    notice, cooling, _ = chunks(manual)
    with as_(dora):
        passages.edit(document=manual, chunk_id=notice.pk, text="Sixty days.", number=0)
        passages.enable(document=manual, chunk_id=cooling.pk, is_enabled=False, number=0)
        passages.add(document=manual, after=cooling.pk, text="Heating units are not.")
    work_off()
    return notice.pk, cooling.pk


EXPECTED = ["Sixty days.", "Heating units are not.", "Invoices are paid within thirty days."]


def shown(document: Document) -> list[str]:
    return [chunk.text for chunk in chunks(document) if not chunk.is_disabled]


def test_edits_survive_another_reading_of_the_same_file(
    as_: As, dora: User, manual: Document
) -> None:
    changed(as_, dora, manual)
    with as_(dora):
        services.retry(document=manual)
    work_off()
    assert shown(manual) == EXPECTED
    assert factory.index().count(str(manual.current_id)) == 3


def test_edits_survive_a_new_version_where_the_text_is_the_same(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    changed(as_, dora, manual)
    new_version(as_, dora, collection, MANUAL.replace(b"thirty", b"forty") + b"\n# More\n\nMore.\n")
    assert shown(manual)[:2] == EXPECTED[:2]
    assert "forty" in shown(manual)[2]


def test_an_edit_of_a_text_that_changed_waits_for_a_person_and_is_not_lost(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    changed(as_, dora, manual)
    new_version(as_, dora, collection, MANUAL.replace(b"ninety", b"hundred"))
    assert "hundred" in shown(manual)[0]
    with as_(dora):
        (unfit,) = edits.unfit(Document.objects.get(pk=manual.pk))
        assert (unfit.edit.text, "ninety" in unfit.edit.origin) == ("Sixty days.", True)
        assert unfit.nearest is not None
        assert "hundred" in unfit.nearest.text
        passages.carry_over(
            document=manual, edit_id=unfit.edit.pk, chunk_id=unfit.nearest.pk, number=1
        )
        assert not edits.unfit(manual)
    assert shown(manual)[0] == "Sixty days."
    assert "hundred" in chunks(manual)[0].origin


def test_an_edit_that_no_longer_fits_can_be_given_up_and_keeps_its_history(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    changed(as_, dora, manual)
    new_version(as_, dora, collection, MANUAL.replace(b"ninety", b"hundred"))
    with as_(dora):
        (unfit,) = edits.unfit(Document.objects.get(pk=manual.pk))
        passages.give_up(document=manual, edit_id=unfit.edit.pk, number=1)
        assert not edits.unfit(Document.objects.get(pk=manual.pk))
        assert PassageChange.objects.filter(edit=unfit.edit).count() == 2


def test_an_edit_fits_again_when_its_text_comes_back(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    changed(as_, dora, manual)
    new_version(as_, dora, collection, MANUAL.replace(b"ninety", b"hundred"))
    new_version(as_, dora, collection, MANUAL + b"\nAnd so on.\n")
    assert shown(manual)[0] == "Sixty days."


def test_of_equal_passages_only_the_one_that_was_edited_changes(
    as_: As, dora: User, collection: Collection
) -> None:
    with as_(dora):
        added = add(collection, b"# A\n\nSee the annex.\n\n# B\n\nSee the annex.\n", "twice.md")
    work_off()
    with as_(dora):
        passages.edit(
            document=added.document, chunk_id=chunks(added.document)[1].pk, text="No.", number=0
        )
        services.retry(document=added.document)
    work_off()
    assert texts(added.document) == ["See the annex.", "No."]


def test_an_edit_while_a_new_version_is_on_its_way_is_in_both(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    with as_(dora):
        new = add(collection, MANUAL + b"\n# More\n\nMore.\n", "manual.md", on_existing="version")
    with system_scope("test: it is read, not embedded"):
        ingest.parse(new.run.pk)
    with as_(dora):
        passages.edit(document=manual, chunk_id=chunks(manual)[0].pk, text="Zebra.", number=0)
    assert texts(manual)[0] == "Zebra."
    work_off()
    with as_(dora):
        assert Document.objects.get(pk=manual.pk).current_id == new.version.pk
        assert "Zebra." in found("zebra", collection)
    assert len(texts(manual)) == 4
    assert texts(manual)[0] == "Zebra."


# --- another recipe -------------------------------------------------------------------------------
def test_a_document_that_is_cut_anew_answers_with_its_old_passages_until_the_new_are_indexed(
    as_: As,
    dora: User,
    bob: User,
    manual: Document,
    collection: Collection,
    workspace: Any,
) -> None:
    old = {chunk.pk for chunk in chunks(manual)}
    with system_scope("test: other settings"):
        CollectionRecipe.objects.create(
            collection=collection, workspace=workspace, size=100, headings=False
        )
    with as_(dora):
        run = services.retry(document=manual)
    with system_scope("test: it is read, not embedded"):
        ingest.parse(run.pk)
    with as_(bob):
        assert found("notice period", collection)
        assert Chunk.objects.filter(version=manual.current_id).count() == 4
    assert {chunk.pk for chunk in chunks(manual)} == old
    work_off()
    assert len(chunks(manual)) == 1
    with as_(bob):
        assert Chunk.objects.filter(version=manual.current_id).count() == 1
        assert found("notice period", collection)


# --- deleting -------------------------------------------------------------------------------------
def test_deleting_a_document_erases_its_edits_and_the_receipt_counts_them(
    as_: As, dora: User, manual: Document
) -> None:
    from apps.documents.deletion import erase  # noqa: PLC0415 - beside its only use

    changed(as_, dora, manual)
    with as_(dora):
        receipt = services.delete_document(document=manual)
    with system_scope("test: the clean-up"):
        erase.clean_up(receipt.pk)
        receipt.refresh_from_db()
        assert receipt.removed["edits"] == 3
        assert receipt.removed["chunks"] == 4
        assert receipt.remaining["edits"] == 0
        assert not PassageEdit.objects.exists()
        assert not PassageChange.objects.exists()
        assert not Chunk.with_disabled.exists()
