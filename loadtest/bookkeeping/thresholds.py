"""Thresholds such as `p99(submit) > 200ms`: the conditions under which a run has failed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from loadtest.bookkeeping.phases import PHASES
from reports.load import Ledger, Summary, Threshold

QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "failures": "operations that failed, but for this machine's own limits, or were refused for good (5yz)",
        "failed": "operations that got no intelligible reply, but for this machine's own limits",
        "refused": "operations refused, for now or for good",
        "deferred": "operations refused for now (4yz)",
        "unknown": "messages sent whole of which nobody knows whether the server holds them",
        "lost": "deliveries of accepted messages that are not in their mailboxes",
        "doubled": "deliveries found more than once",
        "damaged": "messages whose bodies or headers are not those handed in",
        "late": "deliveries that came later than --late-after",
        "reordered": "messages after a later one of the same sender in the same mailbox",
        "refused_but_delivered": "messages turned away that are in a mailbox all the same",
        "served": "visits of normal users that went well beside slow clients that the server had taken in",
        "accepted": "operations that went well",
        "messages_per_s": "messages carried per second",
        "operations_per_s": "operations that went well per second",
        "drift": "how many times the median latency of the run's first tenth that of its last one is",
    }
)
"""What can be held against a number; all but the last five against a percentage of the operations attempted, too."""

DEFAULTS = ("failures > 0", "lost > 0", "doubled > 0", "damaged > 0", "refused_but_delivered > 0")
"""In force unless a threshold of the user's own is about the same quantity."""

NEED_READING = frozenset({"lost", "doubled", "damaged", "late", "reordered", "refused_but_delivered"})
"""What only those know who have read the mailboxes."""

LONG_ENOUGH_US = 2_000_000
"""A slow client's session of so many microseconds shows that the fleet was there while normal users came."""

_RATES = ("messages_per_s", "operations_per_s")

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
)
_UNITS_US = MappingProxyType({"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6})
_FORM = re.compile(
    r"\s*(?:(?P<statistic>p50|p90|p95|p99|p999|max|mean)\((?P<phase>[a-z_]+)\)|(?P<quantity>[a-z_]+))"
    r"\s*(?P<operator>>=|<=|>|<)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|µs|ms|s|%)?\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCondition:
    """A latency's percentile held against a time."""

    text: str
    statistic: str
    phase: str
    operator: str
    limit_us: float

    def judge(self, summary: Summary) -> Threshold:
        """Whether the run fails by it. Without a single sample nothing shows that the objective was met, so it does."""
        latency = summary.latency_us.get(self.phase)
        if latency is None:
            return Threshold(fail_if=self.text, value="no sample", broken=True)
        value_us: float = getattr(latency, self.statistic)
        broken = _OPERATORS[self.operator](value_us, self.limit_us)
        return Threshold(fail_if=self.text, value=f"{value_us / 1000:.3f} ms", broken=broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCondition:
    """A count, a rate or a share of the messages attempted held against a number."""

    text: str
    quantity: str
    operator: str
    limit: float
    percent: bool

    def judge(self, summary: Summary) -> Threshold:
        """Whether the run fails by it."""
        if self.quantity in NEED_READING and not summary.ledger.closed:
            return self._not_known("no mailbox was read to its end")
        if self.quantity == "drift" and (summary.drift is None or summary.drift.factor is None):
            return self._not_known("the run was too short or not steady")
        if self.quantity == "served" and not _slow_clients_came(summary):
            return self._not_known("no slow client was there")
        value = _quantity(self.quantity, summary)
        shown = f"{value:,.1f}" if self.quantity in (*_RATES, "drift") else f"{value:,.0f}"
        if self.percent:
            value = 100 * value / summary.ledger.attempted if summary.ledger.attempted else 0.0
            shown = f"{value:.2f} %"
        broken = _OPERATORS[self.operator](value, self.limit)
        return Threshold(fail_if=self.text, value=shown, broken=broken, about=self.about)

    def _not_known(self, why: str) -> Threshold:
        return Threshold(fail_if=self.text, value=f"not known: {why}", broken=False, known=False, about=self.about)

    @property
    def about(self) -> Literal["latency", "rate", "integrity"]:
        """What it is about, as `Threshold.about` has it."""
        if self.quantity in ("late", "drift"):
            return "latency"
        return "rate" if self.quantity in (*_RATES, "accepted") else "integrity"


Condition = LatencyCondition | CountCondition


def parse_condition(text: str, *, example: str = "p99(submit) > 200ms' or 'failures > 0.1%") -> Condition:
    """Read `p99(submit) > 200ms`, `failures > 0.1%`, `messages_per_s < 500`.

    Raises:
        ValueError: it is none of these; the text says what there is, and gives the example.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot read {text!r}: write '{example}'")
    clean, unit = " ".join(text.split()), match["unit"]
    number = float(match["number"])
    if match["statistic"]:
        if match["phase"] not in PHASES:
            raise ValueError(f"{text!r}: nothing called {match['phase']} is timed, but {', '.join(PHASES)}")
        if unit not in _UNITS_US:
            raise ValueError(f"{text!r}: a time needs its unit, us, ms or s")
        return LatencyCondition(
            text=clean,
            statistic=match["statistic"],
            phase=match["phase"],
            operator=match["operator"],
            limit_us=number * _UNITS_US[unit],
        )
    quantity = match["quantity"]
    if quantity not in QUANTITIES:
        raise ValueError(f"{text!r}: nothing called {quantity} is counted, but {', '.join(QUANTITIES)}")
    if unit not in (None, "%") or (unit and quantity in ("accepted", "served", "drift", *_RATES)):
        raise ValueError(
            f"{text!r}: {quantity} is held against a plain number{'' if unit == '%' else ' or a percentage'}"
        )
    return CountCondition(text=clean, quantity=quantity, operator=match["operator"], limit=number, percent=unit == "%")


def conditions(texts: Iterable[str], *, besides: Iterable[str] = ()) -> list[Condition]:
    """The user's conditions, and the defaults, and those of the scenario `besides`, that they do not speak about.

    Raises:
        ValueError: one of them cannot be read.
    """
    own = [parse_condition(text) for text in texts]
    spoken_of = {condition.quantity for condition in own if isinstance(condition, CountCondition)}
    defaults = [parse_condition(text) for text in (*DEFAULTS, *besides)]
    return own + [c for c in defaults if isinstance(c, CountCondition) and c.quantity not in spoken_of]


def _quantity(name: str, summary: Summary) -> float:
    ledger: Ledger = summary.ledger
    if name == "failures":
        return ledger.failures
    if name == "failed":
        return ledger.failed - ledger.prevented
    if name == "drift":
        return (summary.drift and summary.drift.factor) or 0.0
    if name == "served":
        normal = summary.latency_us.get("normal")
        return normal.count if normal is not None else 0
    if name in _RATES:
        rate: float = getattr(summary, name)
        return rate
    value: int = getattr(ledger, name)
    return value


def _slow_clients_came(summary: Summary) -> bool:
    """Whether the fleet was there for long enough to matter; a run that was ended before says nothing about it."""
    ages_us = [summary.latency_us[phase].max for phase in ("dropped", "kept") if phase in summary.latency_us]
    return max(ages_us, default=0) >= LONG_ENOUGH_US
