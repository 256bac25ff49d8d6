"""A claimed run: how long it is ours, how far it has come, and the ways it can end."""

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from apps.core import jobs as core_jobs
from apps.core.leases import Lease
from apps.documents.models import IngestRun
from apps.documents.runs import ledger
from apps.documents.runs.queue import JOBS, LONGEST_WAIT, RESEND, turns
from apps.events import services as events

EXTEND_EVERY_S = 10.0
ANNOUNCE_AFTER_S = 1.0
MOST_ATTEMPTS = 4
# A file whose reader was killed this often is set aside: a third worker is not risked.
MOST_READS = 2
FIRST_WAIT_S = 2.0


def attempts_of(run: IngestRun) -> int:
    """How often a run is begun. One that stopped with a reason did not end its worker."""
    is_reading = run.stage == IngestRun.Stage.PARSE and not run.error_code
    return MOST_READS if is_reading else MOST_ATTEMPTS


class Work:
    """A run that this process holds, until it was slower than its lease (LeaseLost)."""

    def __init__(self, run: IngestRun, until: datetime) -> None:
        self.run = run
        self._lease = Lease(run, until)
        self._claimed = time.monotonic()
        self._is_announced = False
        # A vector of the version, where this process has just embedded it.
        self.sample: Sequence[float] | None = None

    @classmethod
    def claimed(cls, run_id: UUID, *stages: str) -> Self | None:
        """The run, if it is free and at one of these stages; None otherwise."""
        until = IngestRun.claim(run_id, stages=stages)
        if until is None:
            return None
        run = IngestRun.objects.select_related("version", "document", "profile__endpoint").get(
            pk=run_id
        )
        work = cls(run, until)
        if run.attempt > attempts_of(run):
            work.fail("GAVE_UP", attempts=run.attempt - 1)
            return None
        return work

    @classmethod
    def next(cls, *stages: str) -> Self | None:
        """The run whose turn it is at these stages, taken; None when nothing waits."""
        return next((work for pk in turns(*stages) if (work := cls.claimed(pk, *stages))), None)

    @classmethod
    def claimed_together(cls, ids: Sequence[UUID], stage: str) -> list[Self]:
        """Those of these runs that are free and at this stage, with one write. None where another
        run of one of their documents began just now: they are found again by the next who asks."""
        until = IngestRun.claim_all(ids, stage=stage) if ids else None
        if until is None:
            return []
        rows = IngestRun.objects.select_related("version", "document", "profile__endpoint")
        mine = rows.filter(pk__in=ids, state=IngestRun.State.RUNNING, lease_until=until)
        return [cls(run, until) for run in mine.order_by("created_at", "pk")]

    def is_proven_by(self, until: datetime | None) -> bool:
        """Whether this is the end of the lease that stands in the run's row."""
        return self._lease.is_proven_by(until)

    @staticmethod
    def held_together(works: Sequence["Work"]) -> list["Work"]:
        """Lock the rows of all of these inside a transaction; those that are still ours."""
        rows = IngestRun.objects.filter(
            pk__in=[work.run.pk for work in works], state=IngestRun.State.RUNNING
        )
        untils = dict(rows.select_for_update().order_by("pk").values_list("pk", "lease_until"))
        return [work for work in works if work.is_proven_by(untils.get(work.run.pk))]

    @staticmethod
    def advance_together(works: Sequence["Work"], stage: str) -> None:
        """On to the next stage, all held. In the transaction of ``held_together``."""
        IngestRun.objects.filter(pk__in=[work.run.pk for work in works]).update(
            stage=stage, error_code="", error_detail={}
        )
        for work in works:
            work.run.stage = stage

    @staticmethod
    def hand_over_together(works: Sequence[tuple["Work", int]], stage: str) -> None:
        """On to the next stage, for whoever takes them, each with the total of that stage; no
        message is sent. In the transaction of ``held_together``."""
        by_total: dict[int, list[UUID]] = defaultdict(list)
        for work, total in works:
            by_total[total].append(work.run.pk)
        for total, ids in by_total.items():
            IngestRun.objects.filter(pk__in=ids).update(
                state=IngestRun.State.QUEUED, lease_until=None, **_handed_over(stage, total, "")
            )
        _announce([work for work, _total in works])

    @staticmethod
    def finish_together(works: Sequence["Work"]) -> None:
        """All done. In the transaction of ``held_together``."""
        IngestRun.objects.filter(pk__in=[work.run.pk for work in works]).update(
            state=IngestRun.State.DONE,
            lease_until=None,
            error_code="",
            error_detail={},
            finished_at=timezone.now(),
        )
        _announce(works)

    def held(self) -> None:
        """Lock the run's row inside a transaction. Raises LeaseLost when it is not ours."""
        self._lease.lock()

    def extend(self, done: int | None = None, total: int | None = None) -> None:
        """Keep the lease alive and say how far the stage is. Cheap to call often; a stage that
        takes less than a second is not announced before it ends."""
        if not self._is_announced and time.monotonic() - self._claimed > ANNOUNCE_AFTER_S:
            self._is_announced = True
            self.announce()
        if self._lease.is_fresh(ANNOUNCE_AFTER_S if done is not None else EXTEND_EVERY_S):
            return
        self._lease.extend(**({} if done is None else {"done": done, "total": total or 0}))
        if done is not None:
            self.announce()

    def advance(self, stage: str, **values: Any) -> None:
        """On to the next stage, still held."""
        self._lease.write(stage=stage, error_code="", error_detail={}, **values)
        self.run.stage = stage

    def hand_over(self, stage: str, *, total: int, cut: str = "", is_sent: bool = True) -> None:
        """On to the next stage, for whoever takes it. ``is_sent`` False: the message of another run
        is for this one too."""
        self._end(IngestRun.State.QUEUED, **_handed_over(stage, total, cut))
        if is_sent:
            JOBS[IngestRun.Stage(stage)].enqueue(run_id=str(self.run.pk))

    def wait(self, code: str, *, after: float = 0.0, counts: bool = False, stage: str = "") -> None:
        """Back to the queue, with the reason to show and a back-off that grows. What is not this
        file's fault (``counts`` False) does not use up its attempts; what is, fails in the end."""
        if counts and self.run.attempt >= MOST_ATTEMPTS:
            self.fail(code)
            return
        stage = stage or self.run.stage
        waits = int(self.run.error_detail.get("waits", 0)) + 1
        longest = LONGEST_WAIT.total_seconds()
        delay = min(max(after, FIRST_WAIT_S * 2 ** min(waits - 1, 10)), longest)
        delay *= random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        self._end(
            IngestRun.State.QUEUED,
            stage=stage,
            attempt=F("attempt") if counts else F("attempt") - 1,
            error_code=code,
            error_detail={"waits": waits},
            not_before=timezone.now() + timedelta(seconds=delay) + RESEND,
        )
        ledger.stopped(self.run, code)
        job = JOBS[IngestRun.Stage(stage)]
        core_jobs.send_later(job, countdown=delay, run_id=str(self.run.pk))

    def let_go(self, *, counts: bool = False) -> None:
        """Back to the queue: as if it had not been taken, or (``counts``) as one that was tried and
        is tried alone from now on."""
        self._end(
            IngestRun.State.QUEUED,
            attempt=F("attempt") if counts else F("attempt") - 1,
            not_before=timezone.now(),
        )

    def fail(self, code: str, **detail: Any) -> None:
        """For good; a person can try again."""
        self._end(IngestRun.State.FAILED, error_code=code, error_detail=detail, finished=True)
        ledger.stopped(self.run, code)
        document = self.run.document
        if self.run.profile_id is None:
            events.record("document.failed", document, name=document.name, code=code)

    def finish(self, *, is_cancelled: bool = False) -> None:
        state = IngestRun.State.CANCELLED if is_cancelled else IngestRun.State.DONE
        self._end(state, error_code="", error_detail={}, finished=True)

    def announce(self) -> None:
        """Tell the pages that show this document."""
        run = self.run
        if run.profile_id is not None:
            return
        events.announce(run.collection_id, {"document": str(run.document_id)})

    def _end(self, state: str, *, finished: bool = False, **values: Any) -> None:
        if finished:
            values["finished_at"] = timezone.now()
        self._lease.end(state, **values)
        self.announce()


def _handed_over(stage: str, total: int, cut: str) -> dict[str, Any]:
    """What a run is when it begins a stage that nobody has tried yet."""
    return {
        "stage": stage,
        "attempt": 0,
        "done": 0,
        "total": total,
        "cut": cut,
        "error_code": "",
        "error_detail": {},
        "not_before": timezone.now() + RESEND,
    }


def _announce(works: Sequence[Work]) -> None:
    """Tell the pages that show the documents of these runs, which are no runs of another table."""
    changed: dict[UUID, list[str]] = defaultdict(list)
    for work in works:
        changed[work.run.collection_id].append(str(work.run.document_id))
    for collection_id, documents in changed.items():
        events.announce(collection_id, {"documents": documents})
