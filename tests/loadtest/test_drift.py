"""Drift: what is told of runs that got slower or worse, and that nothing is told of those that did not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from loadtest.bookkeeping.drift import FEWEST, drift_of
from loadtest.desk import Desk, Opening, Part
from loadtest.planning import Options, plan_from
from loadtest.results import result_of
from loadtest.scenarios.table import SCENARIOS
from reports.load import Interval, LoadExit, load_exit
from reports.load_drift import Drift, Stretch

SECONDS = 200
At = Callable[[int], float]


def timeline(
    seed: int = 1,
    *,
    seconds: int = SECONDS,
    length_s: int = 1,
    slower: At = lambda at_s: 1.0,
    spikier: At = lambda at_s: 1.0,
    failing: At = lambda at_s: 0.01,
    offered: At | None = None,
    done: int = 100,
) -> list[Interval]:
    """A run of intervals, each with a latency that varies by a third or so, and with its share of failures."""
    rng = random.Random(seed)
    found = []
    for at_s in range(0, seconds, length_s):
        median_us = int(rng.lognormvariate(0, 0.3) * 2_000 * slower(at_s))
        p99_us = int(median_us * (1 + 2 * rng.random()) * spikier(at_s))
        found.append(
            Interval(
                at_s=at_s,
                length_s=length_s,
                done=done,
                failed=sum(rng.random() < failing(at_s) for _ in range(100)),
                p50_us=median_us,
                p90_us=p99_us,
                p99_us=p99_us,
                max_us=p99_us,
                offered=int(offered(at_s)) if offered is not None else 0,
            )
        )
    return found


def told(intervals: list[Interval], *, all_there_s: float = 0.0, ended_s: float = SECONDS) -> Drift:
    drift = drift_of(intervals, all_there_s=all_there_s, ended_s=ended_s)
    assert drift is not None
    return drift


def test_nothing_is_told_of_a_steady_run() -> None:
    drift = told(timeline())
    assert (drift.p50, drift.p99, drift.errors) == ("steady", "steady", "steady")
    assert not drift.is_there
    assert (drift.first.at_s, drift.first.length_s) == (1, 19)
    assert (drift.last.at_s, drift.last.length_s) == (181, 19)


def test_steady_runs_are_hardly_ever_taken_for_drifting_ones() -> None:
    assert sum(told(timeline(seed)).is_there for seed in range(300)) <= 4


def test_a_run_that_gets_slower_is_told_and_by_how_much() -> None:
    drift = told(timeline(slower=lambda at_s: 1 + 2 * at_s / SECONDS))
    assert (drift.p50, drift.p99, drift.errors) == ("rose", "rose", "steady")
    assert drift.is_there
    assert drift.factor is not None
    assert 2 < drift.factor < 3.5
    assert drift.last.p50_us > drift.first.p50_us > 0


def test_a_run_that_gets_faster_is_told_too() -> None:
    drift = told(timeline(slower=lambda at_s: 3 if at_s < SECONDS / 2 else 1))
    assert (drift.p50, drift.errors) == ("fell", "steady")


def test_only_the_slowest_may_get_slower() -> None:
    drift = told(timeline(spikier=lambda at_s: 1 + 9 * at_s / SECONDS))
    assert (drift.p50, drift.p99) == ("steady", "rose")


def test_a_change_that_is_certain_and_small_is_none() -> None:
    steps = [
        Interval(at_s=at_s, done=9, p50_us=1_000 + at_s // 10, p90_us=2_000, p99_us=2_000, max_us=2_000)
        for at_s in range(SECONDS)
    ]
    assert told(steps).p50 == "steady"


def test_a_hiccup_in_the_last_part_is_no_drift() -> None:
    assert told(timeline(slower=lambda at_s: 50 if 190 <= at_s < 195 else 1)).p50 == "steady"


@pytest.mark.parametrize(("share", "trend"), [(0.01, "steady"), (0.05, "rose"), (0.0, "fell")])
def test_errors_that_become_more_or_fewer_are_told(share: float, trend: str) -> None:
    drift = told(timeline(failing=lambda at_s: 0.01 if at_s < SECONDS / 2 else share))
    assert (drift.errors, drift.p50) == (trend, "steady")


def test_one_error_is_chance() -> None:
    assert told([*timeline(failing=lambda at_s: 0.0)[:-1], Interval(at_s=199, failed=1)]).errors == "steady"


def test_a_server_that_answers_nobody_in_the_end_is_told_by_its_errors() -> None:
    intervals = timeline()[:150] + [Interval(at_s=at_s, failed=5) for at_s in range(150, SECONDS)]
    drift = told(intervals)
    assert (drift.p50, drift.p99, drift.errors) == ("unknown", "unknown", "rose")
    assert drift.factor is None


def test_where_nothing_is_attempted_nothing_is_known() -> None:
    drift = told(timeline()[:150] + [Interval(at_s=at_s) for at_s in range(150, SECONDS)])
    assert (drift.p50, drift.errors) == ("unknown", "unknown")
    assert not drift.is_there


def test_the_time_in_which_users_come_is_no_part_of_it() -> None:
    intervals = timeline(slower=lambda at_s: 5 if at_s < 50 else 1)
    assert told(intervals).p50 == "fell"
    drift = told(intervals, all_there_s=50.0)
    assert drift.p50 == "steady"
    assert drift.first.at_s == 51


def test_an_interval_that_the_end_cut_short_is_no_part_of_it() -> None:
    assert told(timeline(), ended_s=199.5).last.at_s + told(timeline(), ended_s=199.5).last.length_s == 199


def test_long_intervals_are_as_good() -> None:
    drift = told(timeline(seconds=28_800, length_s=16, slower=lambda at_s: 1 + at_s / 28_800), ended_s=28_800)
    assert drift.p50 == "rose"
    assert drift.last.length_s == 16 * 179


@pytest.mark.parametrize("seconds", [0, 1, 10 * FEWEST])
def test_short_runs_tell_nothing(seconds: int) -> None:
    assert drift_of(timeline(seconds=seconds), all_there_s=0.0, ended_s=seconds) is None
    assert drift_of(timeline(seconds=10 * FEWEST + 1), all_there_s=0.0, ended_s=10 * FEWEST + 1) is not None


def test_a_part_may_be_another_share() -> None:
    drift = drift_of(timeline(seconds=51), all_there_s=0.0, ended_s=51.0, part=0.4)
    assert drift is not None
    assert drift.first.length_s == drift.last.length_s == 20


def test_a_schedule_that_offers_more_in_the_end_is_no_drift_of_the_servers() -> None:
    ramp = timeline(offered=lambda at_s: 10 + at_s, slower=lambda at_s: 1 + 4 * at_s / SECONDS)
    assert drift_of(ramp, all_there_s=0.0, ended_s=SECONDS) is None
    even = timeline(offered=lambda at_s: 50, slower=lambda at_s: 1 + 4 * at_s / SECONDS)
    assert told(even).p50 == "rose"


def test_scenarios_in_which_the_load_changes_are_left_out() -> None:
    assert {name for name, scenario in SCENARIOS.items() if not scenario.is_steady} == {"big-mailbox", "slow-clients"}


@pytest.mark.parametrize(
    ("scenario", "fail_if", "trend", "outcome"),
    [
        ("soak", (), "rose", LoadExit.WITHIN_THRESHOLDS),
        ("soak", ("drift > 2",), "rose", LoadExit.BROKEN),
        ("soak", ("drift > 9",), "rose", LoadExit.WITHIN_THRESHOLDS),
        ("big-mailbox", (), None, LoadExit.WITHIN_THRESHOLDS),
    ],
)
def test_the_record_of_a_run_says_whether_it_drifted_and_thresholds_whether_it_may(
    scenario: str, fail_if: tuple[str, ...], trend: str | None, outcome: LoadExit
) -> None:
    url = "imap://ann@example.test:x@127.0.0.1:1" if scenario == "big-mailbox" else "smtp://127.0.0.1:1"
    plan = plan_from(
        Options(scenario=scenario, urls=(url.replace("ann@", "ann%40"),), fail_if=fail_if), until_ended=False
    )
    opening = Opening(run_id="0a1b2c3d", started=datetime.now(UTC), began_at_s=time.time(), addresses={})
    desk = Desk(plan, opening, Part())
    books = desk.books
    for tenth in range(SECONDS * 10):
        books.attempt()
        books.done(octets=1, took_s=0.01 * (1 + 4 * tenth / SECONDS / 10), now=books.began + tenth / 10)
    result = result_of(plan, opening, desk.findings, ended=books.began + SECONDS, interrupted=False)
    drift = result.summary.drift
    assert (drift.p50 if drift is not None else None) == trend
    assert load_exit(result) is outcome


def test_records_of_drift_make_sense() -> None:
    part = Stretch(at_s=1, length_s=10, operations=10, troubles=1, p50_us=1, p99_us=2)
    assert part.trouble_share == 0.1
    for wrong in ({"length_s": 0}, {"troubles": 11}, {"p50_us": 3}):
        values = {"at_s": 1, "length_s": 10, "operations": 10, "troubles": 1, "p50_us": 1, "p99_us": 2} | wrong
        with pytest.raises(ValueError, match="not a part of a run"):
            Stretch(**values)
    with pytest.raises(ValueError, match="before the first one ends"):
        Drift(first=part, last=part, p50="steady", p99="steady", errors="steady")
