"""The books balance, tell what happened when, and merge exactly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.bookkeeping.books import Books
from loadtest.bookkeeping.timeline import Timeline


def books() -> Books:
    """Four messages: accepted, refused for now, failed, and one still in flight."""
    kept = Books(began=100.0)
    for _ in range(4):
        kept.attempt()
    kept.latency("connect", 0.0002)
    kept.done(octets=500, took_s=0.0015, now=100.2)
    kept.refuse(code="451", text="451 later", now=102.5)
    kept.fail(phase="final_dot", kind="closed", now=102.6)
    return kept


def test_every_operation_has_one_outcome() -> None:
    kept = books()
    assert (kept.attempted, kept.done_count, kept.refused, kept.failed, kept.in_flight) == (4, 1, 1, 1, 1)
    assert (kept.deferred, kept.messages, kept.octets) == (1, 1, 500)


def test_an_operation_may_stand_under_another_phase_than_the_headline_and_has_its_place_in_time() -> None:
    kept = Books(headline="normal")
    for phase, took_s in (("alone", 0.001), (None, 0.004)):
        kept.attempt()
        kept.done(octets=0, took_s=took_s, now=0.5, messages=0, phase=phase)
    assert {phase: latency.max for phase, latency in kept.latencies().items()} == {"normal": 4000, "alone": 1000}
    (row,) = kept.intervals(now=0.9)
    assert (row.done, row.p50_us) == (2, 1000)
    assert row.max_us == pytest.approx(4000, rel=0.001)


def test_errors_are_counted_by_code_and_by_kind_with_the_first_text_of_each_code() -> None:
    kept = books()
    kept.attempt()
    kept.refuse(code="451", text="451 other words", now=102.7)
    kept.remark(phase="quit", kind="closed")
    assert kept.by_code == {"451": 2}
    assert kept.texts == {"451": "451 later"}
    assert kept.by_kind == {"final_dot: closed": 1, "quit: closed": 1}
    assert kept.failed == 1  # the farewell cost no message


def test_what_a_warm_up_held_is_forgotten_but_for_its_outcomes_and_what_is_under_way() -> None:
    kept = Books(began=100.0, warm_up_s=2.0)
    for _ in range(4):
        kept.attempt()
    connect = kept.histogram("connect")
    kept.latency("connect", 0.5)
    kept.done(octets=500, took_s=0.9, now=100.2)
    kept.refuse(code="451", text="451 later", now=101.5)
    kept.fail(phase="final_dot", kind="closed", now=101.6)
    kept.measure()
    assert kept.warm_up == {"accepted": 1, "refused": 1, "failed": 1}
    assert (kept.attempted, kept.in_flight, kept.octets, kept.deferred) == (1, 1, 0, 0)
    assert (kept.latencies(), kept.by_code, kept.by_kind, kept.texts) == ({}, {}, {}, {})

    kept.done(octets=70, took_s=0.001, now=102.3)  # the one that was under way
    connect.record(200)  # by somebody who kept the histogram
    assert (kept.began, kept.measured_from) == (100.0, 102.0)
    assert (kept.attempted, kept.done_count, kept.in_flight) == (1, 1, 0)
    assert {phase: (latency.count, latency.min, latency.max) for phase, latency in kept.latencies().items()} == {
        "connect": (1, 200, 200),
        "submit": (1, 1000, 1000),
    }
    (interval,) = kept.intervals(now=102.9)
    assert (interval.at_s, interval.done, interval.refused, interval.failed) == (0, 1, 0, 0)

    whole = Books(began=100.0, warm_up_s=2.0)
    whole.merge(kept.encode(now=103.0))
    whole.merge(kept.encode(now=103.0))
    assert whole.warm_up == {"accepted": 2, "refused": 2, "failed": 2}
    assert whole.done_count == 2


@pytest.mark.parametrize(
    ("code", "text", "for_now"),
    [
        ("450", "450 later", True),
        ("550", "550 never", False),
        ("-ERR", "-ERR [IN-USE] somebody has it", True),
        ("-ERR", "-ERR [AUTH] wrong password", False),
        ("-ERR", "-ERR IN-USE is only a word here", False),
        ("NO", "L7 NO [UNAVAILABLE] come back", True),
        ("NO", "L7 NO [AUTHENTICATIONFAILED] no", False),
    ],
)
def test_a_refusal_that_passes_is_deferred_in_every_protocol(code: str, text: str, *, for_now: bool) -> None:
    kept = Books()
    kept.attempt()
    kept.refuse(code=code, text=text, now=0.0)
    assert (kept.refused, kept.deferred) == (1, for_now)


def test_the_timeline_has_a_row_for_every_second_also_where_nothing_happened() -> None:
    rows = books().intervals(now=103.1)
    assert [(row.at_s, row.done, row.refused, row.failed) for row in rows] == [
        (0, 1, 0, 0),
        (1, 0, 0, 0),
        (2, 0, 1, 1),
        (3, 0, 0, 0),
    ]
    assert (rows[0].p50_us, rows[0].p99_us, rows[0].max_us, rows[0].octets) == (1500, 1500, 1500, 500)
    assert rows[2].errors == {"451": 1, "final_dot: closed": 1}
    assert rows[0].heat == {"1280": 1}


def test_the_timeline_has_the_most_users_of_each_second_and_adds_up_those_of_several_processes() -> None:
    there = iter([2, 5, 3])
    one, other = Timeline(), Timeline()
    one.users = lambda: next(there)
    other.users = lambda: 10
    for now in (0.5, 1.5, 2.5, 3.5):
        for timeline in (one, other):
            timeline.at(now)
    assert [interval.users for interval in one.intervals(now=3.6)] == [2, 5, 5, 3]
    one.merge(other.encode(now=3.6))
    assert [interval.users for interval in one.intervals(now=3.6)] == [12, 15, 15, 13]


def test_an_intervals_percentiles_are_nearest_rank() -> None:
    kept = Books()
    for milliseconds in range(100, 0, -1):
        kept.attempt()
        kept.done(octets=1, took_s=milliseconds / 1000, now=0.5)
    (row,) = kept.intervals(now=0.9)
    assert row.p50_us == pytest.approx(50_000, rel=0.001)
    assert row.p99_us == pytest.approx(99_000, rel=0.001)
    assert row.max_us == pytest.approx(100_000, rel=0.001)
    assert sum(row.heat.values()) == 100


def test_only_phases_that_were_timed_have_figures() -> None:
    kept = books()
    assert list(kept.latencies()) == ["submit", "connect"]
    assert set(kept.encoded_histograms()) == {"submit", "connect"}
    assert kept.latencies()["submit"].max == 1500
    with pytest.raises(ValueError, match="no phase is called lunch"):
        kept.latency("lunch", 1.0)


EVENTS = st.lists(
    st.tuples(
        st.floats(0, 40), st.sampled_from(["done", "refuse", "fail", "connect"]), st.integers(0, 700_000_000)
    ),
    max_size=40,
)  # fmt: skip


def replay(kept: Books, events: list[tuple[float, str, int]]) -> Books:
    for now, what, took_us in sorted(events):
        if what == "connect":
            kept.latency("connect", took_us / 1_000_000)
            continue
        kept.attempt()
        if what == "done":
            kept.done(octets=took_us % 1000, took_s=took_us / 1_000_000, now=now)
        elif what == "refuse":
            kept.refuse(code=str(400 + took_us % 200), text="no", now=now)
        else:
            kept.fail(phase="mail", kind="closed", now=now)
    return kept


@given(first=EVENTS, second=EVENTS, most=st.sampled_from([4, 16, 1800]))
def test_books_of_two_processes_merge_into_those_of_one_that_did_it_all(
    first: list[tuple[float, str, int]], second: list[tuple[float, str, int]], most: int
) -> None:
    def opened() -> Books:
        kept = Books()
        kept.timeline = Timeline(most_intervals=most)
        return kept

    whole = replay(opened(), first + second)
    merged = opened()
    for part in (first, second):
        # As it crosses between processes.
        merged.merge(json.loads(json.dumps(replay(opened(), part).encode(now=40.0))))
    assert merged.latencies() == whole.latencies()
    assert merged.encoded_histograms() == whole.encoded_histograms()
    assert merged.intervals(now=40.0) == whole.intervals(now=40.0)
    assert (merged.attempted, merged.in_flight, merged.by_code, merged.by_kind) == (
        whole.attempted, whole.in_flight, whole.by_code, whole.by_kind
    )  # fmt: skip


@given(times=st.lists(st.floats(0, 100_000), max_size=30), most=st.integers(4, 20))
def test_a_long_run_is_told_in_few_intervals_and_nothing_is_lost(times: list[float], most: int) -> None:
    kept = Timeline(most_intervals=most)
    for now in sorted(times):
        kept.at(now).done += 1
    rows = kept.intervals(now=100_000)
    assert len(rows) <= most + 1
    assert sum(row.done for row in rows) == len(times)
    assert [row.at_s for row in rows] == [number * rows[0].length_s for number in range(len(rows))]
