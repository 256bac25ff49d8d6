"""What every Celery worker process does beside its tasks: shows that it consumes, leaves no orphan."""

import os
import signal
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.signals import worker_process_init
from celery.worker.control import control_command
from django.conf import settings
from kombu.exceptions import OperationalError

from apps.core.leash import die_with_parent
from workers.app import celery_app

_EVERY_S = 10.0


def pulse_file(node: str) -> Path:
    """The file that worker ``node`` touches; the supervisor looks at its age."""
    return Path(settings.RUN_DIR) / f"{node}.pulse"


@control_command()
def pulse(state: Any) -> None:
    """Arrived through the broker: this worker consumes. Busy pools answer too."""
    path = pulse_file(state.hostname)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch()


class Pulse(bootsteps.StartStopStep):
    """Sends this worker a word through the broker every ten seconds.

    A worker can live and yet consume nothing after its broker came back; only a round trip shows.
    """

    requires = ("celery.worker.consumer.control:Control",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._entry: Any = None

    def start(self, consumer: Any) -> None:
        self._entry = consumer.timer.call_repeatedly(_EVERY_S, self._send, (consumer,))
        consumer.timer.call_after(0.2, self._send, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None

    def _send(self, consumer: Any) -> None:
        try:
            consumer.app.control.broadcast("pulse", destination=[consumer.hostname], reply=False)
        except OperationalError:
            # The broker is away; the supervisor forgives silence as long as that lasts.
            return


celery_app.steps["consumer"].add(Pulse)


@worker_process_init.connect
def _end_with_the_worker(**_kwargs: Any) -> None:
    """A pool child must not go on working for a worker that was killed."""
    die_with_parent(signal.SIGKILL, parent=os.getppid())
