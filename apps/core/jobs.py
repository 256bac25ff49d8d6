"""Background work is declared here below and written as a task above, in ``workers``."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


class Queue(StrEnum):
    LIGHT = "light"
    PARSE = "parse"
    EMBED = "embed"


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of background work. The task of the same name lives in ``workers``."""

    name: str
    queue: Queue
    expires_s: int = 24 * 3600

    def enqueue(self, **kwargs: Any) -> None:
        """Send once the current transaction commits; never before."""
        transaction.on_commit(lambda: _send(self, kwargs))


# After a failed send the broker is left alone for a moment: asking a dead one takes six seconds,
# and whoever asks is holding a person's request.
_REST_S = 5.0
_rests_until = 0.0


def _send(job: Job, kwargs: Mapping[str, Any], *, countdown: float = 0) -> None:
    """Hand the message to the broker. One that is away costs no request its success: rows are
    queued, and the sweeper sends again what was not sent."""
    global _rests_until  # noqa: PLW0603 - one broker per process
    if time.monotonic() < _rests_until:
        log.warning("%s not sent: the broker was away a moment ago", job.name)
        return
    try:
        current_app.send_task(
            job.name,
            kwargs=dict(kwargs),
            queue=job.queue.value,
            expires=job.expires_s,
            countdown=countdown or None,
            retry=False,
            ignore_result=True,
        )
    except (OperationalError, OSError) as error:
        _rests_until = time.monotonic() + _REST_S
        log.warning("%s not sent: %s", job.name, error)


def send_later(job: Job, *, countdown: float, **kwargs: Any) -> None:
    """Send now, to be worked on ``countdown`` seconds from now."""
    transaction.on_commit(lambda: _send(job, kwargs, countdown=countdown))
