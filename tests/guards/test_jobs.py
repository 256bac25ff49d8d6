"""A job is declared below and written above: the two lists are one."""

import importlib
import pkgutil

import apps
from apps.core.jobs import Job, Queue
from workers.app import celery_app


def _declared() -> dict[str, Job]:
    """Every Job in a ``jobs`` module of an app, by name."""
    found: dict[str, Job] = {}
    for package in pkgutil.iter_modules(apps.__path__, "apps."):
        try:
            module = importlib.import_module(f"{package.name}.jobs")
        except ModuleNotFoundError:
            continue
        for value in vars(module).values():
            if isinstance(value, Job):
                assert found.setdefault(value.name, value) is value, f"{value.name} is there twice"
    return found


def _registered() -> set[str]:
    celery_app.loader.import_default_modules()
    return {name for name in celery_app.tasks if not name.startswith("celery.")}


def test_declared_jobs_are_the_registered_tasks():
    assert set(_declared()) == _registered()


def test_every_job_names_its_queue():
    assert _declared()
    assert all(isinstance(job.queue, Queue) for job in _declared().values())


def test_what_the_schedule_sends_is_declared():
    scheduled = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
    assert scheduled <= set(_declared())
