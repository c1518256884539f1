"""find-capacity: which rate to try next, and the highest at which an objective holds. Pure logic; runs nothing.

The rate is multiplied until the objective breaks, then the gap between the highest rate that holds and the lowest that
does not is halved (geometrically) until it is narrow. No verdict on a rate that matters hangs on a single step: one
that is not met is tried again until two steps agree, and so is every rate that holds once there is one that does not.

Where the generator could not keep up, a step tells nothing about the server. Such a rate bounds the search from above
as one that breaks does, but it is no end that the server has shown: then there is no knee, and the verdict says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from loadtest.bookkeeping.thresholds import Condition, CountCondition, LatencyCondition, parse_condition
from reports.load import Capacity, Step, Summary

ACHIEVED_SHARE = 0.95
"""Less than this share of the rate offered, begun and gone well, means that the rate was not carried."""

BACKLOG_S = 1.0
"""Mail is under way for a while. What has not been delivered at the end of a step, if it is more than so many seconds'
worth of it (and more than what `ACHIEVED_SHARE` leaves), waits in a queue that grows.
"""

AGREEING = 2
"""Steps of the same outcome that settle a rate."""

MOST_STEPS = 200
"""From 1/s to a million by the smallest factor, and halving to the finest precision, take fewer."""

FEWEST_ARRIVALS = 100
"""A step at a low rate takes longer, so as to have this many arrivals: a p99 of fewer is their maximum."""

LONGEST_STEPS = 4
"""How many times as long a step may become for that."""

LEAST_FACTOR, MOST_FACTOR = 1.2, 10.0
"""What the rate may be multiplied by."""

DESCENTS = 6
"""How often the rate is divided by the factor if not even the first one holds."""

EXAMPLE = "p99(submit) < 250ms"

_OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_RATES = ("accepted", "messages_per_s", "operations_per_s")


class Outcome(Enum):
    """What a step showed about its rate."""

    MET = "the objective was met"
    OBJECTIVE = "the objective was broken"
    INTEGRITY = "messages or operations went wrong"
    BACKLOG = "mail was delivered more slowly than it was accepted"
    DROPPED = "arrivals were dropped, as all users were busy"
    NOT_ACHIEVED = "the rate offered was not carried"
    GENERATOR = "the generator was the limit"


class _Says(Enum):
    """What it means for the search."""

    HOLDS = "the server carries the rate"
    BREAKS = "the server does not"
    NOTHING = "nothing is known of the server"


def _says(outcome: Outcome) -> _Says:
    if outcome is Outcome.MET:
        return _Says.HOLDS
    return _Says.NOTHING if outcome is Outcome.GENERATOR else _Says.BREAKS


@dataclass(frozen=True, slots=True)
class Objective:
    """What must hold at a rate, all of it together."""

    text: str
    _broken_if: tuple[Condition, ...]

    def broken(self, summary: Summary) -> tuple[str, ...]:
        """What does not hold, each with the value found. Without a sample nothing shows that a latency was met."""
        judged = (condition.judge(summary) for condition in self._broken_if)
        return tuple(f"{threshold.fail_if}: {threshold.value}" for threshold in judged if threshold.broken)


def parse_objective(texts: Iterable[str]) -> Objective:
    """Read conditions that must hold, such as `p99(submit) < 250ms` or `failures < 0.1%`.

    Raises:
        ValueError: one of them cannot be read, or is none that a server meets at low rates and breaks at high ones.
    """
    conditions = [parse_condition(text, example=EXAMPLE) for text in texts]
    if not conditions:
        raise ValueError(f"an objective is needed: write {EXAMPLE!r}")
    for condition in conditions:
        if isinstance(condition, CountCondition) and condition.quantity in _RATES:
            raise ValueError(f"{condition.text!r}: the rate is what is searched for; write {EXAMPLE!r}")
        if condition.operator not in ("<", "<="):
            raise ValueError(f"{condition.text!r}: an objective says what must hold, as in {EXAMPLE!r}")
    return Objective(
        " and ".join(condition.text for condition in conditions),
        tuple(_opposite(condition) for condition in conditions),
    )


def _opposite(condition: Condition) -> Condition:
    opposite = _OPPOSITES[condition.operator]
    if isinstance(condition, LatencyCondition):
        return replace(condition, operator=opposite)
    return replace(condition, operator=opposite)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a step's run found.

    `length_s` is how long there was load, the warm-up included. `headline` is the phase whose latency the step shows.
    `integrity` and `generator` say in words what went wrong with
    messages or operations, and why the generator was the limit; empty if nothing did and it was not.
    """

    offered_per_s: float
    achieved_per_s: float
    length_s: float
    summary: Summary
    headline: str
    dropped: int = 0
    integrity: str = ""
    generator: str = ""


def judge(measured: Measured, objective: Objective) -> tuple[Outcome, Step]:
    """The outcome of a step and its record, with all that speaks against the rate.

    What happened to messages counts whatever the generator did; anything else only where it kept up.
    """
    ledger, latency = measured.summary.ledger, measured.summary.latency_us.get(measured.headline)
    against: dict[Outcome, str] = {}
    if measured.integrity:
        against[Outcome.INTEGRITY] = measured.integrity
    if ledger.backlog > ledger.expected * max(1 - ACHIEVED_SHARE, BACKLOG_S / measured.length_s):
        against[Outcome.BACKLOG] = f"{ledger.backlog:,} of {ledger.expected:,} deliveries had not come at its end"
    if measured.generator:
        against[Outcome.GENERATOR] = f"the generator was the limit: {measured.generator}"
    if broken := objective.broken(measured.summary):
        against[Outcome.OBJECTIVE] = "not met: " + ", ".join(broken)
    if measured.dropped:
        against[Outcome.DROPPED] = f"{measured.dropped:,} arrivals were dropped, as all users were busy"
    share = measured.achieved_per_s / measured.offered_per_s
    if share < ACHIEVED_SHARE:
        against[Outcome.NOT_ACHIEVED] = f"only {share:.1%} of the rate was carried"
    outcome = next(iter(against), Outcome.MET)
    return outcome, Step(
        offered_per_s=measured.offered_per_s,
        achieved_per_s=measured.achieved_per_s,
        p50_us=latency.p50 if latency else 0,
        p99_us=latency.p99 if latency else 0,
        failures=ledger.failures,
        dropped=measured.dropped,
        integrity_ok=not measured.integrity,
        met=outcome is Outcome.MET,
        reason="; ".join(against.values()),
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """A step to be run: at which rate, for how long."""

    rate_per_s: float
    length_s: float


class CapacitySearch:
    """A search under way: ask for the `next` trial, `record` what it showed, until there is no next."""

    def __init__(
        self,
        *,
        start_per_s: float,
        limit_per_s: float = math.inf,
        factor: float = 2.0,
        precision: float = 0.05,
        step_s: float = 10.0,
    ) -> None:
        """Begin at one rate.

        Args:
            start_per_s: the first rate.
            limit_per_s: no higher rate is tried.
            factor: what the rate is multiplied by until the objective breaks.
            precision: the search ends when the rate that breaks is less than this share above the one that holds.
            step_s: how long a step takes; longer where it would have too few arrivals.

        Raises:
            ValueError: with these the search cannot end.
        """
        if not 0 < start_per_s <= limit_per_s:
            raise ValueError(f"the first rate, {start_per_s:g}/s, must be above 0 and not above the limit")
        if not LEAST_FACTOR <= factor <= MOST_FACTOR:
            raise ValueError(f"a rate multiplied by {factor:g} leads nowhere: from {LEAST_FACTOR:g} to {MOST_FACTOR:g}")
        if not 0.01 <= precision < 1:
            raise ValueError(f"a precision of {precision:.1%} is not to be had: from 1% on, below 100%")
        if step_s <= 0:
            raise ValueError("a step takes time")
        self._start = min(_rounded(start_per_s), limit_per_s)
        self._limit = limit_per_s
        self._factor = factor
        self._precision = precision
        self._step_s = step_s
        self._outcomes: dict[float, list[Outcome]] = {}
        self._settled: dict[float, _Says] = {}
        self._count = 0

    # -- what the trials so far say -----------------------------------------------------------------------------------

    def _rates(self, says: _Says) -> list[float]:
        return [rate for rate, known in self._settled.items() if known is says]

    @property
    def breaks_at_per_s(self) -> float | None:
        """The lowest rate at which the server is known not to hold the objective."""
        return min(self._rates(_Says.BREAKS), default=None)

    @property
    def unknown_from_per_s(self) -> float | None:
        """The lowest rate at which the generator is known to be the limit."""
        return min(self._rates(_Says.NOTHING), default=None)

    @property
    def _top(self) -> float:
        """Below this the search goes on."""
        return min((rate for rate in (self.breaks_at_per_s, self.unknown_from_per_s) if rate), default=math.inf)

    @property
    def _highest_met(self) -> float | None:
        """The highest rate below the top that was met, be it once."""
        top = self._top
        return max((r for r, outcomes in self._outcomes.items() if r < top and self._holds(outcomes)), default=None)

    @staticmethod
    def _holds(outcomes: Sequence[Outcome]) -> bool:
        met = outcomes.count(Outcome.MET)
        return met >= AGREEING or met == len(outcomes)

    @property
    def holds_at_per_s(self) -> float | None:
        """The highest rate, below any that does not, at which the server is known to hold the objective."""
        top = self._top
        return max((rate for rate in self._rates(_Says.HOLDS) if rate < top), default=None)

    # -- the search ---------------------------------------------------------------------------------------------------

    def next(self) -> Trial | None:
        """What to try next; None when the search is over."""
        rate = None if self._count >= MOST_STEPS else self._next_rate()
        if rate is None:
            return None
        wanted_s = max(self._step_s, FEWEST_ARRIVALS / rate)
        return Trial(rate, min(wanted_s, LONGEST_STEPS * self._step_s))

    def record(self, trial: Trial, outcome: Outcome) -> None:
        """Take notice of what a trial showed."""
        self._count += 1
        outcomes = self._outcomes.setdefault(trial.rate_per_s, [])
        outcomes.append(outcome)
        says = _says(outcome)
        if sum(_says(earlier) is says for earlier in outcomes) >= AGREEING:
            self._settled[trial.rate_per_s] = says

    def _next_rate(self) -> float | None:
        if not self._outcomes:
            return self._start
        for rate, outcomes in self._outcomes.items():
            if rate not in self._settled and not self._holds(outcomes):
                return rate
        top, met = self._top, self._highest_met
        if met is None:
            lower = _rounded(top / self._factor)
            return lower if top > self._start / self._factor ** (DESCENTS - 0.5) else None
        at_limit = met >= self._limit
        if top == math.inf and not at_limit:
            return min(_rounded(met * self._factor), self._limit)
        if met not in self._settled:
            return met
        if at_limit or top <= met * (1 + self._precision):
            return None
        return _rounded(math.sqrt(met * top))

    # -- what came of it ----------------------------------------------------------------------------------------------

    @property
    def knee_per_s(self) -> float | None:
        """The highest rate at which the objective holds; None unless the server has shown that a little more is too
        much.
        """
        holds, breaks = self.holds_at_per_s, self.breaks_at_per_s
        if holds is None or breaks is None or breaks > holds * (1 + self._precision):
            return None
        return holds

    def verdict(self) -> str:
        """What came of the search so far, in words."""
        holds, breaks, unknown = self.holds_at_per_s, self.breaks_at_per_s, self.unknown_from_per_s
        if self.knee_per_s is not None:
            assert breaks is not None
            return f"the objective holds up to {holds:g}/s, and no longer at {breaks:g}/s: {self._why(breaks)}"
        if self.next() is not None:
            known = [f"it holds at {holds:g}/s"] if holds else []
            known += [f"not at {breaks:g}/s"] if breaks else []
            return "no knee found: the search was ended early" + (f"; {', '.join(known)}" if known else "")
        if self._count >= MOST_STEPS:
            return f"no knee found in {MOST_STEPS} steps: begin at a rate that is nearer to it"
        if unknown is not None and unknown == self._top:
            least = (
                f"the server holds the objective at {holds:g}/s at least, and"
                if holds
                else "the server was not tested:"
            )
            return f"no knee found: {least} the generator was the limit from {unknown:g}/s on"
        if holds is None:
            assert breaks is not None
            return f"no knee found: the objective does not hold even at {breaks:g}/s: {self._why(breaks)}"
        return f"no knee found: the objective holds at {holds:g}/s, and no higher rate was to be tried"

    def _why(self, rate: float) -> str:
        outcomes = [outcome for outcome in self._outcomes[rate] if _says(outcome) is _Says.BREAKS]
        return Counter(outcomes).most_common(1)[0][0].value

    def result(self, objective: Objective, steps: Iterable[Step]) -> Capacity:
        """The record of the search, with its steps in order."""
        return Capacity(
            objective=objective.text, steps=tuple(steps), knee_per_s=self.knee_per_s, verdict=self.verdict()
        )


def _rounded(rate: float) -> float:
    """To four digits, as people and schedules write rates; what is to be told apart differs by a hundredth."""
    return float(f"{rate:.4g}")
