"""Jobs are sent once what they work on is stored, and never before."""

from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from apps.core.jobs import Job, Queue, send_later
from apps.permissions.scope import ScopeMissing, current_scope, system_scope

NOTE = Job("tests.note", queue=Queue.LIGHT)


def test_a_job_is_sent_on_commit(transactional_db: None, sent_jobs: list[Any]) -> None:
    with transaction.atomic():
        NOTE.enqueue(number=1)
        assert sent_jobs == []
    assert sent_jobs == [("tests.note", {"number": 1})]


def test_a_rollback_sends_nothing(transactional_db: None, sent_jobs: list[Any]) -> None:
    with pytest.raises(ValueError), transaction.atomic():  # noqa: PT011, PT012 - the block rolls back
        NOTE.enqueue(number=1)
        send_later(NOTE, countdown=5, number=2)
        raise ValueError
    assert sent_jobs == []


def test_inline_a_job_runs_as_a_worker_would_without_the_senders_scope(inline_jobs: None) -> None:
    seen: list[object] = []

    def note(number: int) -> None:
        try:
            seen.append(current_scope())
        except ScopeMissing:
            seen.append(number)

    current_app.task(note, name=NOTE.name)
    try:
        with system_scope("test: the sender"), transaction.atomic():
            NOTE.enqueue(number=1)
            assert seen == []
        assert seen == [1]
        with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012 - the block rolls back
            NOTE.enqueue(number=2)
            raise RuntimeError
        assert seen == [1]
    finally:
        current_app.tasks.unregister(NOTE.name)
