"""Reads of sources that are worth a name."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.sources.connectors import KINDS
from apps.sources.connectors.base import Connector
from apps.sources.models import Source, SourceEntry, SourceRun
from apps.workspaces.models import Collection

PAUSED = "paused"
ENDING = "ending"
WORDS: dict[str, tuple[str, Promise]] = {
    SourceRun.State.QUEUED: ("wait", _("Waiting for its turn")),
    SourceRun.State.RUNNING: ("wait", _("At work")),
    SourceRun.State.DONE: ("good", _("Up to date")),
    SourceRun.State.ASKING: ("bad", _("Asks before it removes")),
    SourceRun.State.FAILED: ("bad", _("Failed")),
    PAUSED: ("off", _("Paused")),
    ENDING: ("wait", _("Being removed with its documents")),
    "partly": ("wait", _("Taken in partly")),
    "new": ("off", _("Has not run yet")),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """A source with its last run and the number of its documents."""

    source: Source
    last: SourceRun | None
    documents: int

    @property
    def connector(self) -> type[Connector]:
        return KINDS[self.source.kind]

    @property
    def state(self) -> str:
        """paused, ending, new, partly, or the state of the last run."""
        if self.source.is_ending:
            return ENDING
        if self.last is None:
            return "new"
        if not self.source.is_on and not self.last.is_active:
            return PAUSED
        return state_of(self.last)

    @property
    def colour(self) -> str:
        return WORDS[self.state][0]

    @property
    def words(self) -> str:
        return str(WORDS[self.state][1])


def state_of(run: SourceRun) -> str:
    """The state of a run; one that ended before its end is ``partly`` done."""
    is_cut = run.state == SourceRun.State.DONE and bool(run.error_code)
    return "partly" if is_cut else str(run.state)


def followed(collection: Collection) -> list[Followed]:
    """The sources of a collection by name, in three queries."""
    newest = SourceRun.objects.filter(source=OuterRef("pk")).order_by("-pk")
    rows = Source.objects.filter(collection=collection).select_related("owner", "collection")
    sources = list(rows.annotate(last_id=Subquery(newest.values("pk")[:1])).order_by("name"))
    runs = SourceRun.objects.in_bulk([row.last_id for row in sources if row.last_id])
    counts = _documents([row.pk for row in sources])
    return [Followed(row, runs.get(row.last_id), counts.get(row.pk, 0)) for row in sources]


def one_followed(source: Source) -> Followed:
    last = SourceRun.objects.filter(source=source).order_by("-pk").first()
    return Followed(source, last, _documents([source.pk]).get(source.pk, 0))


def _documents(sources: list[UUID]) -> dict[UUID, int]:
    live = Q(document__isnull=False, document__deleted_at__isnull=True)
    found = SourceEntry.objects.filter(live, source__in=sources).order_by()
    return dict(found.values_list("source").annotate(Count("pk")))
