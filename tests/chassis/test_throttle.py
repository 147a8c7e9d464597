"""A share is what it says: so much at once, then so much a second, and nobody else's."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.web import Refusal, Throttle
from chassis.web.throttle import ROOM

pytestmark = pytest.mark.share("people")


@dataclass(slots=True)
class Clock:
    """Stands until it is told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def is_admitted(throttle: Throttle, key: str) -> bool:
    try:
        throttle.admit(key)
    except Refusal as refused:
        return refused.status != 429
    return True


@given(st.floats(0.01, 50), st.integers(1, 50), st.lists(st.floats(0, 30), min_size=1, max_size=80))
def test_never_more_than_the_burst_and_what_came_since(
    per_second: float, burst: int, waits: list[float]
) -> None:
    clock = Clock()
    throttle = Throttle(per_second, burst, clock)
    admitted = 0
    for wait in waits:
        clock.now += wait
        admitted += is_admitted(throttle, "A")
        assert admitted <= burst + clock.now * per_second + 1e-6
    assert is_admitted(throttle, "B")


@given(st.floats(0.01, 50), st.integers(1, 20))
def test_whoever_comes_again_when_told_is_admitted(per_second: float, burst: int) -> None:
    clock = Clock()
    throttle = Throttle(per_second, burst, clock)
    for _ in range(burst):
        throttle.admit("A")
    with pytest.raises(Refusal) as refused:
        throttle.admit("A")
    clock.now += int((refused.value.headers or {})["Retry-After"])
    throttle.admit("A")


def test_what_is_given_back_does_not_count_and_is_no_gift() -> None:
    throttle = Throttle(0.001, 2, Clock())
    for _ in range(10):
        throttle.admit("A")
        throttle.give_back("A")
    throttle.give_back("A")
    assert [is_admitted(throttle, "A") for _ in range(3)] == [True, True, False]


def test_memory_is_bounded_and_who_is_over_the_share_is_not_forgotten_for_who_is_not() -> None:
    clock = Clock()
    throttle = Throttle(0.001, 2, clock)
    for at in range(ROOM // 2):
        throttle.admit(str(at))
        throttle.give_back(str(at))
    throttle.admit("A")
    throttle.admit("A")
    for at in range(ROOM):
        throttle.admit(f"more {at}")
    assert len(throttle._buckets) <= ROOM + 1
    assert not is_admitted(throttle, "A")
