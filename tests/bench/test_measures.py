"""The measures of the bench: distance of texts, likeness of tables."""

import pytest

from bench.scans import distance
from bench.tables import best, teds

PRICES = (("Unit", "2025", "2026"), ("Pump", "310", "325"), ("Cooler", "1,200", "1,260"))


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("", "", 0), ("abc", "", 3), ("", "合同", 2), ("kitten", "sitting", 3), ("合同", "合約", 1)],
)
def test_distance_counts_letters_to_add_leave_out_and_exchange(
    one: str, other: str, steps: int
) -> None:
    assert distance(one, other) == distance(other, one) == steps


def test_a_table_is_like_itself_and_unlike_nothing() -> None:
    assert teds(PRICES, PRICES) == 1
    assert teds(PRICES, ()) < 0.1


def test_a_missing_row_costs_its_nodes() -> None:
    assert teds(PRICES, PRICES[:2]) == pytest.approx(1 - 4 / 13)


def test_a_missing_cell_costs_one_node_and_a_letter_less() -> None:
    assert teds(PRICES, (PRICES[0], PRICES[1][:2], PRICES[2])) == pytest.approx(1 - 1 / 13)
    wrong = (PRICES[0], ("Pump", "310", "326"), PRICES[2])
    assert teds(PRICES, wrong) == pytest.approx(1 - (1 / 3) / 13)


def test_each_table_of_a_page_has_one_of_its_own() -> None:
    assert best([PRICES, PRICES], [PRICES]) == [1.0, 0.0] or best([PRICES, PRICES], [PRICES]) == [
        0.0,
        1.0,
    ]
