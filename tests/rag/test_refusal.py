"""Saying that the documents do not answer, and recognising it."""

import pytest

from apps.rag.refusal import REFUSAL_EN, REFUSAL_ZH, is_refusal, refusal


@pytest.mark.parametrize(
    "text",
    [
        REFUSAL_EN,
        REFUSAL_ZH,
        refusal("zh-Hans"),
        refusal("en"),
        " **the documents do not answer this question** ",
        "文档中没有这个问题的答案",
        REFUSAL_EN + " You might ask the personnel department [1].",
        "The sources do not mention the price.",
        "The provided text doesn't specify who signed it.",
        "I cannot determine it from the text.",
        "There is no information about this in the sources.",
        "No information about it is available in the provided documents.",
        "The answer is not provided in the sources.",
        "来源中没有提到价格。",
        "根据提供的资料，无法回答这个问题。",
        "文中未提及",
        "未找到相关内容",
    ],
)
def test_a_refusal_is_recognised_also_in_other_words(text):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Three months [1].",
        "Breakfast is not provided.",
        "The document does not allow smoking.",
        "The sources do not give the date, but they name the year 2019.",
        "The sources do not mention a price for members [2].",
        "公司不提供早餐。",
        "该文档没有法律效力。",
        "文档没有提到日期，但给出了年份。",
        "未提及的费用由乙方承担，" + "并且" * 200,
    ],
)
def test_an_answer_is_not_taken_for_a_refusal(text):
    assert not is_refusal(text)
