"""A claimed run of a source: how long it is ours, what it has counted, and how it ends."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.utils import timezone

from apps.core.errors import ErrorCode
from apps.core.leases import Lease
from apps.events import services as events
from apps.sources.models import SourceRun

EXTEND_EVERY_S = 5.0
MOST_ATTEMPTS = 3
MOST_PROBLEMS = 200
KEPT_RUNS = 50


@dataclass
class Counts:
    """What a run saw and did."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)

    def problem(self, name: str, code: str) -> None:
        """Note why something was not taken; the first of many are enough to see what is wrong."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append({"name": name[:255], "code": str(code)})

    def columns(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


class Work:
    """A run that this process holds, until it was slower than its lease (LeaseLost)."""

    def __init__(self, run: SourceRun, until: datetime) -> None:
        self.run = run
        self.counts = Counts()
        self._lease = Lease(run, until)

    @classmethod
    def claimed(cls, run_id: UUID) -> Self | None:
        """The run, if it is free; None otherwise."""
        until = SourceRun.claim(run_id)
        if until is None:
            return None
        run = SourceRun.objects.select_related("source__collection", "source__owner").get(pk=run_id)
        work = cls(run, until)
        if run.attempt > MOST_ATTEMPTS:
            work.fail(ErrorCode.GAVE_UP)
            return None
        return work

    def extend(self) -> None:
        """Keep the lease alive and show how far it is. Cheap to call often."""
        if not self._lease.is_fresh(EXTEND_EVERY_S):
            self._lease.extend(**self.counts.columns())

    def held(self) -> None:
        """Raise LeaseLost when the run is not ours any more."""
        self._lease.held()

    def finish(self, *, code: str = "", to_remove: int = 0) -> None:
        """It listed what it could. With ``to_remove`` it asks; a ``code`` says what was left."""
        state = SourceRun.State.ASKING if to_remove else SourceRun.State.DONE
        self._end(state, error_code=code, to_remove=to_remove)
        counts = self.counts
        if counts.added or counts.changed or counts.removed or to_remove:
            self._record("source.followed", to_remove=to_remove)

    def fail(self, code: str, **detail: Any) -> None:
        self._end(SourceRun.State.FAILED, error_code=str(code), error_detail=detail)
        self._record("source.failed", code=str(code))

    def _record(self, kind: str, **data: Any) -> None:
        counts = self.counts
        events.record(
            kind,
            workspace_id=self.run.source.collection.workspace_id,
            source=str(self.run.source_id),
            name=self.run.source.name,
            added=counts.added,
            changed=counts.changed,
            removed=counts.removed,
            **data,
        )

    def _end(self, state: str, **values: Any) -> None:
        self._lease.end(state, finished_at=timezone.now(), **self.counts.columns(), **values)
        old = SourceRun.objects.filter(source_id=self.run.source_id).order_by("-pk")
        kept = list(old.values_list("pk", flat=True)[:KEPT_RUNS])
        old.exclude(pk__in=kept).delete()
