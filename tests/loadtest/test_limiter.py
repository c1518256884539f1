"""The limiter lets no more begin than the rate allows, in the order in which users come, and wastes none of it."""

from __future__ import annotations

from heapq import heappop, heappush

import gevent  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.rates.limiter import CATCH_UP_S, Limiter


class VirtualTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@settings(max_examples=100)
@given(
    rate=st.floats(0.1, 1000),
    pauses=st.lists(st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 5)), min_size=1, max_size=200),
    window_s=st.floats(0, 3),
)
def test_no_window_has_more_than_the_rate_and_a_little(rate: float, pauses: list[float], window_s: float) -> None:
    limiter = Limiter(rate, clock=lambda: 0.0)
    now, begun = 0.0, []
    for pause in pauses:
        now += pause
        begun.append(limiter.reserve(now))
    assert begun == sorted(begun)
    for first in begun:
        within = sum(first <= at < first + window_s for at in begun)
        assert within <= rate * (window_s + CATCH_UP_S) + 1 + 1e-6


def test_users_that_all_want_to_begin_at_once_begin_one_after_the_other() -> None:
    limiter = Limiter(10, clock=lambda: 0.0)
    assert [limiter.reserve(0.0) for _ in range(5)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_processes_share_the_rate() -> None:
    limiter = Limiter(10, of=4, clock=lambda: 0.0)
    assert [limiter.reserve(0.0) for _ in range(3)] == pytest.approx([0.0, 0.4, 0.8])


def test_a_timer_that_oversleeps_costs_no_rate() -> None:
    # One user whose every sleep lasts 1 ms too long, at a gap of 0.5 ms: it has its 2000 in a second all the same.
    limiter = Limiter(2000, clock=lambda: 0.0)
    now, begun = 0.0, 0
    while now < 1.0:
        at = limiter.reserve(now)
        now = at + 0.001 if at > now else now
        begun += 1
    assert begun == pytest.approx(2000 * (1 + CATCH_UP_S), rel=0.1)


def test_time_that_nobody_used_is_not_saved_up() -> None:
    limiter = Limiter(100, clock=lambda: 0.0)
    at_once = [limiter.reserve(60.0) for _ in range(50)]
    assert at_once.count(60.0) == 100 * CATCH_UP_S + 1


def test_one_who_waits_sleeps_until_its_time_and_no_longer() -> None:
    time = VirtualTime()
    limiter = Limiter(4, clock=time.clock, sleep=time.sleep)
    for _ in range(3):
        limiter.wait()
    assert time.slept == [0.25, 0.25]


def test_one_who_is_woken_early_waits_for_the_rest() -> None:
    time = VirtualTime()
    limiter = Limiter(4, clock=time.clock, sleep=lambda seconds: time.sleep(min(seconds, 0.1)))
    limiter.wait()
    limiter.wait()
    assert time.now == pytest.approx(0.25)


def test_users_that_compete_get_the_same_number_of_turns() -> None:
    # Six users whose operations take 5 ms, at a rate that keeps all of them waiting.
    limiter = Limiter(100, clock=lambda: 0.0)
    turns = [0] * 6
    free = [(0.0, number) for number in range(6)]
    for _ in range(600):
        now, number = heappop(free)
        heappush(free, (limiter.reserve(now) + 0.005, number))
        turns[number] += 1
    assert max(turns) - min(turns) <= 1


def test_greenlets_are_all_served() -> None:
    limiter = Limiter(1000)
    turns = [0] * 4

    def user(number: int) -> None:
        for _ in range(5):
            limiter.wait()
            turns[number] += 1

    with gevent.Timeout(30):
        gevent.joinall([gevent.spawn(user, number) for number in range(4)], raise_error=True)
    assert turns == [5] * 4


@pytest.mark.parametrize(("rate", "of"), [(0, 1), (-1, 1), (5, 0)])
def test_a_rate_at_which_nothing_happens_is_refused(rate: float, of: int) -> None:
    with pytest.raises(ValueError, match="lets nobody begin"):
        Limiter(rate, of=of)
