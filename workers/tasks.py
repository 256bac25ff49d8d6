"""How a job becomes a Celery task: in a system scope with a reason, on its own connections."""

from collections.abc import Callable
from typing import Any

from django.db import close_old_connections

from apps.core.jobs import Job
from apps.permissions.scope import system_scope
from workers.app import celery_app


def task(job: Job, *, reason: str) -> Callable[[Callable[..., None]], Any]:
    """Register a function as the task of a declared job. It acts for the system, for a reason."""

    def register(work: Callable[..., None]) -> Any:
        def run(**kwargs: str) -> None:
            close_old_connections()
            try:
                with system_scope(reason):
                    work(**kwargs)
            finally:
                close_old_connections()

        run.__doc__ = work.__doc__
        return celery_app.task(name=job.name)(run)

    return register
