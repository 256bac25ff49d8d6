"""Words of a passage that answer to the words of a question."""

from itertools import pairwise

import pytest

from apps.search.highlight import highlights


def marked(text: str, question: str) -> list[str]:
    return [text[start:end] for start, end in highlights(text, question)]


def test_words_match_in_other_forms_and_small_words_do_not() -> None:
    text = "The Notice periods for employees are short."
    assert marked(text, "What is the notice period of an employee?") == [
        "Notice",
        "periods",
        "employees",
    ]


def test_chinese_phrases_are_marked_as_a_whole() -> None:
    assert marked("保密期限为自合同终止之日起五年。", "保密期限是多少年？") == ["保密期限"]


def test_words_inside_chinese_are_found() -> None:
    assert marked("每个Pod的limit是512Mi", "Pod 的 limit 是多少") == ["Pod", "limit"]


def test_numbers_match_whole() -> None:
    assert marked("Article 5, not 15 or 50.", "What does article 5 say?") == ["Article", "5"]


def test_a_short_word_is_not_found_inside_a_longer_one() -> None:
    assert marked("The carpet and the cars.", "Which car?") == ["cars"]


@pytest.mark.parametrize("question", ["", "the of and", "什么", "?", "。", "的"])
def test_a_question_without_content_marks_nothing(question: str) -> None:
    assert highlights("The answer is here. 这是什么", question) == []


def test_hostile_patterns_are_text() -> None:
    assert marked("a (.*) b", "(.*)+ [ ( \\") == []


def test_marks_are_disjoint_and_in_order() -> None:
    spans = highlights("保密保密保密 notice notices 保密期限" * 20, "保密 保密期限 notice" * 300)
    assert spans == sorted(spans)
    assert all(first[1] < second[0] for first, second in pairwise(spans))
