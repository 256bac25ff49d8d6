"""Follow-up questions made to stand alone."""

import pytest

from apps.rag.condense import leans, standalone
from apps.rag.ports import Speaker, Turn


def said(*questions):
    turns = []
    for question in questions:
        turns += [Turn(Speaker.USER, question), Turn(Speaker.ASSISTANT, "Some answer.")]
    return turns


@pytest.mark.parametrize(
    "question",
    [
        "And for part-timers?",
        "What about Spain",
        "Why?",
        "In Spain?",
        "Part-timers?",
        "How long does it last?",
        "What does it cost?",
        "How are they paid?",
        "What is the second one called?",
        "那兼职呢？",
        "为什么？",
        "它的期限是多少？",
        "这个政策适用于谁",
        "如果是实习生怎么办",
        "兼职员工？",
        "该合同什么时候到期",
    ],
)
def test_a_question_that_refers_back_leans(question):
    assert leans(question)
    earlier = "年假有多少天？" if not question.isascii() else "What is the notice period?"
    assert standalone(question, said(earlier)) == f"{earlier} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "What is the notice period?",
        "Is it allowed to smoke in the office?",
        "How long does it take to get a visa?",
        "Who approves travel expenses above 5000 EUR?",
        "For how many days may I work abroad?",
        "Sick leave",
        "年假有多少天？",
        "报销标准",
        "那天的会议纪要在哪",
        "其他部门怎么申请设备",
        "试用期多长",
    ],
)
def test_a_question_of_its_own_is_searched_as_it_is(question):
    assert not leans(question)
    assert standalone(question, said("Something else entirely?")) == question


def test_the_first_question_has_nothing_to_lean_on():
    assert standalone(" Why? ", []) == "Why?"
    assert standalone("Why?", [Turn(Speaker.ASSISTANT, "Hello, ask me.")]) == "Why?"


def test_a_chain_of_follow_ups_is_followed_back_to_its_beginning():
    history = said("Who is the CEO?", "What is the notice period?", "And for part-timers?")
    assert (
        standalone("And in Spain?", history)
        == "What is the notice period? And for part-timers? And in Spain?"
    )


def test_what_the_model_said_is_not_searched():
    assert "Some answer" not in standalone("And for part-timers?", said("What is it?", "Notice?"))


def test_a_long_earlier_question_is_cut():
    assert len(standalone("Why?", said("word " * 500))) <= 210


def test_the_same_question_again_is_not_doubled():
    assert standalone("Why?", said("Why?")) == "Why?"
