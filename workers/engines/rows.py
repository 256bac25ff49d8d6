"""The rows of replicas follow what they are, also where the database is gone for a while."""

import asyncio
import contextlib
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

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
        self._news, self._settled, self._hurry = (asyncio.Event() for _ in range(3))
        self._settled.set()

    def note(self, replica: int, state: State, *, is_ending: bool) -> None:
        """The newest there is to say of a replica."""
        self._wanted[replica] = (state, is_ending)
        self._settled.clear()
        self._news.set()

    async def settle(self, within_s: float) -> bool:
        """Whether nothing waits any more, waiting so long for it at most; tries at once."""
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), within_s)
        return self._settled.is_set()

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._news.wait()
            if await self._all_written():
                pause = _FIRST_PAUSE_S
                continue
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _all_written(self) -> bool:
        """Try each of what waits once, so that one does not delay another."""
        for replica in list(self._wanted):
            await self._try(replica, *self._wanted.pop(replica))
        if not self._wanted:
            self._news.clear()
            self._settled.set()
        return not self._wanted

    async def _try(self, replica: int, state: State, is_ending: bool) -> None:  # noqa: FBT001
        """What could not be written waits again, unless there is something newer to say by then.
        What the database refuses for good is said once: asking again would not change it."""
        try:
            await asyncio.to_thread(self._write, replica, state, is_ending)
        except (OperationalError, InterfaceError, OSError) as error:
            self._wanted.setdefault(replica, (state, is_ending))
            self._said(f"The row of replica {replica + 1} is written later: {_why(error)}")
        except Exception as error:  # noqa: BLE001 - the engines answer whatever the database does
            self._said(
                f"The row of replica {replica + 1} stays as it is, though the replica is"
                f" {state}: {_why(error)}"
            )


def _why(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())
