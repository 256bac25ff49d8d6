"""Calls of tools are put together from what servers stream, in the ways in which they do."""

from apps.rag.calls import Calls
from apps.rag.ports import CallPart, Delta, DeltaKind


def put_together(*parts: tuple[int, str, str, str]) -> list[tuple[str, str, str]]:
    calls = Calls()
    for index, id_, name, arguments in parts:
        calls.add(Delta(arguments, DeltaKind.CALL, call=CallPart(index, id_, name)))
    return [(call.id, call.name, call.arguments) for call in calls.whole()]


def test_pieces_of_two_calls_find_their_call_by_its_index() -> None:
    pieces = [(0, "A", "stock", ""), (1, "B", "price", "{"), (0, "", "", "{}"), (1, "", "", "}")]
    assert put_together(*pieces) == [("A", "stock", "{}"), ("B", "price", "{}")]


def test_whole_calls_of_a_server_that_numbers_none_stay_apart() -> None:
    assert put_together((0, "A", "stock", "{}"), (0, "B", "price", '{"of": 7}')) == [
        ("A", "stock", "{}"),
        ("B", "price", '{"of": 7}'),
    ]


def test_pieces_that_repeat_the_id_are_of_one_call() -> None:
    assert put_together((0, "A", "stock", "{"), (0, "A", "", "}")) == [("A", "stock", "{}")]
