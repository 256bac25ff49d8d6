"""One replica: started, watched, put to sleep in quiet hours, woken by a question, stopped."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from workers.engines import figures
from workers.supervision.life import Life
from workers.supervision.life import State as LifeState
from workers.supervision.plan import Part, Plan

_LOOK_S = 0.5
_ASK_EVERY_S = 2.0
# The product looks at its model servers anew at most so often; see apps.engines.factory.
_HEARD_S = 2.5


class State(StrEnum):
    STARTING = "starting"
    UP = "up"
    DRAINING = "draining"  # ends what runs; then it sleeps or is stopped
    ASLEEP = "asleep"
    FAILED = "failed"  # ended by itself; started again after a pause
    STOPPED = "stopped"


class Replica:
    """Answers at ``engine`` while it is up; ``told`` hears of each change. ``is_quiet`` says
    whether a moment is in a quiet hour."""

    def __init__(  # noqa: PLR0913 - the values of one replica, by keyword
        self,
        part: Part,
        plan: Plan,
        *,
        name: str,
        key: str,
        told: Callable[["Replica"], Awaitable[None]],
        is_quiet: Callable[[datetime], bool],
        now: Callable[[], datetime],
        idle_s: float,
        drain_s: float,
    ) -> None:
        self.part, self.name, self.key = part, name, key
        self.wake_s = part.start_s
        self.state = State.STARTING
        self.note = ""
        self._plan, self._told = plan, told
        self._is_quiet, self._now = is_quiet, now
        self._idle_s, self._drain_s = idle_s, drain_s
        self._ending = asyncio.Event()
        self._asked = asyncio.Event()
        self._is_up = asyncio.Event()
        self._changed = asyncio.Event()
        self._was_asleep = False

    @property
    def engine(self) -> str:
        """The engine's own address."""
        return f"http://{self.part.host}:{self.part.port}"

    @property
    def is_ending(self) -> bool:
        """Whether it is being stopped for good."""
        return self._ending.is_set()

    @property
    def upstream(self) -> tuple[str, int] | None:
        """See ``door.Gate``. Nothing new once it is being stopped for good."""
        is_up = self._is_up.is_set() and not self._ending.is_set()
        return (self.part.host, self.part.port) if is_up else None

    @property
    def can_wake(self) -> bool:
        """See ``door.Gate``."""
        waking = self.state is State.STARTING and self._was_asleep
        sleeps = self.state in {State.ASLEEP, State.DRAINING}
        return not self._ending.is_set() and (sleeps or waking)

    def wake(self) -> None:
        """See ``door.Gate``."""
        self._asked.set()

    async def up(self) -> tuple[str, int] | None:
        """See ``door.Gate``."""
        while not self._is_up.is_set():
            if not self.can_wake:
                return None
            await self._changed.wait()
        return self.upstream

    async def run(self) -> None:
        """Until ``end``: up by day, asleep in quiet hours that nobody asks in."""
        while not self._ending.is_set():
            if self._is_quiet(self._now()) and not self._asked.is_set():
                await self._sleep()
            else:
                await self._serve()
        await self._become(State.STOPPED)

    def end(self) -> None:
        """Take nothing new, let what runs end, stop."""
        self._ending.set()
        self._tell_waiting()

    async def _sleep(self) -> None:
        self._was_asleep = True
        await self._become(State.ASLEEP)
        while not (self._asked.is_set() or self._ending.is_set()):
            if not self._is_quiet(self._now()):
                return
            await asyncio.sleep(_LOOK_S)

    async def _serve(self) -> None:
        """One life of the engine, with all its failures, until it is to sleep or to end."""
        life = Life(self.part, self._plan, changed=lambda _life: None)
        living = asyncio.create_task(life.live({}))
        try:
            await self._watch(life)
        finally:
            if life.state is LifeState.READY:
                await self._drain(life)
            await life.stop()
            living.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await living

    async def _watch(self, life: Life) -> None:
        busy_at, seen, asked_at = time.monotonic(), None, 0.0
        while not self._ending.is_set():
            await self._follow(life)
            if time.monotonic() - asked_at > _ASK_EVERY_S and self.state is State.UP:
                asked_at = time.monotonic()
                activity = await figures.ask(self.engine)
                if activity is None or activity.open or activity != seen:
                    seen, busy_at = activity, time.monotonic()
            is_idle = time.monotonic() - busy_at > self._idle_s
            if self.state is State.UP and is_idle and self._is_quiet(self._now()):
                self._asked.clear()
                return
            await asyncio.sleep(_LOOK_S)

    async def _follow(self, life: Life) -> None:
        """Become what the process became."""
        match life.state:
            case LifeState.READY:
                self._is_up.set()
                await self._become(State.UP)
            case LifeState.FAILED:
                self._is_up.clear()
                self._was_asleep = False  # it may fail again: nobody is kept waiting for that
                await self._become(State.FAILED, life.note)
            case _:
                self._is_up.clear()
                if self.state is not State.FAILED:
                    await self._become(State.STARTING)

    async def _drain(self, life: Life) -> None:
        """Let the product hear that nothing new comes here, then wait for what still runs. Who
        comes to the door of one that goes to sleep waits until it is up again. An engine that is
        too busy to say what it does is not idle."""
        self._was_asleep = True
        await self._become(State.DRAINING)
        await asyncio.sleep(_HEARD_S)
        self._is_up.clear()
        until = time.monotonic() + self._drain_s
        while time.monotonic() < until and life.state is LifeState.READY:
            activity = await figures.ask(self.engine)
            if activity is not None and not activity.open:
                return
            await asyncio.sleep(_LOOK_S)

    async def _become(self, state: State, note: str = "") -> None:
        if (state, note) != (self.state, self.note):
            self.state, self.note = state, note
            self._tell_waiting()
            await self._told(self)

    def _tell_waiting(self) -> None:
        """Whoever waits in ``up`` looks again."""
        self._changed.set()
        self._changed = asyncio.Event()
