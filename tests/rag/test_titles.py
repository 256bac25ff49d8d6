"""Names of conversations."""

import pytest

from apps.rag.titles import LONGEST_TITLE, title_of


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is the notice period?", "What is the notice period?"),
        ("Hello, please what is new? Tell me all.", "what is new?"),
        ("你好，请问年假有多少天？我刚入职。", "年假有多少天？"),
        ("  two\n lines  ", "two lines"),
        ("Version 3.5 is out.", "Version 3.5 is out"),
        ("Please", "Please"),
        ("", ""),
    ],
)
def test_a_title_is_the_first_sentence_without_a_greeting(question, title):
    assert title_of(question) == title


def test_a_long_title_ends_at_a_word():
    title = title_of(
        "How does the company reimburse expenses of travel to customers abroad in winter"
    )
    assert title == "How does the company reimburse expenses of travel to…"
    chinese = title_of("公司" * 100)
    assert len(chinese) == LONGEST_TITLE
    assert chinese.endswith("…")
