"""The books of a run: what became of each operation, how long everything took, interval by interval.

An operation is what a scenario's user does over and over: a message handed in, a mailbox polled, a session. It is begun
once and ended once, by exactly one of three outcomes, or is abandoned when the run ends first. What became of the
messages themselves is the ledger's to tell.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from loadtest.bookkeeping.histogram import LatencyHistogram
from loadtest.bookkeeping.phases import PHASES
from loadtest.bookkeeping.timeline import Timeline
from loadtest.machine import LIMITS
from reports.load import Interval, Latency

TEXT_CHARACTERS = 500
"""Characters kept of the first reply of each refusing code."""

_FOR_NOW = re.compile(
    r"-ERR \[(?:IN-USE|LOGIN-DELAY|SYS/TEMP)\b"  # RFC 2449 §8.1, RFC 3206 §4
    r"|\S+ NO \[(?:UNAVAILABLE|INUSE|LIMIT)\b",  # RFC 5530 §3
    re.IGNORECASE,
)
"""Refusals of POP3 and IMAP that say of themselves that they pass; SMTP has 4yz for that."""

_COUNTS = ("attempted", "done_count", "messages", "refused", "deferred", "failed", "prevented", "octets")


class Books:
    """Counts and latencies of one process. Times are seconds on one monotonic clock; `began` is the run's start on it.

    What happens in a warm-up counts until `measure`, and is forgotten then but for its outcomes, which `warm_up` keeps.
    """

    def __init__(self, *, headline: str = "submit", began: float = 0.0, warm_up_s: float = 0.0) -> None:
        self.headline = headline
        self.began = began
        self.warm_up: Counter[str] = Counter()
        self.attempted = self.done_count = self.messages = 0
        self.refused = self.deferred = self.failed = self.prevented = self.octets = 0
        self.timeline = Timeline(began=began + warm_up_s)
        self.histograms: dict[str, LatencyHistogram] = {}
        self.by_code: Counter[str] = Counter()
        self.texts: dict[str, str] = {}
        self.by_kind: Counter[str] = Counter()

    @property
    def measured_from(self) -> float:
        """From when on what happens counts: the run's start, or the end of its warm-up."""
        return self.timeline.began

    def measure(self) -> None:
        """The warm-up is over: forget its figures. Operations under way count with what is measured."""
        self.warm_up.update(accepted=self.done_count, refused=self.refused, failed=self.failed)
        under_way = self.in_flight
        for name in _COUNTS:
            setattr(self, name, 0)
        self.attempted = under_way
        self.timeline.begin_anew()
        for counter in (self.by_code, self.texts, self.by_kind):
            counter.clear()
        for histogram in self.histograms.values():
            histogram.clear()

    @property
    def in_flight(self) -> int:
        """Operations begun and not ended."""
        return self.attempted - self.done_count - self.refused - self.failed

    def latency(self, phase: str, seconds: float) -> None:
        """A phase took so long."""
        self.histogram(phase).record(int(seconds * 1_000_000))

    def histogram(self, phase: str) -> LatencyHistogram:
        """The histogram of a phase; callers in a hurry keep it."""
        try:
            return self.histograms[phase]
        except KeyError:
            if phase not in PHASES:
                raise ValueError(f"no phase is called {phase}") from None
            return self.histograms.setdefault(phase, LatencyHistogram())

    def attempt(self) -> None:
        """An operation begins."""
        self.attempted += 1

    def done(
        self, *, octets: int, took_s: float | None, now: float, messages: int = 1, phase: str | None = None
    ) -> None:
        """An operation went well, and carried so many messages.

        `took_s` is the latency of the headline phase, or of the `phase` that stands for it just now, and has its place
        in the timeline either way; None where it is not known.
        """
        self.done_count += 1
        self.messages += messages
        self.octets += octets
        interval = self.timeline.at(now)
        interval.done += 1
        interval.messages += messages
        interval.octets += octets
        if took_s is not None:
            took_us = int(took_s * 1_000_000)
            self.histogram(phase or self.headline).record(took_us)
            interval.took_us.append(took_us)

    def refuse(self, *, code: str, text: str, now: float) -> None:
        """An operation was refused by a reply of this code: `450`, `-ERR`, `NO`; `text` is the whole reply."""
        self.refused += 1
        self.deferred += code.startswith("4") or _FOR_NOW.match(text) is not None
        self.by_code[code] += 1
        self.texts.setdefault(code, text[:TEXT_CHARACTERS])
        interval = self.timeline.at(now)
        interval.refused += 1
        interval.errors[code] += 1

    def fail(self, *, phase: str, kind: str, now: float) -> None:
        """An operation got no intelligible reply; a kind among `LIMITS` says that this machine prevented it."""
        self.failed += 1
        self.prevented += kind in LIMITS
        named = f"{phase}: {kind}"
        self.by_kind[named] += 1
        interval = self.timeline.at(now)
        interval.failed += 1
        interval.errors[named] += 1

    def remark(self, *, phase: str, kind: str) -> None:
        """Something went wrong that cost no operation, such as a QUIT without a reply."""
        self.by_kind[f"{phase}: {kind}"] += 1

    def latencies(self) -> dict[str, Latency]:
        """The figures of every phase that was timed, in the order of `PHASES`."""
        found = {phase: self.histograms[phase].summary() for phase in PHASES if phase in self.histograms}
        return {phase: latency for phase, latency in found.items() if latency is not None}

    def encoded_histograms(self) -> dict[str, str]:
        """The histograms that hold something, as text."""
        return {
            phase: self.histograms[phase].encode()
            for phase in PHASES
            if phase in self.histograms and self.histograms[phase].count
        }

    def intervals(self, *, now: float) -> tuple[Interval, ...]:
        """The run so far, interval by interval."""
        return self.timeline.intervals(now=now)

    def encode(self, *, now: float) -> dict[str, Any]:
        """All of it as plain data for another process."""
        return {
            "counts": {name: getattr(self, name) for name in _COUNTS},
            "warm_up": dict(self.warm_up),
            "by_code": dict(self.by_code),
            "texts": self.texts,
            "by_kind": dict(self.by_kind),
            "histograms": {
                phase: histogram.encode_exactly() for phase, histogram in self.histograms.items() if histogram.count
            },
            "timeline": self.timeline.encode(now=now),
        }

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add another process's books, exactly: the outcome is what one process would hold that had done it all.

        Raises:
            ValueError: a histogram in it cannot be read.
        """
        for name, count in encoded["counts"].items():
            setattr(self, name, getattr(self, name) + count)
        self.warm_up.update(encoded["warm_up"])
        self.by_code.update(encoded["by_code"])
        for code, text in encoded["texts"].items():
            self.texts.setdefault(code, text)
        self.by_kind.update(encoded["by_kind"])
        for phase, histogram in encoded["histograms"].items():
            self.histogram(phase).merge(LatencyHistogram.decode_exactly(histogram))
        self.timeline.merge(encoded["timeline"])
