"""The ledger of a version: which stages it passed, when, how much, at which attempt, and what
stopped it. One row for each stage of a run, and one for each reason that stopped it there."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from apps.core.errors import ErrorCode
from apps.documents.models import DocumentVersion, IngestRun, LedgerEntry

Stage = LedgerEntry.Stage
# Where a run stopped, by the stage that it was at.
_STOPPED_BY = {
    LedgerEntry.UNVERIFIED: Stage.VERIFIED,
    ErrorCode.INFECTED: Stage.SCANNED,
    ErrorCode.NOT_SCANNED: Stage.SCANNED,
    ErrorCode.SCAN_WAIT: Stage.SCANNED,
}
_STOPPED_AT = {
    IngestRun.Stage.PARSE: Stage.PARSED,
    IngestRun.Stage.EMBED: Stage.EMBEDDED,
    IngestRun.Stage.PUBLISH: Stage.INDEXED,
}


@dataclass(frozen=True, slots=True)
class Passed:
    """A stage that was passed: how much of what it counts, in which time."""

    stage: str
    count: int
    took_ms: int = 0


@dataclass(slots=True)
class Clock:
    """Milliseconds since it was made or last read."""

    _since: float = field(default_factory=time.monotonic)

    def read(self) -> int:
        now = time.monotonic()
        took, self._since = now - self._since, now
        return round(took * 1000)


def begin(run: IngestRun, passed: Sequence[Passed]) -> None:
    """The first lines, of a version that was just taken in."""
    LedgerEntry.objects.bulk_create(_entry(run, each) for each in passed)


def note(run: IngestRun, passed: Sequence[Passed]) -> None:
    """What a run passed now. A stage that is repeated replaces its line. In a system scope. Runs
    that fill a table beside the live one say nothing of their document."""
    if run.profile_id is None:
        _save([_entry(run, each) for each in passed])


def note_all(passed: Iterable[tuple[IngestRun, Passed]]) -> None:
    """The same for many runs, with one write."""
    _save([_entry(run, each) for run, each in passed if run.profile_id is None])


def stopped(run: IngestRun, code: str) -> None:
    """A run that stopped, for now or for good, and why. In a system scope."""
    if run.profile_id is not None:
        return
    at = _STOPPED_BY.get(code) or _STOPPED_AT[run.stage]  # type: ignore[index]
    entry = _entry(run, Passed(at, 0))
    entry.error_code = code
    _save([entry])


def lines(version: DocumentVersion) -> list[LedgerEntry]:
    """Of all runs of a version, in the order of time."""
    return list(LedgerEntry.objects.filter(version=version).order_by("at", "pk"))


def _entry(run: IngestRun, passed: Passed) -> LedgerEntry:
    return LedgerEntry(
        collection_id=run.collection_id,
        document_id=run.document_id,
        version_id=run.version_id,
        run_id=run.pk,
        stage=passed.stage,
        at=timezone.now(),
        took_ms=passed.took_ms,
        count=passed.count,
        attempt=max(run.attempt, 1),
    )


def _save(entries: list[LedgerEntry]) -> None:
    if not entries:
        return
    LedgerEntry.objects.bulk_create(
        entries,
        update_conflicts=True,
        unique_fields=["run", "stage", "error_code"],
        update_fields=["at", "took_ms", "count", "attempt"],
    )
