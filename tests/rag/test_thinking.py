"""Thinking that a model writes into its answer."""

import pytest

from apps.rag.ports import DeltaKind
from apps.rag.thinking import ThinkingSplitter


def split(pieces):
    """(text, thinking) of a streamed answer."""
    splitter = ThinkingSplitter()
    deltas = [delta for piece in pieces for delta in splitter.feed(piece)] + splitter.flush()
    assert all(delta.text for delta in deltas)
    return tuple(
        "".join(delta.text for delta in deltas if delta.kind is kind)
        for kind in (DeltaKind.TEXT, DeltaKind.THINKING)
    )


ANSWER = "<think>\nHmm, 3 < 5.\n</think>\n\nIt is 3 [1]."


@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
def test_thinking_is_split_off_wherever_the_stream_is_cut(cut):
    assert split([ANSWER[:cut], ANSWER[cut:]]) == ("It is 3 [1].", "Hmm, 3 < 5.\n")


def test_thinking_is_split_off_when_every_character_comes_alone():
    assert split(ANSWER) == ("It is 3 [1].", "Hmm, 3 < 5.\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Plain text.", ("Plain text.", "")),
        ("a < b and <thin air", ("a < b and <thin air", "")),
        ("<thi", ("<thi", "")),
        ("", ("", "")),
        ("  \n<think>x</think>y", ("  \ny", "x")),
        ("<think>never closed", ("", "never closed")),
        ("<think>a</thi", ("", "a</thi")),
        ("<think></think>\n\nAnswer", ("Answer", "")),
        ("First.\n<think>again</think>\nSecond.", ("First.\nSecond.", "again")),
        ("The tag <think> opens it, </think> ends it.", None),
        ("`<think>` is a tag", None),
    ],
)
def test_only_a_tag_at_the_beginning_of_a_line_opens_thinking(answer, expected):
    expected = expected or (answer, "")
    assert split([answer]) == expected
    assert split(answer) == expected


def test_text_comes_at_once_where_no_tag_can_begin():
    splitter = ThinkingSplitter()
    assert [delta.text for delta in splitter.feed("Hello <")] == ["Hello "]
    assert [delta.text for delta in splitter.feed("b")] == ["<b"]
