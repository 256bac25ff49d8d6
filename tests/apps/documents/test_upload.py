"""A file from upload to searchable, and what becomes of the second one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents import queries, services
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.engines import factory
from apps.events.models import Event
from apps.intake import archives
from apps.permissions.scope import ScopeDenied, entered
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.documents.conftest import As, add, nothing_stored, searched
from tests.samples import sample


def test_an_uploaded_file_is_searchable(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = add(collection)
        document = Document.objects.get(pk=added.document.pk)
        assert queries.state_of(document) == "ready"
        assert document.current_id == added.version.pk
        assert "ninety days" in searched("notice period", collection)
        assert "ninety days" in queries.blocks_of(added.version)[0].text
        assert queries.balance(collection) == queries.Balance(1, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "words", "page"),
    [
        ("sample.pdf", "ninety days", 1),
        ("sample.pdf", "万分之五", 3),
        ("sample.docx", "总经理", None),
        ("sample.pptx", "inspected", 1),
        ("sample.xlsx", "Nordwind", None),
        ("sample.html", "Trains", None),
        ("sample.md", "十五分钟", None),
        ("sample.txt", "invoices", None),
        ("sample_gb18030.txt", "发票", None),
        ("sample.csv", "valve", None),
    ],
)
def test_each_type_is_found_on_its_page(
    inline_jobs: None,
    as_: As,
    alice: User,
    collection: Collection,
    name: str,
    words: str,
    page: int | None,
) -> None:
    with as_(alice):
        added = add(collection, sample(name), name)
        assert words in searched(words, collection)
        chunk = Chunk.objects.filter(version=added.version, text__contains=words)[0]
        assert chunk.page == page


def test_the_upload_itself_only_stores_and_queues(
    as_: As,
    alice: User,
    collection: Collection,
    sent_jobs: list[tuple[str, dict[str, str]]],
    django_capture_on_commit_callbacks: object,
) -> None:
    with as_(alice), django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        added = add(collection)
    assert ("documents.parse", {"run_id": str(added.run.pk)}) in sent_jobs
    with as_(alice):
        assert queries.state_of(added.document) == "queued"
        assert queries.balance(collection).waiting == 1
        assert Event.objects.get(kind="document.added").collection_id == collection.pk


def test_a_contributor_may_add_a_viewer_and_a_stranger_may_not(
    as_: As, dora: User, bob: User, carol: User, collection: Collection
) -> None:
    with as_(dora):
        assert add(collection).document.owner_id == dora.pk
    for person in (bob, carol):
        with as_(person), pytest.raises(ScopeDenied):
            add(collection, b"another text", "other.txt")


def test_a_viewer_changes_nothing(as_: As, alice: User, bob: User, collection: Collection) -> None:
    with as_(alice):
        document = add(collection).document
    with as_(bob):
        seen = Document.objects.get(pk=document.pk)
        for verb in (
            lambda: services.rename_document(document=seen, name="mine.txt"),
            lambda: services.delete_document(document=seen),
            lambda: services.retry(document=seen),
            lambda: services.add_text(collection=collection, text="hello", name="x"),
            lambda: archives.take_url(collection=collection, url="https://example.com"),
        ):
            with pytest.raises(ScopeDenied):
                verb()
        assert Document.objects.get(pk=document.pk).name == "notice.txt"


def test_a_stranger_cannot_see_that_the_document_exists(
    as_: As, alice: User, carol: User, collection: Collection
) -> None:
    with as_(alice):
        document = add(collection).document
    with as_(carol):
        assert not Document.objects.filter(pk=document.pk).exists()
        assert not queries.documents_with_state(collection).exists()
        assert queries.balance(collection).received == 0


# --- the second file ------------------------------------------------------------------------------
def test_the_same_bytes_again_make_nothing_new(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection)
        again = add(collection)
        assert again.is_duplicate
        assert again.version.pk == first.version.pk
        assert DocumentVersion.objects.count() == IngestRun.objects.count() == 1


def test_another_file_of_the_same_name_asks(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        first = add(collection)
        with pytest.raises(AppError) as caught:
            add(collection, b"a changed contract")
        assert caught.value.code == ErrorCode.NAME_TAKEN
        assert caught.value.status == 409
        assert caught.value.details["document"] == str(first.document.pk)
        assert DocumentVersion.objects.count() == 1


def test_answered_with_version_the_new_file_replaces_the_old_in_search(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection)
        second = add(collection, b"The notice period is sixty days.", on_existing="version")
        assert second.is_new_version
        assert second.version.number == 2
        assert "sixty" in searched("notice period", collection)
        assert "ninety" not in searched("notice period", collection)
        assert factory.index().counts([str(first.version.pk)]) == {str(first.version.pk): 0}


def test_answered_with_rename_both_are_kept(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        add(collection)
        second = add(collection, b"The notice period is sixty days.", on_existing="rename")
        third = add(collection, b"No notice period at all.", on_existing="rename")
        assert second.document.name == "notice (2).txt"
        assert third.document.name == "notice (3).txt"
        assert "sixty" in searched("notice", collection)
        assert "ninety" in searched("notice", collection)


def test_the_same_external_id_makes_a_new_version_under_any_name(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection, external_id="ERP-7", metadata={"year": 2025})
        second = add(collection, b"sixty", "other name.txt", external_id="ERP-7")
        assert second.document.pk == first.document.pk
        assert second.is_new_version
        assert second.document.metadata == {"year": 2025}
        other = add(collection, b"another", "notice.txt", external_id="ERP-8")
        assert other.document.name == "notice (2).txt"


def test_an_old_file_uploaded_again_becomes_the_newest_version(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection)
        add(collection, b"The notice period is sixty days.", on_existing="version")
        back = add(collection, on_existing="version")
        assert back.version.pk == first.version.pk
        assert back.version.number == 3
        assert Document.objects.get(pk=first.document.pk).current_id == first.version.pk
        assert "ninety" in searched("notice period", collection)
        assert "sixty" not in searched("notice period", collection)


def test_a_failed_file_uploaded_again_is_tried_again(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection, sample("scan.pdf"), "scan.pdf")
        assert queries.state_of(first.document) == "failed"
        again = add(collection, sample("scan.pdf"), "scan.pdf")
        assert again.is_duplicate
        assert again.run.pk != first.run.pk


@pytest.mark.django_db(transaction=True)
def test_ten_identical_uploads_at_once_make_one_document(
    alice: User, collection: Collection
) -> None:
    scope = scope_of(alice)

    def upload(_: int) -> bool:
        try:
            with entered(scope):
                return add(collection).is_duplicate
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        duplicates = list(pool.map(upload, range(10)))
    assert duplicates.count(False) == 1
    with entered(scope):
        assert Document.objects.count() == 1
        assert DocumentVersion.objects.count() == 1
        assert IngestRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_different_files_of_one_name_at_once_are_ten_versions(
    alice: User, collection: Collection
) -> None:
    scope = scope_of(alice)

    def upload(number: int) -> int:
        try:
            with entered(scope):
                text = f"contract number {number}".encode()
                return add(collection, text, on_existing="version").version.number
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        numbers = list(pool.map(upload, range(10)))
    assert sorted(numbers) == list(range(1, 11))


# --- other ways in --------------------------------------------------------------------------------
def test_a_pasted_text_is_a_document(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = services.add_text(
            collection=collection, text="# 食堂\n\n周五供应面条。", name="食堂安排"
        )
        assert added.document.name == "食堂安排.md"
        chunk = Chunk.objects.get(version=added.version)
        assert chunk.headings == ["食堂"]


def test_an_empty_text_is_refused(as_: As, alice: User, collection: Collection) -> None:
    with as_(alice):
        with pytest.raises(AppError) as caught:
            services.add_text(collection=collection, text=" \n ", name="x")
        assert caught.value.code == ErrorCode.EMPTY
    assert nothing_stored()


def test_a_renamed_document_keeps_its_text(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        document = services.rename_document(document=add(collection).document, name="a/b/Frist.txt")
        assert document.name == "Frist.txt"
        assert "ninety" in searched("notice", collection)
        add(collection, b"other", "other.txt")
        with pytest.raises(AppError) as caught:
            services.rename_document(document=document, name="other.txt")
        assert caught.value.code == ErrorCode.NAME_TAKEN


def test_rows_of_a_list_say_where_each_document_is(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        add(collection)
        add(collection, sample("scan.pdf"), "scan.pdf")
        rows = {row.name: row for row in queries.documents_with_state(collection)}
        assert rows["notice.txt"].state == "ready"
        assert rows["notice.txt"].current is not None
        assert rows["notice.txt"].current.chunk_count == 1
        assert rows["scan.pdf"].state == "failed"
        assert rows["scan.pdf"].error_code == "NO_TEXT"
        assert queries.balance(collection) == queries.Balance(2, 1, 0, 1)


def test_the_size_of_a_list_does_not_change_the_number_of_queries(
    as_: As, alice: User, collection: Collection, django_assert_num_queries: object
) -> None:
    with as_(alice):
        for number in range(5):
            add(collection, f"text {number}".encode(), f"{number}.txt")
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert [row.state for row in queries.documents_with_state(collection)] == ["queued"] * 5
