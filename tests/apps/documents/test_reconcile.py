"""Every night SQL, index and disk are compared: 0 differences are expected, and numbers are kept."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import User
from apps.core import blobs
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun, Reconciliation
from apps.engines import factory
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.test_upkeep import aged
from workers import schedule
from workers.app import celery_app

SignIn = Callable[[User], Client]


def compared(*options: str) -> tuple[str, int]:
    """(what the command prints, its exit status)."""
    out = StringIO()
    try:
        call_command("reconcile", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def stray(collection: Collection) -> None:
    """Rows in the index of a document that is gone, and its file."""
    gone = factories.make_document(collection, data=b"gone", texts=["Of a deleted one."])
    with system_scope("test: lost in a crash"):
        sha256 = DocumentVersion.objects.get(document=gone).sha256
        Document.objects.filter(pk=gone.pk).delete()
    aged(blobs.path_of(sha256))


def test_where_nothing_was_lost_nothing_differs(collection: Collection) -> None:
    factories.make_document(collection)
    printed, status = compared()
    assert status == 0
    assert {line.rpartition(" ")[2] for line in printed.splitlines()} == {"0"}


def test_without_repair_it_only_says_what_differs(collection: Collection) -> None:
    stray(collection)
    before = factory.index().versions()
    printed, status = compared()
    assert status == 1
    assert "stray in index: 1" in printed
    assert "stray files: 1" in printed
    assert factory.index().versions() == before


def test_with_repair_the_next_comparison_finds_nothing(collection: Collection) -> None:
    stray(collection)
    assert compared("--repair")[1] == 0
    assert compared()[1] == 0
    assert [row.total for row in Reconciliation.objects.order_by("pk")] == [2, 0]


def test_a_missing_file_is_said_and_stays_said(collection: Collection) -> None:
    document = factories.make_document(collection)
    with system_scope("test: which file"):
        blobs.remove(DocumentVersion.objects.get(document=document).sha256)
    for _ in range(2):
        printed, status = compared("--repair")
        assert (status, "missing files: 1" in printed) == (1, True)


def test_a_document_that_lost_passages_is_read_again(collection: Collection) -> None:
    document = factories.make_document(collection)
    with system_scope("test: a row is lost"):
        Chunk.objects.filter(document=document, ordinal=1).delete()
    assert "lost passages: 1" in compared("--repair")[0]
    with system_scope("test: its run"):
        assert IngestRun.objects.get(state="queued").stage == IngestRun.Stage.PARSE


def test_what_is_being_erased_is_no_difference(collection: Collection, alice: User) -> None:
    document = factories.make_document(collection)
    from apps.documents import services  # noqa: PLC0415 - beside its only use

    with system_scope("test: deleted, its job has not run"):
        services.delete_document(document=document)
    assert compared() == compared("--repair")
    assert compared()[1] == 0


def test_administrators_see_the_numbers_and_nobody_else(
    collection: Collection, admin: User, alice: User, carol: User, client_of: SignIn
) -> None:
    assert "Not compared yet" in client_of(admin).get("/administration/system").content.decode()
    stray(collection)
    compared()
    assert (
        "differences were found" in client_of(admin).get("/administration/system").content.decode()
    )
    for user in (alice, carol):
        assert client_of(user).get("/administration/system").status_code in {403, 404}


@pytest.mark.parametrize("name", ["documents.reconcile"])
def test_it_is_sent_by_the_clock_every_night(name: str) -> None:
    assert schedule.__doc__, "loading it fills the table"
    assert name in {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
