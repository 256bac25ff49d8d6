"""Citation marks in a stream."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.rag.cite import (
    CitationStream,
    Mark,
    TextPiece,
    cited_numbers,
    normalised,
    parse,
    without_marks,
)


def merged(parts):
    """Parts with neighbouring texts joined: what no way of cutting may change."""
    whole = []
    for part in parts:
        if isinstance(part, TextPiece) and whole and isinstance(whole[-1], TextPiece):
            whole[-1] = TextPiece(whole[-1].text + part.text)
        else:
            whole.append(part)
    return whole


def streamed(pieces, source_count):
    stream = CitationStream(source_count)
    return merged([part for piece in pieces for part in stream.feed(piece)] + stream.flush())


@pytest.mark.parametrize(
    ("written", "expected", "numbers"),
    [
        ("Three months [1].", "Three months [1].", [1]),
        ("So [1][2], and [1, 3].", "So [1][2], and [1][3].", [1, 2, 3]),
        ("三个月【1】，见［2］。", "三个月[1]，见[2]。", [1, 2]),
        ("见[1、3]和[2，3]", "见[1][3]和[2][3]", [1, 3, 2]),
        ("From [1-3].", "From [1][2][3].", [1, 2, 3]),
        ("See [source 2] and [来源1] and [^3].", "See [2] and [1] and [3].", [2, 1, 3]),
        ("Doubled [[2]].", "Doubled [2].", [2]),
        ("Twice [1, 1].", "Twice [1].", [1]),
    ],
)
def test_marks_are_recognised_in_all_their_forms(written, expected, numbers):
    assert normalised(written, 3) == expected
    assert cited_numbers(written, 3) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "In [2024] and [12345] and [0] and [note 1a] and [].",
        "A link [1](https://example.com) and [2](#note).",
        "Inline `list[1]` and ``a ` [2]`` code.",
        "```python\nx = a[1]\ny = a[2]\n```\n",
        "~~~\na[1]\n~~~\n",
        "   ```\na[1]\n````\n",
        "An open fence\n```\na[1]\n\nb[2]",
        "[1",
        "[1, ",
        "[source",
        "a [",
    ],
)
def test_what_only_looks_like_a_mark_stays_as_it_is(text):
    assert normalised(text, 3) == text
    assert cited_numbers(text, 3) == []


def test_marks_go_on_after_code():
    assert cited_numbers("`a[1]` is [2].\n```\na[1]\n```\nand [3]", 3) == [2, 3]


def test_an_inline_code_that_is_never_closed_ends_with_its_line():
    assert cited_numbers("a ` tick [1]\nthen [2]", 3) == [2]


def test_a_mark_without_a_source_is_dropped_with_its_space():
    assert normalised("Three months [7]. And [1, 9].", 3) == "Three months. And [1]."
    assert normalised("三个月[7]。", 3) == "三个月。"
    assert normalised("Nothing [1].", 0) == "Nothing."


def test_a_huge_range_is_its_two_ends():
    assert cited_numbers("[1-999]", 999) == [1, 999]


def test_text_is_not_held_back_longer_than_a_mark_can_be():
    stream = CitationStream(3)
    assert stream.feed("The answer ") == [TextPiece("The answer")]
    assert stream.feed("is 3 [") == [TextPiece(" is 3")]
    assert stream.feed("see the annex") == [TextPiece(" [see the annex")]
    assert stream.feed("] [1") == [TextPiece("]")]
    assert stream.feed("].") == [TextPiece(" "), Mark(1), TextPiece(".")]
    assert stream.flush() == []


def test_a_bracket_that_goes_on_for_ever_is_let_go():
    stream = CitationStream(3)
    said = "".join(part.text for _ in range(100) for part in stream.feed("[1, "))
    assert len(said) > 300


# fmt: off
PIECES = [
    "[", "]", "1", "2", "12", "9", ", ", "、", "-", "【", "】", "(", ")", "`", "```", "~~~", " ", "\n",
    "text", "中文", "。", "source ", "来源", "^", "[1]", " [2]", "[3](",
]
# fmt: on
ANSWERS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(answer=ANSWERS, cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=120, deadline=None)
def test_any_way_of_cutting_the_stream_gives_the_same(answer, cuts):
    borders = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    pieces = [answer[a:b] for a, b in pairwise(borders)]
    assert streamed(pieces, 3) == merged(parse(answer, 3))
    assert streamed(list(answer), 3) == merged(parse(answer, 3))


@given(answer=ANSWERS)
@settings(max_examples=60, deadline=None)
def test_marks_are_of_sources_and_nothing_else_is_changed(answer):
    marks = [part for part in parse(answer, 3) if isinstance(part, Mark)]
    assert all(1 <= mark.number <= 3 for mark in marks)
    if "[" not in answer and "【" not in answer:
        assert normalised(answer, 3) == answer


def test_an_answer_goes_into_history_without_its_marks():
    assert without_marks("Three months [1], in writing [2][3].") == "Three months, in writing."
