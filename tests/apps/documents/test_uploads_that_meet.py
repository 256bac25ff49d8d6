"""Two uploads of one file that meet at the worst moment: one of them looks, the other one commits."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.documents.models import Document, IngestRun
from apps.documents.services import Added
from apps.permissions.scope import entered
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.apps.documents.conftest import As, add

pytestmark = pytest.mark.django_db(transaction=True)
Execute = Callable[..., Any]
LONG_ENOUGH_S = 20


@pytest.fixture(autouse=True)
def _of_postgresql() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: its uploads do not meet")


class Pause:
    """Stops a thread once, right after it has read these rows, until it may go on."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.reached, self.over = Event(), Event()

    def __call__(self, execute: Execute, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        if not self.reached.is_set() and all(word in sql for word in self.words):
            self.reached.set()
            assert self.over.wait(LONG_ENOUGH_S)
        return found


@contextmanager
def pausing(
    pause: Pause, alice: User, upload: Callable[[], Added]
) -> Iterator[tuple[Future[Added], Callable[[], Future[Added]]]]:
    """An upload that stands at its pause, and what begins the other one."""
    scope = scope_of(alice)

    def first() -> Added:
        with connection.execute_wrapper(pause):
            return second()

    def second() -> Added:
        try:
            with entered(scope):
                return upload()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(first)
        try:
            assert pause.reached.wait(LONG_ENOUGH_S)
            yield stopped, lambda: pool.submit(second)
        finally:
            pause.over.set()


@pytest.mark.parametrize("answer", ["ask", "version", "rename"])
def test_a_file_that_came_while_the_same_one_was_looked_for_is_the_same_document(
    as_: As, alice: User, collection: Collection, answer: str
) -> None:
    pause = Pause('FROM "documents_document"', '"name" =')
    with pausing(pause, alice, lambda: add(collection, on_existing=answer)) as (late, begin):
        assert not begin().result(LONG_ENOUGH_S).is_duplicate
        pause.over.set()
        assert late.result(LONG_ENOUGH_S).is_duplicate
    with as_(alice):
        assert [one.name for one in Document.objects.all()] == ["notice.txt"]
        assert IngestRun.objects.count() == 1


def test_an_old_file_that_comes_back_twice_at_once_is_read_once(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        add(collection)
        add(collection, b"The notice period is sixty days.", on_existing="version")
    pause = Pause('FROM "documents_documentversion"', 'ORDER BY "documents_documentversion"."numb')
    with pausing(pause, alice, lambda: add(collection, on_existing="version")) as (held, begin):
        other = begin()
        wait([other], timeout=1)  # it waits for the first one, or is done
        pause.over.set()
        assert not held.result(LONG_ENOUGH_S).is_duplicate
        assert other.result(LONG_ENOUGH_S).is_duplicate
    with as_(alice):
        assert IngestRun.objects.count() == 3
