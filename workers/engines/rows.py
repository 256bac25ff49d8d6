"""The rows of replicas follow what they are, also where the database is gone for a while."""

import asyncio
import contextlib
from collections.abc import Callable

from workers.engines.replica import State

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


class Rows:
    """Writes the newest state of each replica in a loop of its own, until it is written: what
    watches over the engines never waits for it, and nothing that goes wrong here stops them."""

    def __init__(
        self, write: Callable[[int, State, bool], None], *, said: Callable[[str], None]
    ) -> None:
        self._write, self._said = write, said
        self._wanted: dict[int, tuple[State, bool]] = {}
        self._news, self._settled = asyncio.Event(), asyncio.Event()
        self._settled.set()

    def note(self, replica: int, state: State, *, is_ending: bool) -> None:
        """The newest there is to say of a replica."""
        self._wanted[replica] = (state, is_ending)
        self._settled.clear()
        self._news.set()

    async def settle(self, within_s: float) -> bool:
        """Whether all is written, waiting so long for it at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), within_s)
        return self._settled.is_set()

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._news.wait()
            if await self._written():
                pause = _FIRST_PAUSE_S
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _written(self) -> bool:
        """Write one of what waits. What could not be waits again behind the others, unless there
        is something newer to say by then."""
        replica, newest = next(iter(self._wanted.items()))
        del self._wanted[replica]
        try:
            await asyncio.to_thread(self._write, replica, *newest)
        except Exception as error:  # noqa: BLE001 - the engines answer whatever the database does
            self._wanted.setdefault(replica, newest)
            why = " ".join(f"{type(error).__name__} {error}".split())
            self._said(f"The row of replica {replica + 1} is written later: {why}")
            return False
        if not self._wanted:
            self._news.clear()
            self._settled.set()
        return True
