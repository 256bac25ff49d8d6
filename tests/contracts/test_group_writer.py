"""The writer of a table: groups, order, failures, and the end."""

import threading
from collections.abc import Iterator

import pytest

from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, EngineBusy, EngineRejected
from workers import group_writer
from workers.group_writer import Changes, GroupWriter


class Table:
    """A table that writes when it is let, and refuses versions named bad."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.started = threading.Event()
        self.calls: list[object] = []

    def apply(self, changes: Changes) -> None:
        self.started.set()
        assert self.go.wait(10)
        self.calls.append(sorted(changes))
        if any("bad" in name for name in changes):
            raise EngineRejected("bad")

    def optimize(self, *, purge: bool = False) -> None:
        self.calls.append("purge" if purge else "optimize")

    def drop_all(self) -> None:
        self.calls.append("drop_all")


def changes(*names: str, rows: int = 1) -> dict[str, EmbeddedVersion | None]:
    chunks = [EmbeddedChunk(str(i), "d", "text", [1.0]) for i in range(rows)]
    return {name: EmbeddedVersion(name, "c", chunks) for name in names}


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def writer(table: Table) -> Iterator[GroupWriter]:
    thread = GroupWriter(table, name="test", idle_s=60)
    thread.start()
    yield thread
    table.go.set()
    thread.finish()


def test_what_waits_during_a_commit_is_committed_together(writer, table):
    first = writer.write(changes("a"))
    assert table.started.wait(5)
    others = [writer.write(changes(name)) for name in "bcd"]
    assert not any(done.done() for done in [first, *others])
    table.go.set()
    for done in [first, *others]:
        done.result(5)
    assert table.calls == [["a"], ["b", "c", "d"]]
    assert writer.waiting_rows == 0


def test_the_last_word_on_a_version_counts(writer, table):
    """Within a group a version that is dropped after it was added is dropped."""
    written: list[Changes] = []
    table.apply = lambda found: (table.started.set(), table.go.wait(10), written.append(found))  # type: ignore[method-assign,assignment,func-returns-value]
    writer.write(changes("first"))
    assert table.started.wait(5)
    writer.write(changes("x"))
    last = writer.write({"x": None})
    table.go.set()
    last.result(5)
    assert written[1] == {"x": None}


def test_a_bad_order_fails_alone(writer, table):
    writer.write(changes("first"))
    assert table.started.wait(5)
    good, bad, also_good = (writer.write(changes(name)) for name in ("good", "bad", "fine"))
    table.go.set()
    good.result(5)
    also_good.result(5)
    with pytest.raises(EngineRejected):
        bad.result(5)
    assert writer.waiting_rows == 0


def test_a_full_queue_asks_to_come_back(writer, table, monkeypatch):
    monkeypatch.setattr(group_writer, "_WAITING_ROWS", 10)
    writer.write(changes("a", rows=50))
    with pytest.raises(EngineBusy):
        writer.write(changes("b"))
    table.go.set()


def test_upkeep_and_dropping_keep_their_turn(writer, table):
    table.go.set()
    for done in (
        writer.write(changes("a")),
        writer.upkeep(purge=True),
        writer.write(changes("b")),
        writer.drop_all(),
        writer.write(changes("c")),
    ):
        done.result(5)
    assert table.calls == [["a"], "purge", ["b"], "drop_all", ["c"]]


def test_a_quiet_table_is_tidied_once(table):
    table.go.set()
    thread = GroupWriter(table, name="test", idle_s=0.01)
    thread.start()
    thread.write(changes("a")).result(5)
    for _ in range(500):
        if "optimize" in table.calls:
            break
        threading.Event().wait(0.01)
    threading.Event().wait(0.05)
    thread.finish()
    assert table.calls == [["a"], "optimize"]


def test_many_rows_are_tidied_without_a_quiet_moment(writer, table, monkeypatch):
    monkeypatch.setattr(group_writer, "_ROWS_BETWEEN_UPKEEP", 3)
    table.go.set()
    for name in "abcd":
        writer.write(changes(name)).result(5)
    writer.upkeep(purge=False).result(5)
    assert table.calls[3] == "optimize"


def test_the_end_comes_after_what_was_taken_in(table):
    thread = GroupWriter(table, name="test")
    thread.start()
    orders = [thread.write(changes(f"v{i}")) for i in range(20)]
    table.go.set()
    thread.finish()
    assert all(done.done() and done.exception() is None for done in orders)


def test_an_upkeep_that_fails_is_told_and_the_writer_goes_on(writer, table):
    table.go.set()

    def fail(*, purge: bool = False) -> None:
        raise OSError("disk full")

    table.optimize = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="disk full"):
        writer.upkeep(purge=False).result(5)
    writer.write(changes("a")).result(5)
