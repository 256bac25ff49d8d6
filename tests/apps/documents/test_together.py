"""Small files go through several at a time, with few questions to the database; what happens to one
of them happens to it alone."""

from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.documents import ingest
from apps.documents.jobs import EMBED
from apps.documents.models import Chunk, Document, IngestRun, LedgerEntry, SketchHash
from apps.documents.runs import keeping, publishing, queue, upkeep
from apps.engines import factory
from apps.events.models import Event
from apps.permissions.scope import system_scope
from apps.rag.ports import ParseError
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, Killed, add
from tests.apps.documents.runs import Sent, due, lapse

pytestmark = pytest.mark.usefixtures("system")
MANY = queue.READ_TOGETHER
LONG = "It ends by itself, unless one of the parties says otherwise. " * 4


@pytest.fixture
def uploaded(as_: As, alice: User, collection: Collection) -> list[Document]:
    with as_(alice):
        return [
            add(
                collection, f"Contract {n} has a notice period. {LONG}".encode(), f"{n}.txt"
            ).document
            for n in range(MANY)
        ]


def states() -> list[str]:
    runs = IngestRun.objects.order_by("created_at", "pk")
    return [f"{run.stage} {run.state}" for run in runs]


def fails_for(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: BaseException) -> None:
    """Calls fail where they are about the third file, and as long as they are about several."""
    original = getattr(owner, name)

    def maybe(*args: Any, **kwargs: Any) -> Any:
        version = getattr(args[0], "filename", None)
        if version == "2.txt":
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, maybe)


def test_small_files_are_read_and_published_together(
    uploaded: list[Document], sent_jobs: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ingest.parse()
    assert states() == ["embed queued"] * MANY
    assert [name for name, _ in sent_jobs].count(EMBED.name) == 1, "one message for all of them"
    ingest.embed()
    assert states() == ["publish done"] * MANY
    assert Document.objects.filter(current__isnull=False).count() == MANY
    assert Event.objects.filter(kind="document.ready").count() == MANY
    lines = LedgerEntry.objects.filter(stage=LedgerEntry.Stage.VERIFIED, error_code="")
    assert lines.count() == MANY
    versions = [str(document.versions.get().pk) for document in uploaded]
    assert sum(factory.index().counts(versions).values()) == Chunk.objects.count() == MANY


def test_a_small_file_costs_few_questions_to_the_database(uploaded: list[Document]) -> None:
    with CaptureQueriesContext(connection) as reading:
        ingest.parse()
    with CaptureQueriesContext(connection) as publishing_them:
        ingest.embed()
    assert len(reading) / MANY < 7, "it was 26"
    assert len(publishing_them) / MANY < 6, "it was 25"


def test_a_file_that_cannot_be_read_is_the_only_one_that_fails(
    uploaded: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_for(monkeypatch, ingest, "_read", ParseError("UNREADABLE"))
    ingest.parse()
    assert states() == ["embed queued"] * 2 + ["parse failed"] + ["embed queued"] * (MANY - 3)


def test_a_file_that_ends_its_worker_is_read_alone_from_then_on(
    uploaded: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_for(monkeypatch, ingest, "_read", Killed())
    with pytest.raises(Killed):
        ingest.parse()
    for _ in range(2 * MANY):
        for run in IngestRun.objects.filter(state="running"):
            lapse(run.pk)
        upkeep.sweep()
        due()
        try:
            ingest.parse()
        except Killed:
            continue
    assert states() == ["embed queued"] * 2 + ["parse failed"] + ["embed queued"] * (MANY - 3)
    assert IngestRun.objects.get(state="failed").error_code == "GAVE_UP"


def test_what_cannot_be_written_together_is_written_one_by_one(
    uploaded: list[Document],
    sent_jobs: Sent,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def refused(*_args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(keeping.cutting, "save_first", refused)
    with django_capture_on_commit_callbacks(execute=True):
        ingest.parse()
    assert states() == ["embed queued"] * MANY
    assert Chunk.objects.count() == SketchHash.objects.values("version").distinct().count() == MANY
    assert [name for name, _ in sent_jobs].count(EMBED.name) == 1


def test_one_that_was_deleted_while_the_others_were_read_is_not_written(
    uploaded: list[Document], as_: As, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.documents.services import delete_document  # noqa: PLC0415 - only here

    together = ingest.keep_together  # type: ignore[attr-defined]

    def meanwhile(*args: Any) -> Any:
        with as_(alice):
            delete_document(document=uploaded[2])
        return together(*args)

    monkeypatch.setattr(ingest, "keep_together", meanwhile)
    ingest.parse()
    written = set(Chunk.objects.values_list("document_id", flat=True))
    assert written == {document.pk for document in uploaded} - {uploaded[2].pk}
    assert states().count("embed queued") == MANY - 1


def test_what_cannot_be_published_together_is_published_one_by_one(
    uploaded: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(publishing, "_switched", refused)
    ingest.parse()
    ingest.embed()
    assert states() == ["publish done"] * MANY


def test_one_that_is_not_found_again_waits_and_the_others_answer(
    uploaded: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = publishing.is_found

    def blind(version: Any, *args: Any, **more: Any) -> bool:
        return version.filename != "2.txt" and found(version, *args, **more)

    monkeypatch.setattr(publishing, "is_found", blind)
    ingest.parse()
    ingest.embed()
    wanted = ["publish done"] * 2 + ["embed queued"] + ["publish done"] * (MANY - 3)
    assert states() == wanted
    waiting = IngestRun.objects.get(state="queued")
    assert waiting.error_code == LedgerEntry.UNVERIFIED


def test_one_that_was_deleted_meanwhile_is_not_published(
    uploaded: list[Document], as_: As, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the index and the moment at which it would answer."""
    from apps.documents.services import delete_document  # noqa: PLC0415 - only here

    counts = ingest._counts  # type: ignore[attr-defined]

    def meanwhile(*args: Any) -> Any:
        with as_(alice):
            delete_document(document=uploaded[2])
        return counts(*args)

    ingest.parse()
    monkeypatch.setattr(ingest, "_counts", meanwhile)
    ingest.embed()
    with system_scope("test: look at all"):
        gone = Document.with_deleted.get(pk=uploaded[2].pk)
    assert gone.current_id is None
    assert Document.objects.filter(current__isnull=False).count() == MANY - 1


def test_files_are_read_one_by_one_while_somebody_else_waits(
    uploaded: list[Document], as_: As, dora: User, collection: Collection
) -> None:
    with as_(dora):
        add(collection, b"Hers waits too, and has a turn.", "hers.txt")
    ingest.parse()
    assert states().count("embed queued") == 1


def test_large_files_are_not_read_together(
    as_: As, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SMALL_FILE", 10)
    with as_(alice):
        for name in ("a.txt", "b.txt"):
            add(collection, f"The notice period of {name} is long.".encode(), name)
    ingest.parse()
    assert states() == ["embed queued", "parse queued"]


def test_small_files_do_not_wait_behind_a_large_one_that_leads(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        add(collection, b"%PDF-1.4\n a scan of many pages", "scan.pdf")
        for name in ("a.txt", "b.txt"):
            add(collection, f"The notice period of {name} is long.".encode(), name)
    ingest.parse()
    assert states() == ["parse failed", "parse queued", "parse queued"]


def test_what_was_tried_before_takes_no_others_along(uploaded: list[Document]) -> None:
    killer = IngestRun.objects.order_by("created_at", "pk")[0]
    IngestRun.objects.filter(pk=killer.pk).update(attempt=1)
    ingest.parse()
    assert states() == ["embed queued"] + ["parse queued"] * (MANY - 1)
    for _ in range(MANY):
        ingest.parse()
    IngestRun.objects.filter(pk=killer.pk).update(attempt=1)
    ingest.embed(killer.pk)
    assert states() == ["publish done"] + ["embed queued"] * (MANY - 1)


def test_a_failure_that_nobody_expected_is_not_that_of_the_others(
    uploaded: list[Document],
    sent_jobs: Sent,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    fails_for(monkeypatch, ingest, "_read", OSError(5, "the disk"))
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(OSError, match="the disk"):
        ingest.parse()
    left = ["parse queued"] * (MANY - 3)
    assert states() == ["embed queued"] * 2 + ["parse running"] + left
    fresh = IngestRun.objects.filter(state="queued", stage="parse")
    assert set(fresh.values_list("attempt", flat=True)) == {0}, "they were not begun"
    assert [name for name, _ in sent_jobs].count(EMBED.name) == 1, "for the two that were read"


def test_a_bug_while_embedding_together_leaves_each_to_be_tried_alone(
    uploaded: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed = ingest.index_versions  # type: ignore[attr-defined]

    def only_alone(versions: list[Any], **more: Any) -> Any:
        if len(versions) > 1 or versions[0].filename == "0.txt":
            raise KeyError("a bug")
        return indexed(versions, **more)

    monkeypatch.setattr(ingest, "index_versions", only_alone)
    ingest.parse()
    with pytest.raises(KeyError):
        ingest.embed()
    assert states() == ["embed running"] + ["embed queued"] * (MANY - 1)
    for _ in range(MANY):
        ingest.embed()
    assert states() == ["embed running"] + ["publish done"] * (MANY - 1)
