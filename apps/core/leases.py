"""Leased work: a row that one process holds until a moment, and loses when it is slower.

Such a row has ``state`` (queued, running, or one of its ends), ``attempt`` and ``lease_until``.
The moment at which a lease ends is also the token that proves it: nobody else can have the same.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

QUEUED, RUNNING = "queued", "running"
# Short and extended while the work goes on: what a killed worker held is free within a minute.
LEASE = timedelta(seconds=60)


class LeaseLost(Exception):
    """The work was cancelled, or somebody else holds it: stop without a trace."""


def take(rows: "models.QuerySet[Any]", **values: Any) -> datetime | None:
    """Take the one row of ``rows`` if nobody holds it: one UPDATE, so two workers cannot both
    win. Returns when the lease ends; None when the row is held, over or not there."""
    now = timezone.now()
    free = Q(state=QUEUED) | Q(state=RUNNING, lease_until__lt=now)
    taken = rows.filter(free).update(
        state=RUNNING, attempt=F("attempt") + 1, lease_until=now + LEASE, **values
    )
    return now + LEASE if taken else None


class Lease:
    """A row that this process holds. Every write asks whether it still does, so a worker that
    was slower than its lease changes nothing."""

    def __init__(self, row: models.Model, until: datetime) -> None:
        self._rows = type(row)._default_manager.filter(pk=row.pk, state=RUNNING)  # noqa: SLF001
        self._until = until
        self._extended = time.monotonic()

    def is_fresh(self, seconds: float) -> bool:
        """Whether it was taken or extended less than so long ago."""
        return time.monotonic() - self._extended < seconds

    def extend(self, **values: Any) -> None:
        """From now on for its whole length. Raises LeaseLost."""
        until = timezone.now() + LEASE
        self.write(lease_until=until, **values)
        self._until, self._extended = until, time.monotonic()

    def end(self, state: str, **values: Any) -> None:
        """Give it back. Raises LeaseLost."""
        self.write(state=state, lease_until=None, **values)

    def write(self, **values: Any) -> None:
        """Change the row. Raises LeaseLost when it is not ours."""
        if not self._mine().update(**values):
            raise LeaseLost

    def held(self) -> None:
        """Raise LeaseLost when it is not ours."""
        if not self._mine().exists():
            raise LeaseLost

    def lock(self) -> None:
        """The same inside a transaction, until whose end nobody else can take it."""
        if not self._mine().select_for_update().exists():
            raise LeaseLost

    def is_proven_by(self, until: datetime | None) -> bool:
        """Whether this is the end of the lease that stands in the row."""
        return until == self._until

    def _mine(self) -> "models.QuerySet[Any]":
        return self._rows.filter(lease_until=self._until)
