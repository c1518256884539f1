"""The search finds a server's knee within its precision, and claims none that the server did not show."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.rates.capacity import (
    ACHIEVED_SHARE,
    DESCENTS,
    FEWEST_ARRIVALS,
    MOST_STEPS,
    CapacitySearch,
    Measured,
    Objective,
    Outcome,
    judge,
    parse_objective,
)
from reports.load import Latency, Ledger, Step, Summary

OBJECTIVE = parse_objective(["p99(submit) < 250ms"])


def summary(p99_s: float | None, *, accepted: int = 1000, failed: int = 0, backlog: int = 0) -> Summary:
    us = None if p99_s is None else max(int(p99_s * 1e6), 1)
    latency = us and Latency(
        count=accepted, min=1, mean=us / 2, p50=us // 2 + 1, p90=us, p95=us, p99=us, p999=us, max=us
    )
    return Summary(
        messages_per_s=1.0,
        accepted=accepted,
        refused=0,
        octets=0,
        errors_by_reply_code={},
        errors_by_kind={"data: closed": failed} if failed else {},
        reply_texts={},
        latency_us={"submit": latency} if latency else {},
        ledger=Ledger(
            attempted=accepted + failed,
            sent=accepted,
            accepted=accepted,
            refused=0,
            deferred=0,
            failed=failed,
            abandoned=0,
            unknown=0,
            closed=True,
            expected=accepted,
            delivered=accepted,
            backlog=backlog,
        ),
    )


def measured(rate: float, p99_s: float | None = 0.1, **what: object) -> Measured:
    return Measured(
        **{  # type: ignore[arg-type]
            "offered_per_s": rate,
            "achieved_per_s": rate,
            "length_s": 10.0,
            "summary": summary(p99_s),
            "headline": "submit",
            **what,
        }
    )


class Queueing:
    """A server like M/M/1: at rate λ an operation takes an exponential time of mean 1 / (μ - λ); above μ, for ever."""

    def __init__(self, capacity_per_s: float) -> None:
        self.capacity_per_s = capacity_per_s

    def knee_per_s(self, limit_s: float) -> float:
        """Where the 99th percentile, ln 100 times the mean, is the limit."""
        return self.capacity_per_s - math.log(100) / limit_s

    def __call__(self, rate: float) -> Measured:
        spare = self.capacity_per_s - rate
        p99_s = math.log(100) / spare if spare > 0 else 600.0
        return measured(rate, min(p99_s, 600.0), achieved_per_s=min(rate, self.capacity_per_s))


def search_all(
    search: CapacitySearch, server: Callable[[float], Measured], objective: Objective = OBJECTIVE
) -> list[Step]:
    steps: list[Step] = []
    while (trial := search.next()) is not None:
        assert len(steps) < MOST_STEPS
        outcome, step = judge(server(trial.rate_per_s), objective)
        search.record(trial, outcome)
        steps.append(step)
    return steps


factors = st.floats(1.2, 10)
precisions = st.floats(0.01, 0.3)


@settings(max_examples=150)
@given(
    capacity=st.floats(100, 50_000), start=st.floats(1, 5_000), limit_s=st.floats(0.1, 2), factor=factors,
    precision=precisions,
)  # fmt: skip
def test_the_knee_of_a_queue_is_found_within_the_precision(
    capacity: float, start: float, limit_s: float, factor: float, precision: float
) -> None:
    server = Queueing(capacity)
    knee = server.knee_per_s(limit_s)
    objective = parse_objective([f"p99(submit) < {limit_s:.6f}s"])
    search = CapacitySearch(start_per_s=start, factor=factor, precision=precision)
    steps = search_all(search, server, objective)
    found = search.knee_per_s
    if knee < start / factor**DESCENTS:
        assert found is None or found <= knee * 1.001
        return
    assert found is not None
    # What is no more than the rounding of limits and rates to some digits is granted.
    assert found <= knee * 1.001 <= found * (1 + precision) * 1.003
    assert sum(step.offered_per_s == found and step.met for step in steps) >= 2
    assert str(f"{found:g}") in search.verdict()
    assert search.result(objective, steps).knee_per_s == found


@settings(max_examples=100)
@given(
    capacity=st.floats(200, 20_000),
    start=st.floats(10, 500),
    hiccups=st.sets(st.integers(0, 60), max_size=20),
)
def test_a_hiccup_now_and_then_moves_the_knee_nowhere(capacity: float, start: float, hiccups: set[int]) -> None:
    server, runs = Queueing(capacity), 0
    struck_rates: set[float] = set()

    def unsteady(rate: float) -> Measured:
        nonlocal runs
        runs += 1
        # Not twice at the same rate: what happens every other time is no hiccup.
        struck = runs in hiccups and rate not in struck_rates
        true = server(rate)
        good = judge(true, OBJECTIVE)[0] is Outcome.MET
        if not struck:
            return true
        struck_rates.add(rate)
        return measured(rate, 0.9 if good else 0.01)

    search = CapacitySearch(start_per_s=start)
    search_all(search, unsteady)
    knee = server.knee_per_s(0.25)
    assert search.knee_per_s is not None
    assert search.knee_per_s <= knee * 1.001 <= search.knee_per_s * 1.053


@settings(max_examples=100)
@given(
    capacity=st.floats(200, 20_000),
    generator=st.floats(20, 30_000),
    start=st.floats(10, 500),
    factor=factors,
)
def test_no_knee_is_claimed_where_the_generator_was_the_limit(
    capacity: float, generator: float, start: float, factor: float
) -> None:
    server = Queueing(capacity)
    knee = server.knee_per_s(0.25)

    def limited(rate: float) -> Measured:
        if rate <= generator:
            return server(rate)
        return measured(rate, 5.0, achieved_per_s=generator, generator="it was busy")

    search = CapacitySearch(start_per_s=start, factor=factor)
    search_all(search, limited)
    found = search.knee_per_s
    if found is not None:
        assert found <= knee * 1.001 <= found * 1.053
        assert search.breaks_at_per_s is not None
        assert search.breaks_at_per_s <= generator
    elif generator < knee:
        assert "the generator was the limit" in search.verdict()
        # And what the server did show is told.
        if search.holds_at_per_s is not None:
            assert search.holds_at_per_s <= generator <= search.holds_at_per_s * 1.053
            assert f"at {search.holds_at_per_s:g}/s at least" in search.verdict()
        else:
            assert generator < start / factor ** (DESCENTS - 1)


@given(start=st.floats(1, 1000), factor=factors, limit=st.floats(1000, 100_000))
def test_a_server_that_holds_to_the_end_has_no_knee(start: float, factor: float, limit: float) -> None:
    search = CapacitySearch(start_per_s=start, factor=factor, limit_per_s=limit)
    steps = search_all(search, lambda rate: measured(rate, 0.001))
    assert max(step.offered_per_s for step in steps) == search.holds_at_per_s == limit
    assert search.knee_per_s is None
    assert "no higher rate was to be tried" in search.verdict()
    assert search.result(OBJECTIVE, steps).knee_per_s is None


@given(start=st.floats(1, 1000), factor=factors, outcome=st.sampled_from(["integrity", "objective", "failing"]))
def test_a_server_that_is_broken_from_the_start_has_no_knee(start: float, factor: float, outcome: str) -> None:
    def broken(rate: float) -> Measured:
        if outcome == "integrity":
            return measured(rate, 0.001, integrity="lost 1")
        return measured(rate, 5.0) if outcome == "objective" else measured(rate, None, achieved_per_s=0.0)

    search = CapacitySearch(start_per_s=start, factor=factor)
    steps = search_all(search, broken)
    assert len({step.offered_per_s for step in steps}) == 1 + DESCENTS
    assert search.knee_per_s is None
    assert "does not hold even at" in search.verdict()
    assert not any(step.met for step in steps)


def test_a_generator_that_is_the_limit_everywhere_has_tested_nothing() -> None:
    search = CapacitySearch(start_per_s=100)
    search_all(search, lambda rate: measured(rate, generator="it was busy"))
    assert (search.knee_per_s, search.holds_at_per_s) == (None, None)
    assert "the server was not tested" in search.verdict()


def test_a_search_goes_up_by_the_factor_and_then_halves_the_gap_confirming_each_rate() -> None:
    search = CapacitySearch(start_per_s=100, precision=0.2)
    steps = search_all(search, lambda rate: measured(rate, 0.1 if rate < 450 else 0.5))
    tried = [(step.offered_per_s, step.met) for step in steps]
    assert tried == [
        (100, True), (200, True), (400, True), (800, False), (800, False), (400, True),
        (565.7, False), (565.7, False), (475.7, False), (475.7, False),
    ]  # fmt: skip
    assert search.knee_per_s == 400
    assert search.verdict() == ("the objective holds up to 400/s, and no longer at 475.7/s: the objective was broken")


def test_a_search_that_is_ended_early_says_what_is_known() -> None:
    search = CapacitySearch(start_per_s=100)
    assert search.verdict() == "no knee found: the search was ended early"
    for met in (True, True, False, False, True):
        trial = search.next()
        assert trial is not None
        search.record(trial, Outcome.MET if met else Outcome.DROPPED)
    assert search.verdict() == "no knee found: the search was ended early; it holds at 200/s, not at 400/s"
    assert search.knee_per_s is None


def test_a_server_that_is_never_twice_the_same_ends_the_search_too() -> None:
    """Where each rate holds once and breaks twice, or the other way round, an end comes all the same."""
    search = CapacitySearch(start_per_s=100, precision=0.01)
    runs = 0
    while (trial := search.next()) is not None:
        search.record(trial, Outcome.MET if runs % 3 else Outcome.OBJECTIVE)
        runs += 1
    assert runs <= MOST_STEPS
    assert search.verdict()


def test_a_step_lasts_until_it_has_samples_enough_but_not_for_ever() -> None:
    lengths = []
    for start in (100, 8, 0.5):
        trial = CapacitySearch(start_per_s=start, step_s=5).next()
        assert trial is not None
        lengths.append(trial.length_s)
    assert lengths == [5, FEWEST_ARRIVALS / 8, 20]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"start_per_s": 0}, "first rate"),
        ({"start_per_s": 10, "limit_per_s": 5}, "first rate"),
        ({"start_per_s": 10, "factor": 1}, "leads nowhere"),
        ({"start_per_s": 10, "precision": 0}, "not to be had"),
        ({"start_per_s": 10, "precision": 1}, "not to be had"),
        ({"start_per_s": 10, "step_s": 0}, "takes time"),
    ],
)
def test_a_search_that_could_not_end_is_refused(what: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        CapacitySearch(**what)


# -- one step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "outcome", "reason"),
    [
        ({}, Outcome.MET, ""),
        ({"summary": summary(0.3)}, Outcome.OBJECTIVE, "not met: p99(submit) < 250ms: 300.000 ms"),
        ({"summary": summary(0.25)}, Outcome.OBJECTIVE, "not met: p99(submit) < 250ms: 250.000 ms"),
        ({"summary": summary(None)}, Outcome.OBJECTIVE, "not met: p99(submit) < 250ms: no sample"),
        ({"dropped": 7}, Outcome.DROPPED, "7 arrivals were dropped, as all users were busy"),
        ({"achieved_per_s": 94.9}, Outcome.NOT_ACHIEVED, "only 94.9% of the rate was carried"),
        ({"achieved_per_s": 100 * ACHIEVED_SHARE}, Outcome.MET, ""),
        ({"integrity": "lost > 0: 2"}, Outcome.INTEGRITY, "lost > 0: 2"),
        ({"generator": "it was busy"}, Outcome.GENERATOR, "the generator was the limit: it was busy"),
        # Of 10 s of mail one second's worth may be under way, of 100 s one in twenty.
        ({"summary": summary(0.1, backlog=100)}, Outcome.MET, ""),
        ({"summary": summary(0.1, backlog=101)}, Outcome.BACKLOG, "101 of 1,000 deliveries had not come"),
        ({"summary": summary(0.1, backlog=51), "length_s": 100.0}, Outcome.BACKLOG, "51 of 1,000"),
        ({"summary": summary(0.1, backlog=200), "generator": "busy"}, Outcome.BACKLOG, "; the generator was"),
        # Lost messages are lost however busy the generator was; a latency may be the generator's own.
        ({"integrity": "lost > 0: 2", "generator": "busy"}, Outcome.INTEGRITY, "lost > 0: 2; the generator was"),
        (
            {"summary": summary(0.3), "generator": "busy"},
            Outcome.GENERATOR,
            "the generator was the limit: busy; not met",
        ),
        ({"summary": summary(0.3), "dropped": 7}, Outcome.OBJECTIVE, "300.000 ms; 7 arrivals"),
    ],
)
def test_a_step_is_judged_by_what_weighs_most_and_tells_all(
    what: dict[str, object], outcome: Outcome, reason: str
) -> None:
    found, step = judge(measured(100, **what), OBJECTIVE)  # type: ignore[arg-type]
    assert found is outcome
    assert reason in step.reason
    assert step.met is (outcome is Outcome.MET) is (not step.reason)
    assert step.integrity_ok is ("integrity" not in what)


def test_a_step_tells_its_figures() -> None:
    _, step = judge(measured(100, summary=summary(0.2, failed=3), achieved_per_s=99.0, dropped=2), OBJECTIVE)
    assert (step.offered_per_s, step.achieved_per_s, step.p50_us, step.p99_us) == (100, 99.0, 100_001, 200_000)
    assert (step.failures, step.dropped) == (3, 2)


# -- what is to hold --------------------------------------------------------------------------------------------------


def test_all_of_an_objective_must_hold() -> None:
    objective = parse_objective(["p99(submit)<250ms", "failures  <= 0.1%"])
    assert objective.text == "p99(submit)<250ms and failures <= 0.1%"
    assert objective.broken(summary(0.1, failed=1)) == ()
    assert objective.broken(summary(0.1, failed=2)) == ("failures <= 0.1%: 0.20 %",)
    assert len(objective.broken(summary(0.3, failed=2))) == 2


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([], "an objective is needed"),
        (["p99(submit)"], "cannot read"),
        (["p99(submit) > 250ms"], "says what must hold"),
        (["failures >= 1"], "says what must hold"),
        (["messages_per_s < 500"], "the rate is what is searched for"),
        (["accepted < 5"], "the rate is what is searched for"),
    ],
)
def test_what_is_no_objective_is_refused(texts: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_objective(texts)


def test_a_step_under_a_saturated_generator_is_known_as_one_without_verdict() -> None:
    _, step = judge(measured(100.0, 5.0, generator="it was busy"), OBJECTIVE)
    assert step.no_verdict
    _, step = judge(measured(100.0, 5.0), OBJECTIVE)
    assert not step.no_verdict
