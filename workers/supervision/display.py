"""One tidy line per part: redrawn on a terminal, printed on change elsewhere."""

import time
from collections.abc import Sequence
from typing import TextIO

import psutil

from workers.supervision.life import Life, State

_MEMORY_EVERY_S = 5.0
_SHOWN_STATES = {State.STARTING, State.READY, State.FAILED, State.DONE, State.STOPPED}


class Display:
    """Where the person at the terminal looks."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._lines_drawn = 0
        self._memory: dict[int, str] = {}
        self._measured_at = 0.0

    def say(self, *lines: str) -> None:
        """Lines that stay, above the table."""
        self._erase()
        for line in lines:
            self._out.write(line + "\n")
        self._out.flush()

    def changed(self, life: Life) -> None:
        """A part changed its state. A terminal shows it at the next ``draw``."""
        if self._is_terminal:
            if life.state is State.FAILED:
                self.say(f"  {life.part.name}: {life.note}")
        elif life.state in _SHOWN_STATES:
            clock = time.strftime("%H:%M:%S")
            where = f" (process {life.pid})" if life.pid and life.state is State.READY else ""
            note = f": {life.note}" if life.note else ""
            self.say(f"{clock} {life.part.name} {life.state}{where}{note}")

    def draw(self, lives: Sequence[Life]) -> None:
        """The table, in place of the one before. Nothing where there is no terminal."""
        if not self._is_terminal:
            return
        self._measure(lives)
        rows = [self._row(life) for life in lives if not life.part.once]
        self._erase()
        self._out.write("".join(row + "\n" for row in rows))
        self._out.flush()
        self._lines_drawn = len(rows)

    def _erase(self) -> None:
        if self._lines_drawn:
            self._out.write(f"\x1b[{self._lines_drawn}A\x1b[J")
            self._lines_drawn = 0

    def _row(self, life: Life) -> str:
        running = life.pid is not None
        up = _duration(time.monotonic() - life.started_at) if running else ""
        memory = self._memory.get(life.pid or 0, "")
        again = f"restarts {life.restarts}" if life.restarts else ""
        pid = str(life.pid or "")
        return f"  {life.part.name:<14}{life.state:<10}{pid:>8}{up:>9}{memory:>9}  {again}".rstrip()

    def _measure(self, lives: Sequence[Life]) -> None:
        if time.monotonic() - self._measured_at < _MEMORY_EVERY_S:
            return
        self._measured_at = time.monotonic()
        self._memory = {life.pid: _memory_of(life.pid) for life in lives if life.pid}


def _memory_of(pid: int) -> str:
    """Resident memory of a process and its children."""
    total = 0
    try:
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.Error:
        return ""
    return f"{total / 1024 / 1024:.0f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
