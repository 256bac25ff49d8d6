"""Which language a question is in."""

import pytest

from apps.rag.language import cjk_share, language_of


@pytest.mark.parametrize(
    "text",
    [
        "年假有多少天？",
        "Kubernetes Pod 的 request 和 limit 有什么区别",
        "LanceDB 怎么重建？",
        "报销",
        "VPN 账号申请",
    ],
)
def test_a_chinese_question_is_chinese_also_around_product_names(text):
    assert language_of(text) == "zh"


@pytest.mark.parametrize(
    "text",
    [
        "What is the notice period?",
        "What does 保密期 mean?",
        "How is the 人工智能法 applied",
        "GDPR",
        "",
        "42",
        "¿Cuál es el plazo?",
        "こんにちは",
    ],
)
def test_everything_else_is_answered_in_english(text):
    assert language_of(text) == "en"


def test_a_latin_word_counts_as_much_as_one_character():
    assert cjk_share("Kubernetes 是什么") == 0.75


def test_a_text_without_letters_has_no_share():
    assert cjk_share("12 + 30 = ?") == 0.0
    assert cjk_share("") == 0.0
