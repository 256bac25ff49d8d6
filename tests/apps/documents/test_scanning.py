"""With a virus scanner no file is read before it was scanned, and an infected one is given to nobody."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core import clamav
from apps.documents import ingest, queries, services
from apps.documents.models import Document, DocumentVersion
from apps.documents.runs import ledger, parsed
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import NOTICE, As, add, searched
from tests.apps.documents.runs import run_of, worked_off
from tests.fake_clamd import EICAR, FakeClamd

SignIn = Callable[[User], Client]
INFECTED = b"Our new prices:\n" + EICAR


@pytest.fixture
def clamd(settings: Any) -> Iterator[FakeClamd]:
    with tempfile.TemporaryDirectory(prefix="fn-") as folder:
        path = Path(folder) / "clamd"
        settings.CLAMAV = str(path)
        with FakeClamd(path) as fake:
            yield fake


def stages(version: DocumentVersion) -> list[tuple[str, str]]:
    return [(line.stage, line.error_code) for line in ledger.lines(version)]


def read(browser: Client, added: services.Added) -> bytes:
    """The original as a reader gets it."""
    return b"".join(browser.get(f"/d/{added.document.pk}/content").streaming_content)


def test_a_clean_file_is_scanned_and_then_read(
    clamd: FakeClamd, inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = add(collection)
        assert queries.state_of(added.document) == "ready"
        assert [stage for stage, _code in stages(added.version)][:4] == [
            "received",
            "checked",
            "scanned",
            "parsed",
        ]
    assert clamd.scanned == [NOTICE]


def test_an_infected_file_is_not_read_not_found_and_not_given_away(
    clamd: FakeClamd,
    inline_jobs: None,
    client_of: SignIn,
    as_: As,
    alice: User,
    collection: Collection,
) -> None:
    with as_(alice):
        added = add(collection, INFECTED, "prices.txt")
        assert queries.state_of(added.document) == "failed"
        assert stages(added.version)[-1] == ("scanned", "INFECTED")
        assert searched("prices", collection) == ""
        assert parsed.load(added.version) is None
    browser = client_of(alice)
    for address in (
        f"/d/{added.document.pk}/content",
        f"/api/v1/documents/{added.document.pk}/content?version=1",
    ):
        refused = browser.get(address)
        assert refused.status_code in {403, 404}
        assert EICAR not in refused.content
    assert browser.get(f"/d/{added.document.pk}/content").status_code == 403
    row = browser.get(f"/k/{collection.pk}/rows").content.decode()
    assert "Infected" in row
    assert "nobody can download it" in row


def test_a_document_that_was_clean_keeps_answering_when_its_new_version_is_not(
    clamd: FakeClamd, inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        first = add(collection)
        add(collection, INFECTED, on_existing="version")
        assert Document.objects.get(pk=first.document.pk).current_id == first.version.pk
        assert "ninety days" in searched("notice period", collection)


def test_the_same_bytes_elsewhere_are_not_given_away_either(
    clamd: FakeClamd,
    inline_jobs: None,
    settings: Any,
    client_of: SignIn,
    as_: As,
    alice: User,
    collection: Collection,
) -> None:
    address, settings.CLAMAV = settings.CLAMAV, ""
    with as_(alice):
        before = add(collection, INFECTED, "before.txt")
    assert b"new prices" in read(client_of(alice), before)
    settings.CLAMAV = address
    with as_(alice):
        add(collection, INFECTED, "after.txt")
    assert client_of(alice).get(f"/d/{before.document.pk}/content").status_code == 403


def test_without_an_answer_nothing_passes_and_it_goes_on_when_there_is_one(
    clamd: FakeClamd, as_: As, alice: User, collection: Collection
) -> None:
    clamd.answer = None
    with as_(alice):
        added = add(collection)
    with system_scope("test: as a job"):
        for _ in range(6):  # more often than a file may fail
            ingest.parse(added.run.pk)
            run = run_of(added)
            assert (run.state, run.error_code) == ("queued", "SCAN_WAIT")
            assert run.attempt == 0
            ingest.IngestRun.objects.update(not_before=None)
        assert parsed.load(added.version) is None
        clamd.answer = b""
        assert worked_off(run).state == "done"


@pytest.mark.parametrize("address", ["/nowhere/clamd", "127.0.0.1:{port}"])
def test_a_scanner_that_is_not_there_makes_files_wait(
    settings: Any, as_: As, alice: User, collection: Collection, address: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings.CLAMAV = address.format(port=port)
    with as_(alice):
        added = add(collection)
    with system_scope("test: as a job"):
        ingest.parse(added.run.pk)
        assert run_of(added).error_code == "SCAN_WAIT"


@pytest.mark.parametrize(
    "answer", [b"stream: OK but not quite\0", b"UNKNOWN COMMAND\0", b"\0", b"stream: x ERROR\0"]
)
def test_an_answer_that_is_not_understood_is_not_clean(
    clamd: FakeClamd, as_: As, alice: User, collection: Collection, answer: bytes
) -> None:
    clamd.answer = answer
    with as_(alice):
        added = add(collection)
    with system_scope("test: as a job"):
        ingest.parse(added.run.pk)
        assert run_of(added).error_code == "SCAN_WAIT"


def test_a_file_that_the_scanner_does_not_take_is_not_read(
    clamd: FakeClamd, as_: As, alice: User, collection: Collection
) -> None:
    clamd.most = 100_000
    with as_(alice):
        added = add(collection, b"The pump is inspected. " * 100_000, "long.txt")
    with system_scope("test: as a job"):
        ingest.parse(added.run.pk)
        run = run_of(added)
        assert (run.state, run.error_code) == ("failed", "NOT_SCANNED")
        clamd.most = 10_000_000
    with as_(alice):
        again = services.retry(document=added.document)
    with system_scope("test: as a job"):
        assert worked_off(again).state == "done"


def test_a_corrected_list_gives_the_file_back(
    clamd: FakeClamd,
    inline_jobs: None,
    client_of: SignIn,
    as_: As,
    alice: User,
    collection: Collection,
) -> None:
    clamd.answer = b"stream: Wrong.Alarm FOUND\0"
    with as_(alice):
        added = add(collection)
        assert queries.state_of(added.document) == "failed"
        assert DocumentVersion.objects.get(pk=added.version.pk).infection == "Wrong.Alarm"
        clamd.answer = b""
        services.retry(document=added.document)
        assert queries.state_of(added.document) == "ready"
    assert read(client_of(alice), added) == NOTICE


def test_health_asks_the_scanner(clamd: FakeClamd, settings: Any) -> None:
    assert clamav.answers()
    settings.CLAMAV = "/nowhere/clamd"
    with pytest.raises(OSError, match="No such file"):
        clamav.answers()
