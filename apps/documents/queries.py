"""Reads that are worth a name: lists of documents with their state, and a version's blocks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import (
    Case,
    CharField,
    Count,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils import timezone

from apps.documents.life.validity import counts_on
from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.runs import parsed
from apps.documents.runs.reasons import OF_THE_FILE
from apps.rag.ports import Block
from apps.workspaces.models import Collection

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    DocumentWithState: TypeAlias = "WithAnnotations[Document, StateColumns]"
else:
    DocumentWithState = Document

QUEUED, PARSING, EMBEDDING, READY, FAILED = "queued", "parsing", "embedding", "ready", "failed"


class StateColumns(TypedDict):
    """What ``with_state`` adds to a document."""

    run_state: str
    stage: str
    done: int
    total: int
    error_code: str
    newest_number: int
    state: str


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the documents of a collection are: received = searchable + not_valid + waiting + failed.
    ``not_valid``: read and indexed, but search does not answer from them today. ``again``: how many
    failed, also with a version that still answers, for a reason that may have passed."""

    received: int
    searchable: int
    waiting: int
    failed: int
    again: int = 0
    not_valid: int = 0


def with_state(documents: QuerySet[Document]) -> QuerySet[DocumentWithState]:
    """Annotate each document with what its newest run says: ``state`` (queued, parsing, embedding,
    ready, failed), ``stage``, ``done``, ``total``, ``error_code``, ``waits`` (the reason why a
    queued one waits is its ``error_code``), and join its current version."""
    runs = IngestRun.objects.filter(IngestRun.LIVE, document=OuterRef("pk"))
    newest = runs.order_by("-created_at", "-pk")

    def of_run(name: str) -> Subquery:
        return Subquery(newest.values(name)[:1])

    return documents.select_related("current", "parent").annotate(
        run_state=of_run("state"),
        stage=of_run("stage"),
        done=of_run("done"),
        total=of_run("total"),
        error_code=of_run("error_code"),
        newest_number=Subquery(
            DocumentVersion.objects.filter(document=OuterRef("pk"))
            .order_by("-number")
            .values("number")[:1],
            output_field=IntegerField(),
        ),
        state=_state(),
    )


def _state() -> Case:
    stage = IngestRun.Stage
    return Case(
        When(run_state=IngestRun.State.FAILED, then=Value(FAILED)),
        When(run_state__in=[IngestRun.State.DONE, IngestRun.State.CANCELLED], then=Value(READY)),
        When(~Q(stage=stage.PARSE), then=Value(EMBEDDING)),
        When(run_state=IngestRun.State.RUNNING, then=Value(PARSING)),
        default=Value(QUEUED),
        output_field=CharField(),
    )


def documents_with_state(collection: Collection) -> QuerySet[DocumentWithState]:
    """The documents of a collection for a list, newest first; see ``with_state``."""
    return with_state(Document.objects.filter(collection=collection))


def balance(collection: Collection) -> Balance:
    """How many documents were received and what became of them."""
    documents = Document.objects.filter(collection=collection)
    is_indexed, counts_today = Q(current__isnull=False), counts_on(timezone.localdate())
    counts = documents.aggregate(
        received=Count("pk"),
        searchable=Count("pk", filter=is_indexed & counts_today),
        not_valid=Count("pk", filter=is_indexed & ~counts_today),
    )
    # The newest run is looked up only of those that ever failed: few, however many there are.
    once = IngestRun.objects.filter(
        IngestRun.LIVE, collection=collection, state=IngestRun.State.FAILED
    )
    counts |= with_state(documents.filter(pk__in=once.values("document"))).aggregate(
        failed=Count("pk", filter=Q(current__isnull=True, state=FAILED)),
        again=Count("pk", filter=Q(state=FAILED) & ~Q(error_code__in=OF_THE_FILE)),
    )
    settled = counts["searchable"] + counts["not_valid"] + counts["failed"]
    return Balance(waiting=counts["received"] - settled, **counts)


def worth_another_try(collection: Collection) -> QuerySet[DocumentWithState]:
    """What failed for a reason that trying again can change."""
    failed = documents_with_state(collection).filter(state=FAILED)
    return failed.exclude(error_code__in=OF_THE_FILE)


def state_of(document: Document) -> str:
    """queued, parsing, embedding, ready or failed."""
    found = with_state(Document.objects.filter(pk=document.pk)).values_list("state", flat=True)
    return str(found[0]) if found else FAILED


def blocks_of(version: DocumentVersion) -> list[Block]:
    """The text of a version in reading order; empty until it was read."""
    return parsed.newest(version) or []
