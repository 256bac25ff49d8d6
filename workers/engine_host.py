"""Runs vLLM by a plan and watches over it: ``manage.py engine serve`` becomes this process.

    python -m workers.engine_host SERVICE.json [--no-register] [--use]

Its replicas are model servers of the installation while they are up. SIGTERM: nothing new, what
runs ends, then vLLM is stopped.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import django

from workers.engines.door import Door
from workers.engines.replica import Replica, State
from workers.engines.rows import Rows
from workers.supervision.claims import CannotStart, check_ports, lock, make_folders
from workers.supervision.plan import Check, Part, Plan, Probe

if TYPE_CHECKING:
    from apps.engines.vllm.registration import Registration
    from apps.engines.vllm.service import Service

_STOP_S = 30.0
# How long the end waits for the database to hear of it.
_SETTLE_S = 15.0


class EngineHost:
    """All replicas of one service, with their doors and their rows."""

    def __init__(self, service: "Service", plan: Plan, *, registration: "Registration | None",
                 key: str, time_zone: str) -> None:  # fmt: skip
        from apps.engines.vllm.quiet import is_quiet, read_hours  # noqa: PLC0415 - after django.setup

        hours = read_hours(service.quiet)
        zone = ZoneInfo(time_zone)
        self._service, self._registration, self._key = service, registration, key
        self._rows = Rows(self._enter, said=_say)
        self._replicas = [
            Replica(
                part,
                plan,
                name=service.name,
                key=key,
                told=self._told,
                is_quiet=lambda moment: is_quiet(hours, moment),
                now=lambda: datetime.now(zone),
                idle_s=service.idle_minutes * 60,
                drain_s=service.drain_s,
            )
            for part in plan.parts
        ]
        self._doors = [
            Door(replica, host=service.host, port=service.door_port + number)
            for number, replica in enumerate(self._replicas)
        ]

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end)
        for door in self._doors:
            await door.open()
        writing = asyncio.create_task(self._rows.run())
        try:
            await asyncio.gather(*(replica.run() for replica in self._replicas))
        finally:
            for door in self._doors:
                door.close()
            if not await self._rows.settle(_SETTLE_S):
                _say("The database did not hear that the engines ended: their rows are in use.")
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing

    def _end(self) -> None:
        _say("Stopping: nothing new is taken, running answers end first.")
        for replica in self._replicas:
            replica.end()

    async def _told(self, replica: Replica) -> None:
        number = self._replicas.index(replica)
        _say(
            f"{replica.part.name}: {replica.state}" + (f" ({replica.note})" if replica.note else "")
        )
        if self._registration is not None:
            self._rows.note(number, replica.state, is_ending=replica.is_ending)

    def _enter(self, number: int, state: State, is_ending: bool) -> None:  # noqa: FBT001 - to_thread
        """The row follows: the engine itself while it is up, its door while it is not."""
        from django.db import close_old_connections  # noqa: PLC0415 - after django.setup

        assert self._registration is not None  # noqa: S101 - the caller asked
        close_old_connections()
        if state is State.STOPPED or is_ending:
            self._registration.withdraw(number)
        elif state is State.UP:
            self._registration.point(number, self._address(self._service.port + number), self._key)
        elif state is not State.STARTING:
            door = self._address(self._service.door_port + number)
            self._registration.point(number, door, self._key)
        close_old_connections()

    def _address(self, port: int) -> str:
        near = self._service.address
        return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def plan_of(service: "Service", *, program: str, key: str, data_dir: Path, log_to: str) -> Plan:
    """A part for each replica, on GPUs and a port of its own."""
    from apps.engines.vllm.launch import arguments, devices, environment  # noqa: PLC0415

    parts = []
    for number in range(service.plan.replicas):
        launch = service.launch(number, devices(service.plan, number))
        parts.append(
            Part(
                name=f"engine-{service.name}-{number + 1}",
                command=arguments(program, service.plan, launch),
                env=environment(service.plan, launch, key=key),
                ready=Probe(Check.HTTP_OK, f"http://{launch.host}:{launch.port}/health"),
                start_s=service.start_s,
                stop_s=_STOP_S,
                orphan_signal=int(signal.SIGTERM),
                host=launch.host,
                port=launch.port,
                port_variable="--port",
                single=True,
            )
        )
    run_dir = str(data_dir / "run")
    return Plan(tuple(parts), "", str(data_dir), run_dir, run_dir, str(data_dir / "logs"), log_to)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{datetime.now().astimezone():%H:%M:%S} {sentence}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run vLLM by a plan and watch over it.")
    parser.add_argument("service", type=Path, help="what manage.py engine plan --json printed")
    parser.add_argument("--no-register", action="store_true", help="leave the database alone")
    parser.add_argument("--use", action="store_true", help="answer with it from now on")
    return parser.parse_args()


def main() -> int:
    """Serve until told to stop. Exit status: 0 stopped as asked, 1 could not start."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")
    django.setup()
    from apps.engines.vllm.refusal import CannotServe  # noqa: PLC0415 - after django.setup

    try:
        return _serve(_arguments())
    except (CannotStart, CannotServe, OSError) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1


def _serve(chosen: argparse.Namespace) -> int:
    from django.conf import settings  # noqa: PLC0415 - after django.setup

    from apps.engines.vllm.registration import Registration  # noqa: PLC0415
    from apps.engines.vllm.service import Service  # noqa: PLC0415

    service = Service.from_json(chosen.service.read_text(encoding="utf-8"))
    program = shutil.which(settings.VLLM_PROGRAM)
    if program is None:
        raise CannotStart(
            f"There is no program {settings.VLLM_PROGRAM}. Install vLLM into a virtual environment "
            "of its own and name its program: KB_VLLM=/opt/vllm/bin/vllm."
        )
    registration = None if chosen.no_register else Registration(service, wants_use=chosen.use)
    key = registration.key() if registration else os.environ.get("VLLM_API_KEY", "")
    plan = plan_of(
        service, program=program, key=key, data_dir=settings.DATA_DIR, log_to=settings.LOG_TO
    )
    make_folders(plan)
    held = lock(plan)
    check_ports(plan.parts)
    # vLLM gets none of the installation's secrets: they are read by now.
    for name in [name for name in os.environ if name.startswith("KB_")]:
        del os.environ[name]
    host = EngineHost(
        service, plan, registration=registration, key=key, time_zone=settings.TIME_ZONE
    )
    asyncio.run(host.run())
    for handle in held:
        handle.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
