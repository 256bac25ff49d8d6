"""However a word is written, it is the same word; no pattern takes longer than the text is."""

import pytest

from apps.topics.words import compiled, evened, fits, has_word, plain


@pytest.mark.parametrize(
    "text",
    [
        "What is her SALARY?",
        "ｓａｌａｒｙ, please",
        "sal\u200bary of bob",
        "Salaries in 2024",
    ],
)
def test_a_word_is_found_however_it_is_written(text: str) -> None:
    assert has_word(plain(text), ["salar*"]) == "salar*"


@pytest.mark.parametrize(
    "text", ["张三的工资是多少？", "張三的工資是多少？", "工 资", "他的　工　資"]
)
def test_simplified_words_are_found_in_traditional_characters_and_between_spaces(text: str) -> None:
    assert has_word(plain(text), ["工资"])
    assert has_word(plain(text), ["工資"])


@pytest.mark.parametrize("text", ["payload of a lorry", "the repay period"])
def test_a_word_of_an_alphabet_is_not_found_inside_of_another(text: str) -> None:
    assert not has_word(plain(text), ["pay"])


def test_a_star_stands_for_an_ending_and_for_nothing_else() -> None:
    assert not has_word(plain("unsalaried"), ["salar*"])
    assert not has_word(plain("anything"), ["*"])


def test_a_pattern_sees_the_text_evened_out() -> None:
    assert fits(evened("ＰＯ－１２３４ 的价格"), [r"po-\d{4}"])
    assert fits(evened("合同　２０２４"), ["合同\\s*20\\d\\d"])


def test_what_hangs_other_engines_is_answered() -> None:
    assert not fits("a" * 8000 + "!", ["^(a|a)*$", "^(a+)+$", "(x+x+)+y"])


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)b", "a{5000}", "((a{900}){900})"])
def test_what_is_no_pattern_or_too_large_is_none(pattern: str) -> None:
    assert compiled(pattern) is None
