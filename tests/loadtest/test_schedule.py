"""Schedules are read strictly, and say when every arrival is due, however many processes share them."""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction
from heapq import merge
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.rates.schedule import Schedule, parse_schedule

rates = st.integers(0, 400).map(lambda tenths: f"{tenths / 10:g}/s")
positive_rates = st.integers(1, 400).map(lambda tenths: f"{tenths / 10:g}/s")
times = st.integers(1, 80).map(lambda tenths: f"{tenths * 100}ms")
pieces = st.one_of(
    st.builds("{} for {}".format, rates, times),
    st.builds("ramp {} to {} over {}".format, rates, rates, times),
    st.builds("steps {} to {} by {} every {}".format, rates, rates, st.just("5/s"), times),
    st.builds("spike {} to {} at {} for {}".format, rates, rates, times, times),
)
# A last rate above 0 makes them endless.
texts = st.builds(
    lambda pieces, last: " then ".join([*pieces, last]), st.lists(pieces, min_size=0, max_size=3), positive_rates
)
schedules = st.one_of(texts, texts.map("poisson {}".format)).map(parse_schedule)


def test_a_schedule_is_led_up_to_at_its_first_rate() -> None:
    led = parse_schedule("ramp 2/s to 0/s over 3s").after(1.5)
    assert first(led, 6) == pytest.approx([0, 0.5, 1, *(1.5 + at_s for at_s in first(parse_schedule(led.text), 3))])
    assert str(led) == "ramp 2/s to 0/s over 3s"


@given(schedules, st.integers(0, 40))
def test_a_lead_shifts_a_schedule_and_changes_nothing_else(schedule: Schedule, tenths: int) -> None:
    lead = Fraction(tenths, 10)
    led = schedule.after(float(lead))
    for at_s in (Fraction(0), Fraction(1, 3), Fraction(5)):
        within = arrivals_by(led, lead + at_s) - arrivals_by(led, lead)
        assert float(within) == pytest.approx(float(arrivals_by(schedule, at_s)))


def first(schedule: Schedule, number: int, **which: int) -> list[float]:
    return list(islice(schedule.starts(**which), number))


def arrivals_by(schedule: Schedule, at_s: Fraction) -> Fraction:
    """The integral of the rate up to a time, by areas under its pieces: not the way in which `starts` gets there."""
    total = begins = Fraction(0)
    for stretch in schedule.stretches:
        span = at_s - begins if stretch.length_s is None else min(stretch.length_s, at_s - begins)
        slope = (stretch.last_per_s - stretch.first_per_s) / stretch.length_s if stretch.length_s else 0
        total += stretch.first_per_s * span + slope * span * span / 2
        if stretch.length_s is None or begins + stretch.length_s >= at_s:
            break
        begins += stretch.length_s
    return total


def test_a_constant_rate_does_not_drift() -> None:
    starts = parse_schedule("3/s").starts()
    assert next(islice(starts, 3_000_000, None)) == 1_000_000.0


@pytest.mark.parametrize(
    ("text", "until_s", "count"),
    [
        ("50/s", 10, 500),
        ("120/min", 10, 20),
        ("3600/h", 10, 10),
        ("0.5/s", 10, 5),
        ("ramp 10/s to 200/s over 60s", 60, 6300),
        ("ramp 200/s to 10/s over 1m", 60, 6300),
        ("ramp 0/s to 100/s over 500ms", 0.5, 25),
        ("steps 50/s to 500/s by 50/s every 10s", 100, 27_500),
        ("steps 50/s to 120/s by 50/s every 1s", 4, 50 + 100 + 120 + 120),
        ("steps 100/s to 50/s by 25/s every 1s", 3, 225),
        ("spike 50/s to 500/s at 30s for 5s", 40, 1500 + 2500 + 250),
        ("spike 0/s to 500/s at 30s for 5s", 1000, 2500),
        ("10/s for 1s then 0/s for 5s then 20/s", 7, 10 + 20),
        ("100/s for 1m then ramp 100/s to 0/s over 30s", 1e6, 7500),
        ("spike 1/s to 9/s at 1s for 1s then 5/s", 3, 1 + 9 + 5),
    ],
)
def test_each_form_has_the_arrivals_that_its_rates_come_to(text: str, until_s: float, count: int) -> None:
    starts = first(parse_schedule(text), count + 10)
    assert sum(start < until_s for start in starts) == count


def test_arrivals_are_where_the_rate_puts_them() -> None:
    assert first(parse_schedule("10/s for 1s then 0/s for 5s then 20/s"), 13)[8:] == [0.8, 0.9, 6.0, 6.05, 6.1]
    # Under a ramp from 0 the number of arrivals grows as the square of the time.
    assert first(parse_schedule("ramp 0/s to 8/s over 2s"), 9) == pytest.approx([math.sqrt(n / 2) for n in range(9)])


@settings(max_examples=60)
@given(schedule=texts.map(parse_schedule))
def test_arrival_k_is_due_when_the_integral_of_the_rate_reaches_k(schedule: Schedule) -> None:
    for number, start in enumerate(first(schedule, 80)):
        assert float(arrivals_by(schedule, Fraction(start))) == pytest.approx(number, abs=1e-6)


@settings(max_examples=60)
@given(schedule=schedules, processes=st.integers(1, 5), seed=st.integers(0, 3))
def test_the_processes_together_have_exactly_the_one_schedule(schedule: Schedule, processes: int, seed: int) -> None:
    parts = [first(schedule, 30, seed=seed, index=index, of=processes) for index in range(processes)]
    together = list(merge(*parts))
    assert together == first(schedule, 30 * processes, seed=seed)
    assert parts == [together[index::processes] for index in range(processes)] or not _distinct(together)


def _distinct(starts: list[float]) -> bool:
    return all(before < after for before, after in pairwise(starts))


@settings(max_examples=60)
@given(schedule=schedules)
def test_arrivals_come_in_order_and_none_before_the_start(schedule: Schedule) -> None:
    starts = first(schedule, 100)
    assert starts == sorted(starts)
    assert starts[0] >= 0


def test_poisson_arrivals_are_the_seeds_and_nothing_elses() -> None:
    schedule = parse_schedule("poisson 50/s")
    assert first(schedule, 20, seed=1) == first(schedule, 20, seed=1)
    assert first(schedule, 20, seed=1) != first(schedule, 20, seed=2)


def test_poisson_arrivals_are_independent_at_the_rate_of_the_moment() -> None:
    # A thousand seconds at 20/s, then at 60/s. Of a Poisson process the counts per second vary as much as their mean.
    starts = first(parse_schedule("poisson 20/s for 1000s then 60/s"), 90_000, seed=7)
    for begin, end, rate in ((0, 1000, 20), (1000, 2000, 60)):
        counts = [bisect_right(starts, second + 1) - bisect_right(starts, second) for second in range(begin, end)]
        mean = sum(counts) / len(counts)
        variance = sum((count - mean) ** 2 for count in counts) / len(counts)
        assert mean == pytest.approx(rate, rel=0.05)
        assert variance / mean == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("text", "shape_s", "peak_per_s", "rate_at_31_s"),
    [
        ("50/s", 0, 50, 50),
        ("50/s for 1m30s", 90, 50, 50),
        ("ramp 10/s to 200/s over 62s", 62, 200, 105),
        ("steps 50/s to 500/s by 50/s every 10s", 100, 500, 200),
        ("spike 50/s to 500/s at 30s for 5s", 35, 500, 500),
        ("poisson 100/s for 31s then ramp 20/s to 0/s over 1h", 3631, 100, 20),
    ],
)
def test_a_schedule_tells_its_length_its_peak_and_its_rate(
    text: str, shape_s: float, peak_per_s: float, rate_at_31_s: float
) -> None:
    schedule = parse_schedule(text)
    assert (schedule.shape_s, schedule.peak_per_s) == (shape_s, peak_per_s)
    assert schedule.rate_per_s(31) == rate_at_31_s


def test_a_schedule_reads_as_it_was_written() -> None:
    assert str(parse_schedule("  poisson   ramp 1/s to 2/s  over 3s ")) == "poisson ramp 1/s to 2/s over 3s"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "write '50/s'"),
        ("poisson", "write '50/s'"),
        ("50", "'50' is no rate"),
        ("50/d", "'50/d' is no rate"),
        ("-5/s", "'-5/s' is no rate"),
        ("1e3/s", "'1e3/s' is no rate"),
        ("nan/s", "no rate"),
        ("2000000/s", "more than any generator makes"),
        ("0/s", "has no arrivals"),
        ("ramp 0/s to 0/s over 5s", "has no arrivals"),
        ("ramp 10/s 20/s over 5s", "no part of one"),
        ("ramp 10/s to 20/s over 5", "'5' is no length of time"),
        ("ramp 10/s to 20/s over 0s", "no time at all"),
        ("ramp 10/s to 20/s over -5s", "no length of time"),
        ("steps 10/s to 20/s by 0/s every 5s", "lead nowhere"),
        ("steps 0/s to 900000/s by 1/s every 5s", "more than 10,000 steps"),
        ("spike 10/s to 20/s at 5s", "no part of one"),
        ("10/s then 20/s", "for how long is '10/s'"),
        ("10/s for 5s then", "write '50/s'"),
        ("10/s for 5s then then 5/s", "write '50/s'"),
        ("50/s poisson", "no part of one"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_there_is(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_schedule(text)


@given(
    text=st.one_of(
        st.text(max_size=30),
        st.lists(st.sampled_from(("50/s", "to", "then", "for", "5s", "ramp", "0/s"))).map(" ".join),
    )
)
def test_nothing_else_comes_of_any_text(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except ValueError:
        return
    assert schedule.peak_per_s > 0
