"""One writer thread per table: what waits is committed together, upkeep comes in between."""

import contextlib
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from apps.rag.ports import EmbeddedVersion, EngineBusy
from workers import heap

logger = logging.getLogger(__name__)

_GROUP_ROWS = 4_000
_WAITING_ROWS = 60_000
# Rows that no index knows yet are read by every search for words: few of them may pile up, but
# upkeep must not take more than a tenth of the writer's time either.
_COMMITS_BETWEEN_UPKEEP = 50
_ROWS_BETWEEN_UPKEEP = 400
_MOST_ROWS_BETWEEN_UPKEEP = 10_000
_REST = 10
_IDLE_S = 2.0

Changes = Mapping[str, EmbeddedVersion | None]


class Writable(Protocol):
    """What the writer does to a table."""

    def apply(self, changes: Changes) -> None: ...
    def optimize(self, *, purge: bool = False) -> None: ...
    def drop_all(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Order:
    """Changes to commit, with any others."""

    changes: Changes
    done: Future[None] = field(default_factory=Future)

    @property
    def rows(self) -> int:
        return sum(len(version.chunks) for version in self.changes.values() if version)


@dataclass(frozen=True, slots=True)
class _Task:
    """Work that runs between two commits, in its turn."""

    work: Callable[[], None]
    done: Future[None] = field(default_factory=Future)


class GroupWriter(threading.Thread):
    """Gathers orders and commits them as one; each is answered after its commit."""

    def __init__(self, table: Writable, *, name: str, idle_s: float = _IDLE_S) -> None:
        super().__init__(name=f"writer {name}", daemon=True)
        self._table = table
        self._idle_s = idle_s
        self._orders: queue.SimpleQueue[_Order | _Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.waiting_rows = 0
        self.commits = 0
        self._since_upkeep = (0, 0)
        self._upkeep_from = 0.0

    def write(self, changes: Changes) -> Future[None]:
        """Commit with whatever else waits. Raises EngineBusy when too much waits already."""
        order = _Order(dict(changes))
        with self._lock:
            if self.waiting_rows and self.waiting_rows + order.rows > _WAITING_ROWS:
                raise EngineBusy("index: the queue is full", retry_after=2.0)
            self.waiting_rows += order.rows
        self._orders.put(order)
        return order.done

    def upkeep(self, *, purge: bool) -> Future[None]:
        """Optimise after everything that waits now."""
        return self._later(lambda: self._optimize(purge=purge))

    def drop_all(self) -> Future[None]:
        """Remove the table after everything that waits now."""
        return self._later(self._table.drop_all)

    def finish(self) -> None:
        """Commit what waits, then end."""
        self._orders.put(None)
        self.join()

    def _later(self, work: Callable[[], None]) -> Future[None]:
        task = _Task(work)
        self._orders.put(task)
        return task.done

    def run(self) -> None:
        """Until ``finish``."""
        while True:
            taken = self._taken()
            for kind, group in itertools.groupby(taken, key=type):
                members = list(group)
                if kind is _Order:
                    self._commit([order for order in members if isinstance(order, _Order)])
                for task in members:
                    if isinstance(task, _Task):
                        _settle(_tried(task.work), [task.done])
            if None in taken:
                return
            if not taken or self._is_upkeep_due():
                _tried(self._optimize)

    def _taken(self) -> list[_Order | _Task | None]:
        """What waits, in order, up to a group; nothing when it was quiet after some commits."""
        is_untidy = self._since_upkeep != (0, 0)
        taken: list[_Order | _Task | None] = []
        with contextlib.suppress(queue.Empty):
            taken.append(self._orders.get(timeout=self._idle_s if is_untidy else None))
            while sum(order.rows for order in taken if isinstance(order, _Order)) < _GROUP_ROWS:
                taken.append(self._orders.get_nowait())
        return taken

    def _commit(self, group: Sequence[_Order]) -> None:
        together: dict[str, EmbeddedVersion | None] = {}
        for order in group:
            together |= order.changes
        problem = _tried(lambda: self._table.apply(together))
        if problem and len(group) > 1:
            # One order that cannot be carried out must not fail its neighbours.
            for order in group:
                self._commit([order])
            return
        rows = sum(order.rows for order in group)
        with self._lock:
            self.waiting_rows -= rows
        self.commits += 1
        commits, since = self._since_upkeep
        self._since_upkeep = (commits + 1, since + rows)
        _settle(problem, [order.done for order in group])

    def _is_upkeep_due(self) -> bool:
        commits, rows = self._since_upkeep
        if rows >= _MOST_ROWS_BETWEEN_UPKEEP:
            return True
        is_untidy = commits >= _COMMITS_BETWEEN_UPKEEP or rows >= _ROWS_BETWEEN_UPKEEP
        return is_untidy and time.monotonic() >= self._upkeep_from

    def _optimize(self, *, purge: bool = False) -> None:
        self._since_upkeep = (0, 0)
        started = time.monotonic()
        self._table.optimize(purge=purge)
        heap.give_back()
        ended = time.monotonic()
        self._upkeep_from = ended + _REST * (ended - started)
        logger.info("optimised in %.1f s", ended - started)


def _tried(work: Callable[[], None]) -> Exception | None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the thread's outermost: whoever waits is told
        logger.warning("the index refused: %s", error)
        return error
    return None


def _settle(problem: Exception | None, waiting: Sequence[Future[None]]) -> None:
    for done in waiting:
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
