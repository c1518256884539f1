"""The books of a run: what became of each message, how long everything took, second by second.

A message is begun once and closed once, by exactly one of four outcomes. It counts as accepted only after the final
250: until then the server owes nothing (RFC 5321 §4.2.5, §6.1).
"""

from __future__ import annotations

from collections import Counter

from loadtest.histogram import LatencyHistogram
from loadtest.phases import PHASES
from reports.load import Interval, Ledger, Summary

TEXT_CHARACTERS = 500
"""Characters kept of the first reply of each refusing code."""


class Books:
    """Counts and latencies of one run. Times are seconds on one monotonic clock; `began` is the run's start on it."""

    def __init__(self, *, began: float = 0.0) -> None:
        self.began = began
        self.attempted = 0
        self.sent = 0
        self.accepted = 0
        self.refused = 0
        self.deferred = 0
        self.failed = 0
        self.unknown = 0
        self.octets = 0
        self.histograms = {phase: LatencyHistogram() for phase in PHASES}
        self._by_code: Counter[str] = Counter()
        self._texts: dict[str, str] = {}
        self._by_kind: Counter[str] = Counter()
        self._seconds: list[Interval] = []
        self._open = _OpenSecond(0)

    @property
    def in_flight(self) -> int:
        """Messages begun and not closed."""
        return self.attempted - self.accepted - self.refused - self.failed

    def latency(self, phase: str, seconds: float) -> None:
        """A phase took so long."""
        self.histograms[phase].record(int(seconds * 1_000_000))

    def begin(self) -> int:
        """A message is about to be handed in; its number."""
        self.attempted += 1
        return self.attempted

    def accept(self, *, octets: int, submit_s: float, now: float) -> None:
        """The server took responsibility for the message."""
        self.sent += 1
        self.accepted += 1
        self.octets += octets
        second = self._second(now)
        second.accepted += 1
        second.octets += octets
        second.submit_us.append(int(submit_s * 1_000_000))

    def refuse(self, *, code: str, text: str, sent: bool, now: float) -> None:
        """The message was refused by a reply of this code; `sent` if it was the reply to the text."""
        self.sent += sent
        self.refused += 1
        self.deferred += code.startswith("4")
        self._by_code[code] += 1
        self._texts.setdefault(code, text[:TEXT_CHARACTERS])
        self._second(now).refused += 1

    def fail(self, *, phase: str, kind: str, sent: bool, now: float) -> None:
        """The message got no intelligible reply. If the whole text was sent, nobody knows where it is."""
        self.sent += sent
        self.unknown += sent
        self.failed += 1
        self._by_kind[f"{phase}: {kind}"] += 1
        self._second(now).failed += 1

    def leave_in_doubt(self) -> None:
        """The run ends while a message, sent whole, waits for its final reply."""
        self.sent += 1
        self.unknown += 1

    def remark(self, *, phase: str, kind: str) -> None:
        """Something went wrong that cost no message, such as a QUIT without a reply."""
        self._by_kind[f"{phase}: {kind}"] += 1

    def summary(self, *, duration_s: float) -> Summary:
        """The figures; messages still in flight count as abandoned."""
        latencies = {phase: histogram.summary() for phase, histogram in self.histograms.items()}
        return Summary(
            messages_per_s=round(self.accepted / duration_s, 3) if duration_s > 0 else 0.0,
            operations_per_s=round(self.accepted / duration_s, 3) if duration_s > 0 else 0.0,
            messages=self.accepted,
            accepted=self.accepted,
            refused=self.refused,
            octets=self.octets,
            errors_by_reply_code=dict(sorted(self._by_code.items())),
            errors_by_kind=dict(self._by_kind.most_common()),
            reply_texts=dict(sorted(self._texts.items())),
            latency_us={phase: latency for phase, latency in latencies.items() if latency is not None},
            ledger=Ledger(
                attempted=self.attempted,
                sent=self.sent,
                accepted=self.accepted,
                refused=self.refused,
                deferred=self.deferred,
                failed=self.failed,
                abandoned=self.in_flight,
                unknown=self.unknown,
            ),
        )

    def encoded_histograms(self) -> dict[str, str]:
        """The histograms that hold something, as text."""
        return {phase: histogram.encode() for phase, histogram in self.histograms.items() if histogram.count}

    def timeline(self, *, now: float) -> tuple[Interval, ...]:
        """Every second up to now; the last one may not be whole."""
        self._second(now)
        return (*self._seconds, self._open.close())

    def _second(self, now: float) -> _OpenSecond:
        at_s = max(int(now - self.began), 0)
        while self._open.at_s < at_s:
            self._seconds.append(self._open.close())
            self._open = _OpenSecond(self._open.at_s + 1)
        return self._open


class _OpenSecond:
    """The second that is under way. Its latencies are kept one by one: there are only so many in a second."""

    __slots__ = ("accepted", "at_s", "failed", "octets", "refused", "submit_us")

    def __init__(self, at_s: int) -> None:
        self.at_s = at_s
        self.accepted = self.refused = self.failed = self.octets = 0
        self.submit_us: list[int] = []

    def close(self) -> Interval:
        ordered = sorted(self.submit_us)
        return Interval(
            at_s=self.at_s,
            done=self.accepted,
            messages=self.accepted,
            refused=self.refused,
            failed=self.failed,
            octets=self.octets,
            p50_us=_nearest_rank(ordered, 50),
            p90_us=_nearest_rank(ordered, 90),
            p99_us=_nearest_rank(ordered, 99),
            max_us=ordered[-1] if ordered else 0,
        )


def _nearest_rank(ordered: list[int], percentile: int) -> int:
    return ordered[-(-percentile * len(ordered) // 100) - 1] if ordered else 0
