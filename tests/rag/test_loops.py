"""Models that go round in circles."""

import pytest

from apps.rag.loops import LoopGuard


def loops_after(text, step=7):
    """How many characters were taken before the guard spoke, None if it never did."""
    guard = LoopGuard()
    for start in range(0, len(text), step):
        if guard.is_looping(text[start : start + step]):
            return start + step
    return None


@pytest.mark.parametrize(
    "unit",
    [
        "The notice period is three months. ",
        "通知期限为三个月。",
        "ha",
        "a",
        "A much longer paragraph that the model repeats word by word, again and again, and again. ",
    ],
)
def test_a_repeated_unit_is_noticed_soon(unit):
    begin = "Here is a sensible beginning of the answer, long enough to be an answer. "
    noticed = loops_after(begin + unit * 200)
    assert noticed is not None
    assert noticed < len(begin) + max(5 * len(unit), 250) + 60


def test_a_list_of_the_same_item_under_new_numbers_is_noticed():
    lines = (f"{number}. Ask the manager for approval\n" for number in range(1, 60))
    noticed = loops_after("".join(lines))
    assert noticed is not None
    assert noticed < 400


@pytest.mark.parametrize(
    "text",
    [
        "".join(
            f"Point {n} is about topic {n * n}, which differs from {n + 1}. " for n in range(99)
        ),
        "| a | b |\n" + "|---|---|" * 20 + "\n| 1 | 2 |\n",
        "-" * 200 + "\nText\n" + "=" * 300,
        "".join(f"- Revenue of {year}: {year * 37 % 1000} million\n" for year in range(1990, 2020)),
        "\n" * 100,
        "Yes. Yes. Yes.",
        "第一条 甲方义务。\n第二条 乙方义务。\n第三条 违约责任。\n" * 2,
    ],
)
def test_lists_tables_and_rules_are_not_loops(text):
    assert loops_after(text) is None
