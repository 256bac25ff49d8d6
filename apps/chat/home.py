"""What the first page shows: what needs somebody, the workspaces, the last conversations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, Max, OuterRef, Q, Subquery, Value, When

from apps.chat.queries import conversations_grouped
from apps.documents.life.validity import narrowed
from apps.documents.models import Document, IngestRun
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.access.queries import waiting_by_workspace
from apps.workspaces.models import Collection, Workspace

RECENT = 6


@dataclass(frozen=True, slots=True)
class Room:
    """A workspace card."""

    workspace: Workspace
    documents: int
    changed_at: datetime | None
    standing: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A collection in which files failed, for somebody who can do something about it."""

    collection: Collection
    failed: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A collection in which documents end or are to be reviewed soon."""

    collection: Collection
    documents: int


def home_context() -> dict[str, Any]:
    recent = [row for group in conversations_grouped(limit=RECENT) for row in group.conversations]
    return {
        "rooms": _rooms(),
        "asking": waiting_by_workspace(),
        "failing": _failing(),
        "ending": _ending(),
        "recent": recent,
    }


def _ending() -> list[Ending]:
    """Collections with documents that end or are to be reviewed soon, that this person may
    write."""
    mine = Document.objects.filter(collection_id__in=current_scope().writable)
    soon = narrowed(mine, "attention").values("collection_id").annotate(n=Count("pk"))
    counts = dict(soon.order_by("-n").values_list("collection_id", "n")[:5])
    if not counts:
        return []
    places = Collection.objects.select_related("workspace").in_bulk(counts)
    return [Ending(places[pk], n) for pk, n in counts.items() if pk in places]


def _rooms() -> list[Room]:
    live = Q(documents__deleted_at__isnull=True)
    figures = Collection.objects.values("workspace_id").annotate(
        n=Count("documents", filter=live), last=Max("documents__updated_at", filter=live)
    )
    known = {row["workspace_id"]: (row["n"], row["last"]) for row in figures.order_by()}
    return [
        Room(workspace, *known.get(workspace.pk, (0, None)), standing=_standing(workspace))
        for workspace in Workspace.objects.all()
    ]


def _standing(workspace: Workspace) -> str:
    """What this person is there: manager, contributor, viewer or, with no role, nothing."""
    held = current_scope().workspaces.get(workspace.pk, frozenset())
    for permission, word in (
        (Permission.WORKSPACE_MANAGE, "manager"),
        (Permission.DOCUMENT_WRITE, "contributor"),
        (Permission.ASK, "viewer"),
    ):
        if permission in held:
            return word
    return ""


def _failing() -> list[Failing]:
    """Collections with failed files that this person may write, worst first."""
    runs = IngestRun.objects.filter(IngestRun.LIVE, document=OuterRef("pk"))
    newest = runs.order_by("-created_at", "-pk")
    state = Case(
        When(Q(current__isnull=True), then=Subquery(newest.values("state")[:1])),
        default=Value(""),
        output_field=CharField(),
    )
    writable = current_scope().writable
    rows = (
        Document.objects.filter(collection_id__in=writable)
        .annotate(last_state=state)
        .filter(last_state=IngestRun.State.FAILED)
        .values("collection_id")
        .annotate(n=Count("pk"))
        .order_by("-n")[:5]
    )
    places = Collection.objects.select_related("workspace").in_bulk(
        [row["collection_id"] for row in rows]
    )
    return [
        Failing(places[row["collection_id"]], row["n"])
        for row in rows
        if row["collection_id"] in places
    ]
