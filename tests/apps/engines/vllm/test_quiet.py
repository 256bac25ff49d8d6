"""Hours in which an engine sleeps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engines.vllm.quiet import is_quiet, read_hours
from apps.engines.vllm.refusal import CannotServe

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "hour", "quiet"),
    [
        ("20:00-07:00", 21, True),
        ("20:00-07:00", 6, True),
        ("20:00-07:00", 7, False),
        ("mon-fri 20:00-07:00", 5, False),  # Monday morning belongs to Sunday's span
        ("mon-fri 20:00-07:00", 29, True),
        ("sat-sun 00:00-24:00", 5 * 24 + 12, True),
        ("sat-sun 00:00-24:00", 12, False),
        ("12:00-13:00; 15:00-16:00", 15, True),
        ("", 3, False),
    ],
)
def test_a_moment_is_quiet_or_not(words: str, hour: int, *, quiet: bool) -> None:
    assert is_quiet(read_hours(words), MONDAY + timedelta(hours=hour)) is quiet


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59))
def test_each_day_has_as_many_quiet_minutes_as_were_written(h: int, m: int, to_h: int, to_m: int):
    hours = read_hours(f"{h:02}:{m:02}-{to_h:02}:{to_m:02}")
    quiet = sum(is_quiet(hours, MONDAY + timedelta(minutes=each)) for each in range(24 * 60))
    wanted = (to_h * 60 + to_m - h * 60 - m) % (24 * 60)
    assert quiet == (wanted or 24 * 60)


@pytest.mark.parametrize(
    "words", ["8-20", "25:00-07:00", "moo 08:00-09:00", "08:00–09:00", "24:00-01:00"]
)
def test_what_is_no_hour_is_refused(words: str) -> None:
    with pytest.raises(CannotServe):
        read_hours(words)
