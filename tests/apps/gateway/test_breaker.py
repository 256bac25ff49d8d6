"""A server that fails is left alone, tried by one question, and used again when it works."""

from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.routing.breaker import (
    FAILURES,
    LONGEST_PAUSE_S,
    PAUSE_S,
    WORKS,
    Breaker,
    Health,
    after_failure,
    after_refusal,
)


def _failed(times: int, *, at: float = 0.0) -> Breaker:
    known = WORKS
    for _ in range(times):
        known = after_failure(known, at)
    return known


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    assert _failed(FAILURES - 1).health(0) is Health.CLOSED
    assert _failed(FAILURES).health(0) is Health.OPEN


def test_after_the_pause_one_may_try_and_a_failure_doubles_the_pause() -> None:
    known = _failed(FAILURES)
    assert known.health(PAUSE_S) is Health.HALF_OPEN
    again = after_failure(known, PAUSE_S)
    assert again.health(PAUSE_S + 2 * PAUSE_S - 1) is Health.OPEN
    assert again.health(PAUSE_S + 2 * PAUSE_S) is Health.HALF_OPEN


def test_a_question_on_its_way_when_it_opened_does_not_lengthen_the_pause() -> None:
    known = _failed(FAILURES)
    assert after_failure(known, 1).until == known.until


def test_a_full_server_is_left_alone_as_long_as_it_asks() -> None:
    known = after_refusal(WORKS, 100, wait_s=7)
    assert known.health(106.9) is Health.OPEN
    assert known.health(107) is Health.CLOSED
    assert after_refusal(WORKS, 100, wait_s=0) == WORKS


@given(st.lists(st.tuples(st.sampled_from(["fail", "busy"]), st.floats(0, 600)), max_size=40))
def test_whatever_happens_no_server_is_left_alone_for_ever(steps: list[tuple[str, float]]) -> None:
    known, now = WORKS, 0.0
    for what, later in steps:
        now += later
        known = after_failure(known, now) if what == "fail" else after_refusal(known, now, wait_s=5)
        assert known.until <= now + LONGEST_PAUSE_S
    assert known.health(now + LONGEST_PAUSE_S) is not Health.OPEN
