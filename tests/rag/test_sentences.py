"""Where sentences end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.rag.sentences import is_finished, sentence_spans


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天下雨。明天晴！后天呢？", ["今天下雨。", "明天晴！", "后天呢？"]),
        ("他说：“可以。”然后走了。", ["他说：“可以。”", "然后走了。"]),
        ("（见附件。）另行通知……再议。", ["（见附件。）", "另行通知……", "再议。"]),
        ("条件一；条件二。", ["条件一；", "条件二。"]),
        ("真的吗?是的!好", ["真的吗?", "是的!", "好"]),
        ("版本 3.5 已发布。共 1,234.5 元。", ["版本 3.5 已发布。", "共 1,234.5 元。"]),
    ],
)
def test_chinese_sentences_keep_their_closing_marks(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rains. It pours! Why?", ["It rains.", "It pours!", "Why?"]),
        ("Ask Dr. Li. She knows.", ["Ask Dr. Li.", "She knows."]),
        (
            "Use tools, e.g. Excel, daily. Then rest.",
            ["Use tools, e.g. Excel, daily.", "Then rest."],
        ),
        ("See No. 5 of the list. Then stop.", ["See No. 5 of the list.", "Then stop."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ("It grew 3.5 percent to 1.2. Costs fell.", ["It grew 3.5 percent to 1.2.", "Costs fell."]),
        ("The U.S. Army came. J. Smith left.", ["The U.S. Army came.", "J. Smith left."]),
        ("Apple Inc. Chairman spoke.", ["Apple Inc. Chairman spoke."]),
        (
            'He asked "Why?" and left. "Go." She did.',
            ['He asked "Why?" and left.', '"Go."', "She did."],
        ),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("See example.com. Then log in.", ["See example.com.", "Then log in."]),
        ("1. Open the door.\n2. Close it.", ["1. Open the door.", "2. Close it."]),
        ("one\n\ntwo", ["one", "two"]),
        ("in 2019. The next year", ["in 2019.", "The next year"]),
    ],
)
def test_english_sentences_are_not_cut_at_abbreviations_and_figures(text, expected):
    assert sentences(text) == expected


@given(st.text(alphabet='aB1 .!?。！\n"”’)e中', max_size=80))
@settings(max_examples=150, deadline=None)
def test_sentences_hold_everything_but_the_white_space_between_them(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["完了。", "Done.", "He said “done.”", "as follows:", ""])
def test_a_finished_text_is_recognised(text):
    assert is_finished(text)


@pytest.mark.parametrize("text", ["the contract may be", "合同的期限", "first,"])
def test_an_unfinished_text_is_recognised(text):
    assert not is_finished(text)
