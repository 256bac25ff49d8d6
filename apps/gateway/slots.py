"""How many questions one server has at once; more wait, in turn, up to a number.

Counted in each web process. Threads may share it: answers of one process can run on two loops.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from apps.gateway.routing.turns import Line
from apps.rag.ports import EngineBusy

FULL_RETRY_S = 5.0


@dataclass(eq=False, slots=True)
class _Waiting:
    loop: asyncio.AbstractEventLoop
    called: "asyncio.Future[None]"
    has_slot: bool = False


@dataclass(slots=True)
class Slots:
    """The places at one server."""

    running: int = 0
    _line: Line[_Waiting] = field(default_factory=Line)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def waiting(self) -> int:
        return len(self._line)

    @asynccontextmanager
    async def taken(
        self, *, room: int, longest_line: int, group: str, is_batch: bool = False
    ) -> AsyncIterator[None]:
        """Hold one of ``room`` places (0: as many as come), waiting in turn where all are taken.
        Raises EngineBusy where ``longest_line`` wait already."""
        waiter = self._entered(room, longest_line, group, is_batch=is_batch)
        try:
            if waiter is not None:
                await waiter.called
        except BaseException:
            self._gave_up(waiter)
            raise
        try:
            yield
        finally:
            self._left(room)

    def _entered(
        self, room: int, longest_line: int, group: str, *, is_batch: bool
    ) -> _Waiting | None:
        with self._lock:
            if not room or (self.running < room and not len(self._line)):
                self.running += 1
                return None
            if len(self._line) >= longest_line:
                raise EngineBusy("every place is taken", retry_after=FULL_RETRY_S, is_ours=True)
            loop = asyncio.get_running_loop()
            waiter = _Waiting(loop, loop.create_future())
            self._line.join(waiter, group=group, is_batch=is_batch)
            return waiter

    def _left(self, room: int) -> None:
        """Free a place, and call who may have it now."""
        with self._lock:
            self.running -= 1
            self._call(room)

    def _gave_up(self, waiter: _Waiting | None) -> None:
        """Whoever was called and did not hear it any more passes the place on."""
        if waiter is None:
            return
        with self._lock:
            if not self._line.leave(waiter) and waiter.has_slot:
                self.running -= 1
                self._call(0)

    def _call(self, room: int) -> None:
        while len(self._line) and (not room or self.running < room):
            waiter = self._line.next()
            if waiter is None:
                return
            self.running += 1
            waiter.has_slot = True
            waiter.loop.call_soon_threadsafe(_wake, waiter.called)
            if not room:
                return


def _wake(called: "asyncio.Future[None]") -> None:
    if not called.done():
        called.set_result(None)
