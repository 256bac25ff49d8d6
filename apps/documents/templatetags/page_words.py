"""Page numbers as people write them."""

from collections.abc import Sequence

from django import template

register = template.Library()

_MOST_RUNS = 12


@register.filter
def page_numbers(numbers: Sequence[int]) -> str:
    """3, 7–9: sorted numbers with their runs; of many only the first."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    said = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    return ", ".join(said[:_MOST_RUNS]) + (" …" if len(said) > _MOST_RUNS else "")
