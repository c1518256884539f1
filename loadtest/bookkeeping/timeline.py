"""A run interval by interval, in bounded memory, and exact when the parts of several processes are added up.

An interval is one second at first. When there are more than `MOST_INTERVALS` of them, every two become one: a run of a
day is told in minutes, and nothing is lost but the time within an interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from loadtest.bookkeeping.histogram import bounds_of, place_of
from reports.load import Interval

MOST_INTERVALS = 1800
"""Half an hour of seconds: more than a plot can show."""


class Timeline:
    """What happened when. Times are seconds on the clock of `began`; `users` tells how many there are now."""

    def __init__(self, *, began: float = 0.0, most_intervals: int = MOST_INTERVALS) -> None:
        self.began = began
        self.users: Callable[[], int] = lambda: 0
        self._most = most_intervals
        self._length_s = 1
        self._closed: list[_Interval] = []
        self._open = _Interval(0)
        self._ends_at = 0.0

    def begin_anew(self) -> None:
        """Forget all; time goes on being counted from `began`."""
        self._length_s = 1
        self._closed = []
        self._open = _Interval(0)
        self._ends_at = 0.0

    def at(self, now: float) -> _Interval:
        """The interval that `now` falls into; those before it are closed."""
        # Times of one process never run backwards, but `began` may be set a little into the future.
        if now >= self.began + self._ends_at:
            self._advance(max(now - self.began, 0.0))
        return self._open

    def _advance(self, at_s: float) -> None:
        while (start := int(at_s) // self._length_s * self._length_s) != self._open.at_s:
            users = self.users()
            self._open.users = max(self._open.users, users)
            self._closed.append(self._open.pack())
            self._open = _Interval(self._open.at_s + self._length_s)
            self._open.users = users
            if len(self._closed) >= self._most:
                self._widen()
            elif start - self._open.at_s > self._most * self._length_s:
                # A clock that jumps (a laptop that slept) must not cost a million empty intervals one by one.
                self._widen()
        self._ends_at = self._open.at_s + self._length_s

    def _widen(self) -> None:
        self._length_s *= 2
        merged: dict[int, _Interval] = {}
        for interval in (*self._closed, self._open.pack()):
            at_s = interval.at_s // self._length_s * self._length_s
            merged.setdefault(at_s, _Interval(at_s)).add(interval)
        *self._closed, self._open = (merged[at_s] for at_s in sorted(merged))

    def encode(self, *, now: float) -> dict[str, Any]:
        """As plain data for another process."""
        self.at(now)
        return {
            "length_s": self._length_s,
            "intervals": [interval.encode() for interval in (*self._closed, self._open.pack())],
        }

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add another process's part, whose clock began when this one's did."""
        other = Timeline(began=self.began, most_intervals=self._most)
        other._length_s = encoded["length_s"]
        *other._closed, other._open = map(_Interval.decode, encoded["intervals"])
        while self._length_s < other._length_s:
            self._widen()
        while other._length_s < self._length_s:
            other._widen()
        own = {interval.at_s: interval for interval in (*self._closed, self._open.pack())}
        for interval in (*other._closed, other._open):
            own.setdefault(interval.at_s, _Interval(interval.at_s)).add(interval)
        *self._closed, self._open = (own[at_s] for at_s in sorted(own))
        if len(self._closed) >= self._most:
            self._widen()
        self._ends_at = self._open.at_s + self._length_s

    def intervals(self, *, now: float) -> tuple[Interval, ...]:
        """The record of every interval up to now; the last one may not be whole."""
        self.at(now)
        return tuple(interval.record(self._length_s) for interval in (*self._closed, self._open.pack()))


class _Interval:
    """One interval. While it is open its latencies are kept one by one; packed, by place in the histogram."""

    __slots__ = ("at_s", "done", "errors", "failed", "messages", "octets", "places", "refused", "took_us", "users")

    def __init__(self, at_s: int) -> None:
        self.at_s = at_s
        self.done = self.messages = self.refused = self.failed = self.octets = self.users = 0
        self.errors: Counter[str] = Counter()
        self.took_us: list[int] = []
        self.places: Counter[int] = Counter()

    def pack(self) -> _Interval:
        if self.took_us:
            self.places.update(map(place_of, self.took_us))
            self.took_us = []
        return self

    def add(self, other: _Interval) -> None:
        for name in ("done", "messages", "refused", "failed", "octets"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        # Two processes have their users at the same time, two seconds after each other.
        self.users = self.users + other.users if self.at_s == other.at_s else max(self.users, other.users)
        self.errors.update(other.errors)
        self.places.update(other.places)

    def encode(self) -> list[Any]:
        places = sorted(self.places)
        return [
            self.at_s, self.done, self.messages, self.refused, self.failed, self.octets, self.users,
            dict(self.errors), places, [self.places[place] for place in places],
        ]  # fmt: skip

    @classmethod
    def decode(cls, row: list[Any]) -> _Interval:
        interval = cls(row[0])
        (
            interval.done, interval.messages, interval.refused, interval.failed, interval.octets, interval.users,
        ) = row[1:7]  # fmt: skip
        interval.errors.update(row[7])
        interval.places.update(dict(zip(row[8], row[9], strict=True)))
        return interval

    def record(self, length_s: int) -> Interval:
        count = sum(self.places.values())
        p50, p90, p99 = _nearest_ranks(self.places, count, (50, 90, 99))
        heat: Counter[int] = Counter()
        for place, number in self.places.items():
            heat[_heat_row(bounds_of(place)[0])] += number
        return Interval(
            at_s=self.at_s,
            length_s=length_s,
            done=self.done,
            messages=self.messages,
            refused=self.refused,
            failed=self.failed,
            octets=self.octets,
            users=self.users,
            p50_us=p50,
            p90_us=p90,
            p99_us=p99,
            max_us=bounds_of(max(self.places))[1] if count else 0,
            errors=dict(sorted(self.errors.items())),
            heat={str(row): heat[row] for row in sorted(heat)},
        )


def _nearest_ranks(places: Counter[int], count: int, percentiles: tuple[int, ...]) -> list[int]:
    """For each percentile, ascending, the upper end of the place that holds it; 0 where there is no sample."""
    found: list[int] = []
    seen = 0
    ordered = iter(sorted(places))
    upper = 0
    for percentile in percentiles:
        rank = -(-percentile * count // 100)
        while seen < rank:
            place = next(ordered)
            seen += places[place]
            upper = bounds_of(place)[1]
        found.append(upper)
    return found


def _heat_row(latency_us: int) -> int:
    """The lower bound of the heat map's row for this latency, in microseconds."""
    octave = max(latency_us, 1).bit_length() - 1
    quarter = ((max(latency_us, 1) << 2) >> octave) - 4
    return (1 << octave) + ((quarter << octave) >> 2)
