"""Whether an answer says what its sources say."""

import pytest

from apps.rag.check import best_quote, supported, unsupported_spans
from apps.rag.claims import claims_of
from apps.rag.ports import Passage
from apps.rag.prompt import Source

NOTICE = (
    "The notice period is three months to the end of a quarter. During probation it is 14 days. "
    "Notice has to be given in writing."
)
ZH = "员工的通知期限为三个月，至季度末为止。试用期内为14天。通知须以书面形式提出。"


def source(number, text, **fields):
    passage = Passage(f"c{number}", "v", f"d{number}", "Handbook", "c", text, 1, **fields)
    return Source(number, passage, text)


def marked(answer, *sources):
    return [answer[span.start : span.end] for span in unsupported_spans(answer, sources)]


# --- support ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "passage", "least", "most"),
    [
        ("The notice period is three months.", NOTICE, 1.0, 1.0),
        ("Notice periods are 3 months", NOTICE, 1.0, 1.0),
        ("通知期限为三个月。", ZH, 0.99, 1.0),
        ("通知期限是3个月", ZH, 0.6, 1.0),
        ("Cats sleep on warm roofs.", NOTICE, 0.0, 0.0),
        ("The notice period is 6 months.", NOTICE, 0.0, 0.0),
        ("通知期限为六十天，14 天除外。", ZH, 0.3, 0.9),
        ("", NOTICE, 0.0, 0.0),
        ("Anything", "", 0.0, 0.0),
    ],
)
def test_support_is_the_share_of_words_and_figures_found(sentence, passage, least, most):
    assert least <= supported(sentence, passage) <= most


def test_a_figure_is_found_in_another_notation():
    assert supported("Revenue was 2.5 million.", "Revenue: 2,500,000 EUR") == 1.0
    assert supported("共 3 万元", "总额 30,000 元") > 0.3
    assert supported("It is 30 days", "It is thirty days") == 1.0


# --- claims -----------------------------------------------------------------------------------


def test_a_mark_belongs_to_the_sentence_it_stands_in_or_behind():
    text = "It is 30 days [1]. It ends. [2] Next.[3] More\n\n- item one [1][2]\n期限三十天。[1]另外[2]。"
    assert [(claim.text, claim.numbers) for claim in claims_of(text)] == [
        ("It is 30 days.", (1,)),
        ("It ends.", (2,)),
        ("Next.", (3,)),
        ("More", ()),
        ("item one", (1, 2)),
        ("期限三十天。", (1,)),
        ("另外。", (2,)),
    ]


def test_code_and_headings_claim_nothing():
    assert list(claims_of("# Title\n```\nx = a[1].\n```\n")) == []


# --- unsupported spans ------------------------------------------------------------------------


def test_a_sentence_that_its_source_does_not_hold_is_marked():
    answer = "The notice period is three months [1]. Every employee receives a company car [1]."
    assert marked(answer, source(1, NOTICE)) == ["Every employee receives a company car [1]."]


def test_a_wrong_figure_is_marked_in_any_language():
    assert marked("The notice period is 6 months [1].", source(1, NOTICE))
    assert marked("The probation notice is 30 days [1].", source(1, ZH))
    assert not marked("The probation notice is 14 days [1].", source(1, ZH))


def test_titles_and_the_name_of_the_document_count_as_said():
    about = source(1, "It is three months.", headings=("Notice of termination for managers",))
    assert not marked("Termination notice for managers is three months [1].", about)


def test_what_cannot_be_judged_is_left_alone():
    answer = "员工的通知期限为三个月 [1]. Yes indeed [1]. Every employee receives a car. Lost [9]."
    assert marked(answer, source(1, NOTICE)) == []


def test_a_sentence_is_held_by_its_sources_together():
    answer = "Notice is three months in writing, and lunch is free for visitors [1][2]."
    sources = source(1, NOTICE), source(2, "Lunch is free for visitors on Fridays.")
    assert marked(answer, *sources) == []


# --- quotes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passage", "about", "quote"),
    [
        (NOTICE, "How long is probation?", "During probation it is 14 days."),
        (NOTICE, "It is 14 days.", "During probation it is 14 days."),
        (ZH, "通知要用什么形式提出？", "通知须以书面形式提出。"),
        (ZH, "Probation: 14 days", "试用期内为14天。"),
        (NOTICE, "Completely unrelated zebra", NOTICE),
        (NOTICE, "", NOTICE),
        ("", "anything", ""),
    ],
)
def test_the_quote_is_the_sentence_that_matches_best(passage, about, quote):
    start, end = best_quote(passage, about)
    assert passage[start:end] == quote


def test_a_neighbour_that_holds_the_other_half_is_quoted_too():
    passage = (
        "Intro without meaning. The tower was built in 1889. Its engineer was Eiffel. Rain fell."
    )
    start, end = best_quote(passage, "When was the tower built and which engineer was it, Eiffel?")
    assert passage[start:end] == "The tower was built in 1889. Its engineer was Eiffel."


def test_in_a_table_the_row_is_quoted():
    table = "Name | Days\n" + "\n".join(f"Country {n} | {n * 7}" for n in range(40))
    start, end = best_quote(table, "Country 5 has 35 days")
    assert table[start:end] == "Country 5 | 35"
