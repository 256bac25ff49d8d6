"""Words and figures that can be compared."""

from decimal import Decimal

import pytest

from apps.rag.words import coverage, figures_of, numbers_in, words_of


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The employee's notice periods", "notice period of employees"),
        ("policies", "policy"),
        ("He worked", "working"),
        ("ＡＢＣ", "abc"),
        ("合同期限", "合同的期限"),
    ],
)
def test_forms_of_a_word_are_one_word(left, right):
    shared = words_of(left) & words_of(right)
    assert shared == words_of(left) or shared == words_of(right)
    assert shared


def test_small_words_do_not_count():
    assert words_of("what is the of and to") == frozenset()
    assert words_of("的了是") == frozenset()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50 EUR", "1234.5"),
        ("５０ 元", "50"),
        ("5 million", "5000000"),
        ("3.5亿元", "350000000"),
        ("thirty days", "30"),
        ("三十天", "30"),
        ("二〇二三年", "2023"),
        ("一万二千三百", "12300"),
        ("十五", "15"),
        ("三百万", "3000000"),
        ("一亿二千万", "120000000"),
    ],
)
def test_a_number_is_found_however_it_is_written(text, value):
    assert Decimal(value) in numbers_in(text)


def test_a_figure_may_stand_with_or_without_its_scale():
    assert figures_of("5 million and 7") == [
        frozenset([Decimal(5), Decimal(5_000_000)]),
        frozenset([Decimal(7)]),
    ]


def test_absurdly_long_numbers_are_no_trouble():
    assert figures_of("9" * 100_000)
    assert numbers_in("万亿" * 1000 + "九" * 1000)


@pytest.mark.parametrize(
    ("question", "text", "share"),
    [
        ("What is the notice period?", "The notice period is three months.", 1.0),
        ("What is the notice period?", "The canteen opens at noon.", 0.0),
        ("How long is the notice period for managers?", "Notice periods are long.", 0.75),
        ("通知期限是多久？", "员工的通知期限为三个月。", 0.75),
        ("通知期限是多久？", "食堂十一点开门。", 0.0),
    ],
)
def test_coverage_is_the_share_of_what_is_asked_about_that_a_text_mentions(question, text, share):
    assert coverage(question, text) == share


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("通知期限是多久？", "The notice period is three months."),
        ("What is the notice period?", "员工的通知期限为三个月。"),
        ("Why is it so?", "Anything."),
        ("为什么？", "食堂十一点开门。"),
    ],
)
def test_coverage_is_unknown_between_scripts_and_for_a_question_that_names_nothing(question, text):
    assert coverage(question, text) is None
