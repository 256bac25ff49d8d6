"""Starts and watches every part of a one-machine installation (``make run``, ``docker run``).

What runs comes from ``KB_*`` through ``kb_platform.parts``, asked in a process of its own: this
one imports no Django, so it stays small and cannot be broken by what it watches.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from itertools import groupby

from workers.supervision import status
from workers.supervision.claims import CannotStart, check_ports, lock, make_folders
from workers.supervision.display import Display
from workers.supervision.life import Life
from workers.supervision.plan import Plan

_SECOND_CTRL_C_S = 1.0  # a terminal's Ctrl-C may arrive twice: from the keyboard and from make
_DRAW_S = 1.0
_STATUS_S = 5.0


class Supervisor:
    """All lives of a plan, from the first start to the last stop."""

    def __init__(self, plan: Plan, display: Display) -> None:
        self._plan = plan
        self._display = display
        self._asked_to_stop = asyncio.Event()
        self._asked_at = 0.0
        self._lives = {part.name: Life(part, plan, changed=display.changed) for part in plan.parts}

    async def run(self) -> None:
        """Until a signal asks to stop; then stop all in order."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, self._ask_to_stop)
        work = [asyncio.create_task(life.live(self._lives)) for life in self._lives.values()]
        work += [
            asyncio.create_task(self._announce()),
            asyncio.create_task(self._draw()),
            asyncio.create_task(self._note()),
        ]
        await self._asked_to_stop.wait()
        self._display.say("Stopping. Running answers are recorded; Ctrl-C again ends it at once.")
        await self._stop_in_order()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        status.status_file(self._plan.run_dir).unlink(missing_ok=True)
        self._display.say("Stopped.")

    def _changed(self, life: Life) -> None:
        self._display.changed(life)
        status.write(self._plan.run_dir, self._lives.values())

    def _ask_to_stop(self) -> None:
        if not self._asked_to_stop.is_set():
            self._asked_at = time.monotonic()
            self._asked_to_stop.set()
        elif time.monotonic() - self._asked_at > _SECOND_CTRL_C_S:
            for life in self._lives.values():
                life.kill()

    async def _stop_in_order(self) -> None:
        """The web first, so that it can still record; then workers, hosts, and Redis last."""
        by_rank = sorted(self._lives.values(), key=lambda life: life.part.stop_rank)
        for _rank, group in groupby(by_rank, key=lambda life: life.part.stop_rank):
            await asyncio.gather(*(life.stop() for life in group))

    async def _announce(self) -> None:
        web = self._lives.get("web")
        for life in [web] if web else self._lives.values():
            await life.is_ready.wait()
        late = [life.part.name for life in self._lives.values() if not life.is_ready.is_set()]
        lines = ["", f"Footnote is at {self._plan.address}" if web else "All parts are ready."]
        lines += [line for life in self._lives.values() for line in life.said]
        if late:
            lines.append(f"Still starting: {', '.join(late)}.")
        self._display.say(*lines, "Stop with Ctrl-C. Logs: " + self._plan.log_dir, "")

    async def _draw(self) -> None:
        while True:
            self._display.draw(list(self._lives.values()))
            await asyncio.sleep(_DRAW_S)

    async def _note(self) -> None:
        while True:
            status.write(self._plan.run_dir, self._lives.values())
            await asyncio.sleep(_STATUS_S)


def read_plan() -> Plan:
    """The plan of this environment. Raises CannotStart with the faults of the environment."""
    asked = subprocess.run(
        [sys.executable, "-m", "kb_platform.parts"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        raise CannotStart(asked.stderr.strip())
    return Plan.from_json(asked.stdout)


def run(plan: Plan) -> int:
    """Supervise until asked to stop. Exit status: 0 stopped as asked, 1 could not start."""
    try:
        make_folders(plan)
        held = lock(plan)
        check_ports(plan.parts)
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    asyncio.run(Supervisor(plan, Display(sys.stdout)).run())
    for handle in held:
        handle.close()
    return 0


def main() -> int:
    """What this environment asks for, supervised."""
    parser = argparse.ArgumentParser(description="Start and watch the parts of this machine.")
    parser.add_argument("--status", action="store_true", help="say how the running parts are")
    chosen = parser.parse_args()
    try:
        plan = read_plan()
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return status.show(plan.run_dir, sys.stdout) if chosen.status else run(plan)


if __name__ == "__main__":
    sys.exit(main())
