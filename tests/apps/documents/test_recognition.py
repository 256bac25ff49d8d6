"""What people are told of text that was recognised in pictures."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import translation

from apps.accounts.models import User
from apps.documents import queries, services
from apps.documents.models import DocumentVersion, IngestRun, LedgerEntry
from apps.documents.runs import parsed
from apps.documents.runs.recognition import recognition_of
from apps.documents.templatetags.page_words import page_numbers
from apps.engines import factory
from apps.rag.ports import Block, BlockKind
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add, searched
from tests.samples import sample

SignIn = Callable[[User], Client]


@pytest.fixture
def version(inline_jobs: None, as_: As, alice: User, collection: Collection) -> DocumentVersion:
    """Of a PDF with a page of text and a scan."""
    with as_(alice):
        return add(collection, sample("scan_half.pdf"), "lease.pdf").version


def test_a_scan_is_found_by_what_it_shows(
    version: DocumentVersion, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        assert "人民币八千六百元" in searched("八千六百元", collection)
        assert "insured against fire" in searched("insured against fire", collection)


def test_the_ledger_says_how_many_pages_were_recognised(
    version: DocumentVersion, alice: User, client_of: SignIn
) -> None:
    answer = client_of(alice).get(f"/api/v1/documents/{version.document_id}/ledger").json()
    stages = [line["stage"] for line in answer["items"]]
    assert stages[2:4] == ["recognised", "parsed"]
    line = answer["items"][2]
    assert (line["count"], line["error"]) == (1, None)
    assert line["took_ms"] > 0


def test_the_api_tells_pages_and_confidence(
    version: DocumentVersion, alice: User, bob: User, carol: User, client_of: SignIn
) -> None:
    path = f"/api/v1/documents/{version.document_id}"
    body = client_of(bob).get(path).json()
    told = body["recognition"]
    assert (told["pages"], told["of"], told["poor"]) == (1, 2, [])
    assert 0.9 < told["confidence"] <= 1
    assert body["versions"][0]["recognition"] == told
    assert client_of(carol).get(path).status_code == 404


def test_the_page_tells_pages_and_confidence_in_both_languages(
    version: DocumentVersion, alice: User, client_of: SignIn
) -> None:
    path = f"/d/{version.document_id}"
    page = client_of(alice).get(path).content.decode()
    assert re.search(r"1 of 2 pages, mean confidence (0\.9\d|1\.00)", page)
    assert "may be wrong in places" not in page
    chinese = client_of(alice).get(path, headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "共 2 页，识别 1 页，平均置信度" in chinese


def test_pages_that_read_badly_are_named(
    version: DocumentVersion, as_: As, alice: User, bob: User, client_of: SignIn
) -> None:
    with as_(alice):
        DocumentVersion.objects.update(
            recognition={"pages": 4, "of": 9, "confidence": 0.7, "poor": [2, 4, 5, 6]}
        )
    page = client_of(bob).get(f"/d/{version.document_id}").content.decode()
    assert "The text of pages 2, 4–6 was recognised in pictures and may be wrong" in page


def test_a_document_without_scans_tells_nothing_of_them(
    inline_jobs: None, as_: As, alice: User, collection: Collection, client_of: SignIn
) -> None:
    with as_(alice):
        added = add(collection, sample("sample.pdf"), "agreement.pdf")
        stages = LedgerEntry.objects.values_list("stage", flat=True)
        assert "recognised" not in stages
    path = f"/api/v1/documents/{added.document.pk}"
    assert client_of(alice).get(path).json()["recognition"] is None
    assert "OCR" not in client_of(alice).get(f"/d/{added.document.pk}").content.decode()


# --- switched off ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["scan_pages.pdf", "scan_letter.png"])
def test_switched_off_a_scan_fails_with_what_would_help_and_can_be_tried_again(
    inline_jobs: None,
    as_: As,
    alice: User,
    collection: Collection,
    settings: LazySettings,
    client_of: SignIn,
    name: str,
) -> None:
    settings.OCR_PAGES = 0
    with as_(alice):
        document = add(collection, sample(name), name).document
        assert IngestRun.objects.get().error_code == "OCR_OFF"
        assert queries.balance(collection).again == 1, "trying again may help"
    page = client_of(alice).get(f"/d/{document.pk}").content.decode()
    assert "OCR is switched off" in page
    settings.OCR_PAGES = 100
    with as_(alice):
        services.retry(document=document)
        assert queries.state_of(document) == "ready"


def test_what_was_read_without_recognition_is_read_again_once_it_is_on(
    inline_jobs: None, as_: As, alice: User, collection: Collection, settings: LazySettings
) -> None:
    settings.OCR_PAGES = 0
    with as_(alice):
        added = add(collection, sample("scan_half.pdf"), "lease.pdf")
        assert added.version.recognition is None
        assert "八千六百元" not in searched("八千六百元", collection)
        plain = parsed.path_of(added.version)
        settings.OCR_PAGES = 100
        assert parsed.path_of(added.version) != plain
        services.retry(document=added.document)
        assert "八千六百元" in searched("八千六百元", collection)


def test_the_number_of_pages_is_a_limit_of_the_installation(
    inline_jobs: None, as_: As, alice: User, collection: Collection, settings: LazySettings
) -> None:
    settings.OCR_PAGES = 1
    with as_(alice):
        add(collection, sample("scan_pages.pdf"), "scan.pdf")
        assert IngestRun.objects.get().error_code == "TOO_COSTLY"
    factory.reset()


# --- figures --------------------------------------------------------------------------------------
def block(text: str, page: int | None, confidence: float | None) -> Block:
    return Block(BlockKind.TEXT, text, page=page, confidence=confidence)


def test_confidence_is_a_mean_over_characters_and_poor_pages_are_named() -> None:
    told = recognition_of(
        [
            block("read", 1, None),
            block("a" * 90, 2, 1.0),
            block("b" * 10, 2, 0.8),
            block("c" * 100, 7, 0.8),
        ]
    )
    assert told == {"pages": 2, "of": 7, "confidence": 0.89, "poor": [7]}


def test_a_page_of_the_kind_that_was_wrong_in_one_of_fifteen_characters_is_poor() -> None:
    for confidence, poor in ((0.99, []), (0.945, [3])):
        told = recognition_of([block("合同" * 50, 3, confidence)])
        assert told is not None
        assert told["poor"] == poor


def test_nothing_recognised_is_nothing() -> None:
    assert recognition_of([block("read", 1, None)]) is None
    assert recognition_of([]) is None


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3], "3"), ([1, 2], "1–2"), ([1, 3, 4, 5, 9], "1, 3–5, 9"), (list(range(1, 99, 2)), None)],
)
def test_page_numbers_are_written_in_runs(numbers: list[int], words: Any) -> None:
    if words is None:
        assert page_numbers(numbers).endswith("23 …")
    else:
        assert page_numbers(numbers) == words
    with translation.override("zh-hans"):
        assert page_numbers([1, 2, 3]) == "1–3"
