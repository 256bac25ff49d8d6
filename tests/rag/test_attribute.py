"""Citations that a model forgot."""

import pytest

from apps.rag.attribute import add_missing_citations, move_wrong_citations, settle_citations
from apps.rag.ports import Passage
from apps.rag.prompt import REFUSAL_EN, Source

TEXTS = [
    "The canteen serves lunch from noon until two o'clock. Visitors eat for free.",
    "The notice period is three months to the end of a quarter. In probation it is 14 days.",
    "员工的年假为每年十五天。试用期员工按月折算。",
]


def sources(*texts):
    return [
        Source(n, Passage(f"c{n}", "v", f"d{n}", f"Document {n}", "c", text, None), text)
        for n, text in enumerate(texts or TEXTS, start=1)
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The notice period is three months.", "The notice period is three months [2]."),
        ("员工的年假为十五天。", "员工的年假为十五天[3]。"),
        ("Visitors eat for free", "Visitors eat for free [1]"),
        ("It is 14 days in probation!", "It is 14 days in probation [2]!"),
        (
            "Lunch is from noon until two o'clock. Visitors eat for free. Notice: three months.",
            "Lunch is from noon until two o'clock. Visitors eat for free [1]. Notice: three months [2].",
        ),
        (
            "- Visitors eat for free.\n- The notice period is three months.",
            "- Visitors eat for free [1].\n- The notice period is three months [2].",
        ),
        ("**Visitors eat for free.**\n", "**Visitors eat for free.** [1]\n"),
    ],
)
def test_a_sentence_that_plainly_comes_from_one_source_is_cited(answer, expected):
    assert add_missing_citations(answer, sources()) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "The notice period is three months [2].",
        "The notice period is three months [1]. Visitors eat for free.",
        "The notice period is 6 months.",
        "Employees love the company and its wonderful spirit.",
        "Yes.",
        "Do visitors eat for free?",
        "Visitors eat for free:",
        "# Visitors eat for free",
        "```\nVisitors eat for free.\n```",
        REFUSAL_EN,
        "",
        "| Meal | When |\n|---|---|\n| Lunch | from noon until two o'clock |\n",
    ],
)
def test_everything_else_stays_as_it_is(answer):
    assert add_missing_citations(answer, sources()) == answer


def test_an_answer_of_one_word_is_cited_where_the_word_is():
    places = sources("The office is in Berlin.", "The factory is in Hamburg.")
    assert add_missing_citations("Hamburg.", places) == "Hamburg [2]."


def test_between_equal_sources_the_question_decides_then_the_rank():
    equal = sources("Sales are led by Ada Meyer.", "Purchasing is led by Ada Meyer.")
    answer = "Ada Meyer."
    asked = add_missing_citations(answer, equal, question="Who leads purchasing?")
    assert asked == "Ada Meyer [2]."
    assert add_missing_citations(answer, equal) == "Ada Meyer [1]."


def test_a_higher_threshold_cites_less():
    answer = "The notice period for cats is three months."
    assert add_missing_citations(answer, sources()).endswith("[2].")
    assert add_missing_citations(answer, sources(), threshold=0.95) == answer


def test_without_sources_nothing_is_cited():
    assert add_missing_citations("Visitors eat for free.", []) == "Visitors eat for free."


# --- marks at the wrong source ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The notice period is three months [1].", "The notice period is three months [2]."),
        ("员工的年假为十五天[1][2]。另有规定。", "员工的年假为十五天[3]。另有规定。"),
        ("Visitors eat for free. [2] Yes.", "Visitors eat for free. [1] Yes."),
    ],
)
def test_a_mark_at_a_source_that_does_not_hold_the_sentence_is_moved(answer, expected):
    assert move_wrong_citations(answer, sources()) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "The notice period is three months [2].",
        "The notice period is three months [1][2].",
        "Employees love the company and its wonderful spirit [1].",
        "The notice period is 6 months [1].",
        "No marks at all.",
    ],
)
def test_a_mark_that_may_be_right_or_has_no_better_place_stays(answer):
    assert move_wrong_citations(answer, sources()) == answer


def test_a_short_answer_that_another_source_says_word_for_word_is_cited_there():
    books = sources("路德谈到基督教会与自由意志。", "1520年他写了《论基督教的自由》。")
    assert move_wrong_citations("《论基督教的自由》 [1]", books) == "《论基督教的自由》 [2]"
    assert move_wrong_citations("《论基督教的自由》 [1][2]", books).endswith("[1][2]")


def test_settling_moves_and_adds():
    answer = "- The notice period is three months [1].\n- Visitors eat for free."
    assert settle_citations(answer, sources()) == (
        "- The notice period is three months [2].\n- Visitors eat for free [1]."
    )
    assert settle_citations(answer, []) == answer
