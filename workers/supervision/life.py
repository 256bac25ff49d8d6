"""The life of one part: wait, start, become ready, be watched, start again, stop."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from apps.core import leash
from workers.supervision.logs import last_line, rotate
from workers.supervision.plan import Part, Plan
from workers.supervision.probes import sign_of_life

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LONGEST_START_S = 600.0
_GOOD_RUN_S = 60.0  # ran this long: the next failure is a first failure again
_LOOK_S = 10.0


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Life:
    """One part and what has become of it."""

    def __init__(self, part: Part, plan: Plan, *, changed: Callable[["Life"], None]) -> None:
        self.part = part
        self.state = State.WAITING
        self.note = ""
        self.restarts = 0
        self.started_at = 0.0
        self.said: list[str] = []
        self.is_ready = asyncio.Event()
        self._changed = changed
        self._process: Process | None = None
        # Twice as long after each start that was too slow: on a machine that is busy for a while,
        # parts that are stopped and started for ever would keep it busy.
        self._start_s = part.start_s
        self._log = Path(plan.log_dir) / f"{part.name}.log"
        self._to_files = plan.log_to == "files"
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        return self._log

    async def live(self, others: Mapping[str, "Life"]) -> None:
        """Until stopped: start when ``after`` is ready, watch, and start again with back-off."""
        for name in self.part.after:
            if name in others:
                await others[name].is_ready.wait()
        pause = _FIRST_PAUSE_S
        while not self._stopping:
            begun = time.monotonic()
            why = await self._run_once()
            if self._is_over():
                return
            if time.monotonic() - begun > _GOOD_RUN_S:
                pause = _FIRST_PAUSE_S
            self._become(State.FAILED, f"{why}; again in {pause:.0f} s")
            await asyncio.sleep(pause)
            self.restarts += 1
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """End the part: SIGTERM, a grace, SIGKILL to all that is left of its group."""
        self._stopping = True
        process = self._process
        if process is None:
            self.state = State.STOPPED
            return
        self._become(State.STOPPING)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), self.part.stop_s)
        self.kill()
        await process.wait()
        self._become(State.STOPPED)

    def kill(self) -> None:
        """End the part and its children at once. Each part leads a process group of its own."""
        if self._process is not None:
            _kill_group(self._process.pid)

    def _is_over(self) -> bool:
        return self._stopping or self.state is State.DONE

    async def _run_once(self) -> str:
        """One run from start to end. Returns why it ended."""
        self._become(State.STARTING)
        before = await self._old_sign()
        try:
            self._process = process = await self._start()
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        try:
            if self._stopping:  # asked to stop while it was being started
                return ""
            if self.part.once:
                return await self._wait_for_end(process)
            return await self._watch(process, before)
        finally:
            _kill_group(process.pid)
            await process.wait()
            self._process = None

    async def _start(self) -> Process:
        rotate(self._log)
        self.started_at = time.monotonic()
        with contextlib.ExitStack() as files:
            out: int | None = None
            if self._to_files:
                out = files.enter_context(self._log.open("ab")).fileno()
            return await asyncio.create_subprocess_exec(
                *_leashed(self.part),
                stdin=DEVNULL,
                stdout=PIPE if self.part.speaks else out,
                stderr=out,
                env={**os.environ, **self.part.env},
                start_new_session=True,
            )

    async def _wait_for_end(self, process: Process) -> str:
        said, _ = await process.communicate()
        if process.returncode != 0:
            return self._why(process)
        self.said = said.decode(errors="replace").splitlines() if said else []
        self.is_ready.set()
        self._become(State.DONE)
        return ""

    async def _watch(self, process: Process, before: str) -> str:
        ended = asyncio.create_task(process.wait())
        try:
            if not await self._becomes_ready(ended, before):
                return self._why(process) if ended.done() else "did not become ready in time"
            self.is_ready.set()
            self._become(State.READY)
            silent_s = await self._stays_alive(ended)
            return f"silent for {silent_s:.0f} s" if silent_s else self._why(process)
        finally:
            ended.cancel()

    async def _old_sign(self) -> str:
        """The last beat of the run before this one. Asked before the start: on a busy machine the
        new process beats before we are asked again."""
        is_pulse = self.part.ready.check == "pulse"
        return await sign_of_life(self.part.ready) if is_pulse and self.part.ready.target else ""

    async def _becomes_ready(self, ended: asyncio.Task[int], before: str) -> bool:
        deadline = time.monotonic() + self._start_s
        while time.monotonic() < deadline:
            sign = await sign_of_life(self.part.ready)
            if sign and sign != before and not ended.done():
                return True
            if await _done_within(ended, 0.2):
                return False
        self._start_s = min(2 * self._start_s, max(_LONGEST_START_S, self.part.start_s))
        return False

    async def _stays_alive(self, ended: asyncio.Task[int]) -> float:
        """Watch until the process ends (0) or gives no sign for too long (the seconds)."""
        seen, seen_at = "", time.monotonic()
        look_s = min(_LOOK_S, self.part.stale_s / 3)
        while not await _done_within(ended, look_s):
            rotate(self._log)
            sign = await sign_of_life(self.part.ready)
            is_new = bool(sign) and (sign != seen or self.part.ready.check != "pulse")
            if is_new or not await sign_of_life(self.part.depends):
                seen, seen_at = sign, time.monotonic()
            silent_s = time.monotonic() - seen_at
            if silent_s > self.part.stale_s:
                return silent_s
        return 0.0

    def _why(self, process: Process) -> str:
        code = process.returncode
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name}"
        line = last_line(self._log) if self._to_files else ""
        return f"ended with code {code}" + (f" ({line})" if line else "")

    def _become(self, state: State, note: str = "") -> None:
        if (state, note) != (self.state, self.note):
            self.state, self.note = state, note
            self._changed(self)


def _leashed(part: Part) -> tuple[str, ...]:
    """The command behind a launcher that ties it to this process, then becomes it."""
    launcher = (sys.executable, "-I", "-S", leash.__file__)
    numbers = (str(part.orphan_signal), str(part.nice), str(os.getpid()))
    return (*launcher, *numbers, *part.command)


async def _done_within(task: asyncio.Task[int], seconds: float) -> bool:
    await asyncio.wait({task}, timeout=seconds)
    return task.done()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
