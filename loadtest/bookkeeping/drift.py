"""Whether a run drifted: its last part is held against the first, and what differs by more than chance is told.

No limit in milliseconds or percent decides that, but how much the figures of a part vary by themselves. A latency rose
if the intervals of the last part rank above those of the first (Mann and Whitney's test, which asks for no
distribution), and its median by enough to matter; the share of errors, if chance does not make that of equal shares.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from statistics import median_high

from reports.load import Interval
from reports.load_drift import Drift, Stretch, Trend

PART = 0.1
"""Share of the run that each of the two parts is."""

FEWEST = 10
"""Intervals a part needs, for the ranks of fewer say little."""

LEAST_CHANGE = 0.1
"""Of a median latency, below which nobody cares."""

CERTAINTY = 3.0
"""Standard deviations that two figures may lie apart by chance: they do so further once in 370 runs."""


def drift_of(timeline: Sequence[Interval], *, all_there_s: float, ended_s: float, part: float = PART) -> Drift | None:
    """How a run drifted whose users were all there at `all_there_s` and which ended at `ended_s`.

    The first interval, in which users connect, is no part of it, nor is one that the end cut short. None where the run
    was too short to tell, or its schedule offered more or less at its end than at its beginning.
    """
    whole = [one for one in timeline if one.at_s >= all_there_s and one.at_s + one.length_s <= ended_s][1:]
    size = int(len(whole) * part)
    if size < FEWEST:
        return None
    first, last = whole[:size], whole[-size:]
    if any(one.offered for one in whole) and _rate_trend(first, last) != "steady":
        return None
    before, after = _stretch(first), _stretch(last)
    return Drift(
        first=before,
        last=after,
        p50=_latency_trend(first, last, lambda one: one.p50_us),
        p99=_latency_trend(first, last, lambda one: one.p99_us),
        errors=_share_trend(before, after),
    )


def _stretch(part: Sequence[Interval]) -> Stretch:
    troubles = sum(one.refused + one.failed for one in part)
    carried = [one for one in part if one.done]
    return Stretch(
        at_s=part[0].at_s,
        length_s=part[-1].at_s + part[-1].length_s - part[0].at_s,
        operations=sum(one.done for one in part) + troubles,
        troubles=troubles,
        p50_us=median_high(one.p50_us for one in carried) if carried else 0,
        p99_us=median_high(one.p99_us for one in carried) if carried else 0,
    )


def _latency_trend(first: Sequence[Interval], last: Sequence[Interval], of: Callable[[Interval], int]) -> Trend:
    before, after = (sorted(of(one) for one in part if one.done) for part in (first, last))
    if min(len(before), len(after)) < FEWEST:
        return "unknown"
    was, has_become = median_high(before), median_high(after)
    if max(was, has_become) < (1 + LEAST_CHANGE) * min(was, has_become):
        return "steady"
    # How many of all pairs have the greater one in the last part, equal ones by halves: half of all if nothing changed.
    pairs = len(before) * len(after)
    greater = sum(bisect_left(before, value) + bisect_right(before, value) for value in after) / 2
    return _apart(greater - pairs / 2, math.sqrt(pairs * (len(before) + len(after) + 1) / 12))


def _share_trend(before: Stretch, after: Stretch) -> Trend:
    if not before.operations or not after.operations:
        return "unknown"
    every = (before.troubles + after.troubles) / (before.operations + after.operations)
    deviation = math.sqrt(every * (1 - every) * (1 / before.operations + 1 / after.operations))
    return _apart(after.trouble_share - before.trouble_share, deviation)


def _rate_trend(first: Sequence[Interval], last: Sequence[Interval]) -> Trend:
    """Of the arrivals that the schedule offered; those of a Poisson process vary by the root of their number."""
    before, after = (sum(one.offered for one in part) for part in (first, last))
    before_s, after_s = (sum(one.length_s for one in part) for part in (first, last))
    deviation = math.sqrt((before + after) / (before_s + after_s) * (1 / before_s + 1 / after_s))
    return _apart(after / after_s - before / before_s, deviation)


def _apart(difference: float, deviation: float) -> Trend:
    if abs(difference) <= CERTAINTY * deviation:
        return "steady"
    return "rose" if difference > 0 else "fell"
