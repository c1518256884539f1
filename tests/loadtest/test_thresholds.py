"""Thresholds are read strictly and judged on what was measured."""

from __future__ import annotations

import msgspec
import pytest

from loadtest.bookkeeping.books import Books
from loadtest.bookkeeping.ledger import Ledger
from loadtest.bookkeeping.thresholds import DEFAULTS, conditions, parse_condition
from loadtest.desk import Findings
from loadtest.results import summary_of
from reports.load import Summary
from reports.load_drift import Drift, Stretch


@pytest.fixture
def summary() -> Summary:
    """Of ten messages: six accepted in 10 ms to 60 ms, two refused for now, one for good, one failed."""
    kept = Books()
    for number in range(10):
        kept.attempt()
        if number < 6:
            kept.done(octets=100, took_s=0.01 * (number + 1), now=0.1)
    for code in ("450", "450", "550"):
        kept.refuse(code=code, text="no", now=0.2)
    kept.fail(phase="data", kind="closed", now=0.2)
    return summary_of(Findings(kept, Ledger(origin=0, slots=0)), duration_s=2.0)


@pytest.mark.parametrize(
    ("text", "value", "broken"),
    [
        ("p99(submit) > 59ms", "60.000 ms", True),
        ("p99(submit)>60ms", "60.000 ms", False),
        ("max(submit) >= 60000us", "60.000 ms", True),
        ("p50(submit) > 0.02 s", "30.015 ms", True),
        ("p99(tls) > 1s", "no sample", True),
        ("failures > 1", "2", True),
        ("failures > 20%", "20.00 %", False),
        ("failed > 0", "1", True),
        ("refused > 3", "3", False),
        ("deferred >= 2", "2", True),
        ("unknown > 0", "0", False),
        ("messages_per_s < 3.5", "3.0", True),
        ("accepted < 6", "6", False),
    ],
)
def test_a_condition_is_held_against_what_was_measured(
    summary: Summary, text: str, value: str, *, broken: bool
) -> None:
    judged = parse_condition(text).judge(summary)
    assert (judged.value, judged.broken) == (value, broken)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot read"),
        ("p99 > 1ms", "cannot read"),
        ("p98(submit) > 1ms", "cannot read"),
        ("p99(lunch) > 1ms", "nothing called lunch is timed"),
        ("p99(submit) > 1", "needs its unit"),
        ("p99(submit) > 1%", "needs its unit"),
        ("mislaid > 0", "nothing called mislaid is counted"),
        ("failures > 1ms", "plain number or a percentage"),
        ("accepted > 5%", "plain number"),
        ("drift > 5%", "plain number"),
        ("failures = 0", "cannot read"),
        ("failures > -1", "cannot read"),
        ("failures > 0; accepted > 1", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_there_is(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "value", "broken"),
    [("drift > 2", "2.5", True), ("drift > 2.5", "2.5", False), ("drift < 1", "2.5", False)],
)
def test_drift_is_the_last_part_against_the_first(summary: Summary, text: str, value: str, *, broken: bool) -> None:
    first = Stretch(at_s=1, length_s=12, operations=200, troubles=2, p50_us=1_000, p99_us=9_000)
    last = Stretch(at_s=109, length_s=12, operations=200, troubles=2, p50_us=2_500, p99_us=9_000)
    drift = Drift(first=first, last=last, p50="rose", p99="steady", errors="steady")
    judged = parse_condition(text).judge(msgspec.structs.replace(summary, drift=drift))
    assert (judged.value, judged.broken, judged.known, judged.about) == (value, broken, True, "latency")


def test_of_a_short_run_no_drift_is_known(summary: Summary) -> None:
    judged = parse_condition("drift > 0").judge(summary)
    assert (judged.broken, judged.known) == (False, False)
    assert judged.value.startswith("not known")


def test_failures_break_a_run_unless_the_user_says_how_many_may() -> None:
    assert [condition.text for condition in conditions(["p99(submit) > 1s"])] == ["p99(submit) > 1s", *DEFAULTS]
    assert [condition.text for condition in conditions(["failures  >  1%"])] == ["failures > 1%", *DEFAULTS[1:]]
