"""The plots of a load run over time, and the parts of the run that they are drawn from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from reports.load import Interval, LoadResult
from reports.load_plotting import SERIES, Figure, Plain, axis, layout, line, logarithmic, mark, plain
from reports.load_wording import milliseconds

MOST_INTERVALS = 600
"""Parts of a run that are drawn; neighbours of a longer one are put together, and their worst latency stays."""

MOST_ERRORS = 7
"""Kinds of error with a colour of their own; the rest is one."""


def whole_intervals(result: LoadResult) -> list[Interval]:
    """The timeline without its last part, if the end of the run cut that short: it would look like a collapse."""
    whole = [part for part in result.timeline if part.at_s + part.length_s <= result.duration_s]
    every = -(-len(whole) // MOST_INTERVALS)
    return whole if every < 2 else [together(whole[at : at + every]) for at in range(0, len(whole), every)]


def together(parts: Sequence[Interval]) -> Interval:
    """Neighbours as one: counts added, and of latencies the greatest, as a spike must not vanish."""
    heat: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for part in parts:
        heat.update(part.heat)
        errors.update(part.errors)

    def total(of: Callable[[Interval], int]) -> int:
        return sum(map(of, parts))

    def most(of: Callable[[Interval], int]) -> int:
        return max(map(of, parts))

    return Interval(
        at_s=parts[0].at_s,
        length_s=parts[-1].at_s + parts[-1].length_s - parts[0].at_s,
        done=total(lambda part: part.done),
        messages=total(lambda part: part.messages),
        refused=total(lambda part: part.refused),
        failed=total(lambda part: part.failed),
        offered=total(lambda part: part.offered),
        dropped=total(lambda part: part.dropped),
        octets=total(lambda part: part.octets),
        users=most(lambda part: part.users),
        p50_us=most(lambda part: part.p50_us),
        p90_us=most(lambda part: part.p90_us),
        p99_us=most(lambda part: part.p99_us),
        max_us=most(lambda part: part.max_us),
        errors=dict(errors),
        heat=dict(heat),
    )


def over_time(result: LoadResult, intervals: Sequence[Interval]) -> list[Figure]:
    """Rate, latency, its heat map, errors."""
    found = [rate_figure(result, intervals)]
    if any(part.max_us for part in intervals):
        found.append(latency_figure(result, intervals))
    if any(part.heat for part in intervals):
        found.append(heat_figure(result, intervals))
    if any(part.errors for part in intervals):
        found.append(error_figure(intervals))
    return found


def middles(intervals: Iterable[Interval]) -> list[float]:
    """When each interval was, in seconds."""
    return [part.at_s + part.length_s / 2 for part in intervals]


def rates(intervals: Iterable[Interval], of: Callable[[Interval], int]) -> list[float | None]:
    """A count of each interval as so many a second."""
    return [of(part) / part.length_s for part in intervals]


def rate_figure(result: LoadResult, intervals: Sequence[Interval]) -> Figure:
    """What was carried, refused, failed and offered, a second."""
    at, done = middles(intervals), rates(intervals, lambda part: part.done)
    curves = [line("done", at, done, look=0, steps=True)]
    if any(part.offered for part in intervals):
        offered = rates(intervals, lambda part: part.offered)
        curves.insert(0, line("offered", at, offered, look=0, dash="dot", colour="var(--soft)", steps=True))
    if any(part.dropped for part in intervals):
        dropped = rates(intervals, lambda part: part.dropped)
        curves.append(line("dropped", at, dropped, look=4, dash="longdash", steps=True))
    if result.summary.refused:
        refused = rates(intervals, lambda part: part.refused)
        curves.append(line("refused", at, refused, look=2, colour="var(--inconclusive)", dash="dash", steps=True))
    if result.summary.ledger.failed:
        failed = rates(intervals, lambda part: part.failed)
        curves.append(line("failed", at, failed, look=1, colour="var(--violated)", dash="dot", steps=True))
    more: Plain = {}
    if len({part.users for part in intervals}) > 1:
        users: list[float | None] = [float(part.users) for part in intervals]
        curves.append(line("users", at, users, look=0, axis="y2", width=1, dash="solid", colour="var(--soft)"))
        more["yaxis2"] = axis(
            "users", overlaying="y", side="right", rangemode="tozero", showgrid=False, tickmode="auto", nticks=5
        )
    if result.judge is not None and result.judge.deviations:
        first = min(result.judge.deviations, key=lambda found: found.first_at_s)
        shape, words = mark(first.first_at_s, f"first deviation: {plain(first.kind, most=30)}")
        more |= {"shapes": [shape], "annotations": [words]}
    lowest, middle, highest = _spread([value for value in done if value is not None])
    return Figure(
        name="rate",
        title=f"{result.operations.capitalize()} per second",
        about=f"Done per second: between {lowest:,.0f} and {highest:,.0f}, half of the time {middle:,.0f} at most.",
        data=tuple(curves),
        layout=layout(
            seconds(intervals),
            {"title": f"{plain(result.operations)} per second", "range": [0, _top(curves)], "rangemode": "tozero"},
            **more,
        ),
        over_time=True,
    )


def latency_figure(result: LoadResult, intervals: Sequence[Interval]) -> Figure:
    """The headline's percentiles."""
    at = middles(intervals)

    def values(of: Callable[[Interval], int]) -> list[float | None]:
        # An interval in which nothing went well has no latency, which is something else than one of 0.
        return [of(part) / 1000 if part.done else None for part in intervals]

    percentiles: tuple[tuple[str, Callable[[Interval], int]], ...] = (
        ("max", lambda part: part.max_us),
        ("p99", lambda part: part.p99_us),
        ("p90", lambda part: part.p90_us),
        ("p50", lambda part: part.p50_us),
    )
    looks = {"p50": 0, "p90": 2, "p99": 1, "max": 3}
    curves = [
        line(name, at, values(of), look=looks[name], unit=" ms", width=1 if name == "max" else 2)
        for name, of in percentiles
    ]
    worst = max(intervals, key=lambda part: part.max_us)
    middle = median(part.p50_us for part in intervals if part.done)
    drawn = [value for curve in curves for value in curve["y"]]
    # One stall would press everything else to the floor.
    steep = worst.max_us > 30 * max(middle, 1)
    return Figure(
        name="latency",
        title=f"Latency of {result.headline} over time",
        about=(
            f"Half of the time the median is {milliseconds(int(middle))} ms at most; "
            f"the longest wait shown, {milliseconds(worst.max_us)} ms, falls {worst.at_s:,} s after the start."
            f"{_longer_later(result, worst)}"
        ),
        data=tuple(curves),
        layout=layout(
            seconds(intervals),
            {"title": "milliseconds", **(logarithmic(drawn) if steep else {"rangemode": "tozero"})},
        ),
        over_time=True,
        log_axis="yaxis",
    )


def _longer_later(result: LoadResult, shown: Interval) -> str:
    """What the part of a second that ended the run has, which is not drawn, if it has the longest wait of all."""
    longest = max(result.timeline, key=lambda part: part.max_us)
    if longest.max_us <= shown.max_us:
        return ""
    return f" The last moments, which are not drawn, have one of {milliseconds(longest.max_us)} ms."


def heat_figure(result: LoadResult, intervals: Sequence[Interval]) -> Figure:
    """How many took how long, when: two groups of users show as two bands, where percentiles show one curve between."""
    used = sorted({int(row) for part in intervals for row in part.heat})
    rows = [used[0]]
    while rows[-1] < used[-1]:
        rows.append(row_end(rows[-1]))
    counts = [[part.heat.get(str(row), 0) for part in intervals] for row in rows]
    edges = [float(part.at_s) for part in intervals]
    edges.append(float(intervals[-1].at_s + intervals[-1].length_s))
    most = max(map(max, counts))
    ticks = [tick for exponent in range(10) for tick in (10**exponent,) if tick <= most] or [1]
    heat: Plain = {
        "type": "heatmap",
        "x": edges,
        "y": [row / 1000 for row in (*rows, row_end(rows[-1]))],
        # Colours go by the logarithm, so that the few slow ones show beside the many fast ones.
        "z": [[_logarithm(count) for count in row] for row in counts],
        "customdata": [
            [f"{milliseconds(row)} to {milliseconds(row_end(row))} ms: {count:,}" for count in in_row]
            for row, in_row in zip(rows, counts, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": _logarithm(max(most, 2)),
        "colorscale": [[step / 4, f"var(--heat-{step})"] for step in range(5)],
        "colorbar": {
            "title": {"text": plain(result.operations), "side": "right"},
            "tickvals": [_logarithm(tick) or 0 for tick in ticks],
            "ticktext": [f"{tick:,}" for tick in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
    }
    busiest = max(rows, key=lambda row: sum(counts[rows.index(row)]))
    return Figure(
        name="heat",
        title=f"Heat map of {result.headline}",
        about=(
            f"Most often {result.operations} took {_row_in_words(busiest)}. Four rows make a doubling of the latency."
        ),
        data=(heat,),
        layout=layout(
            seconds(intervals),
            {"title": "milliseconds", **logarithmic(heat["y"])},
            hovermode="closest",
            showlegend=False,
        ),
        over_time=True,
    )


def _row_in_words(row: int) -> str:
    """`between 1.02 and 1.28 ms`; a wait of 0 is that of somebody who was told before the clock began."""
    end = milliseconds(row_end(row))
    return f"between {milliseconds(row)} and {end} ms" if row_end(row) > 2 else f"less than {end} ms"


def row_end(row: int) -> int:
    """The upper bound of the heat map's row that begins there, both in microseconds; four rows to a doubling."""
    return row + max(1, (1 << (row.bit_length() - 1)) // 4) if row else 1


def error_figure(intervals: Sequence[Interval]) -> Figure:
    """Errors by reply code or kind, stacked."""
    totals: Counter[str] = Counter()
    for part in intervals:
        totals.update(part.errors)
    shown = [name for name, _ in totals.most_common(MOST_ERRORS)]
    groups: list[tuple[str, list[int]]] = [(name, [part.errors.get(name, 0) for part in intervals]) for name in shown]
    if len(totals) > len(shown):
        rest = [sum(count for name, count in part.errors.items() if name not in shown) for part in intervals]
        groups.append((f"{len(totals) - len(shown):,} other kinds", rest))
    bars: list[Plain] = [
        {
            "type": "bar",
            "name": plain(name),
            "x": middles(intervals),
            "y": counts,
            "width": [part.length_s for part in intervals],
            "marker": {
                "color": SERIES[(number + 1) % len(SERIES)],
                "line": {"width": 0},
                "pattern": {
                    "shape": ("", "/", "x", "-", "\\", "|", "+", ".")[number],
                    "fillmode": "overlay",
                    "fgcolor": "var(--card)",
                    "size": 6,
                    "solidity": 0.3,
                },
            },
            "hovertemplate": "%{y:,}",
        }
        for number, (name, counts) in enumerate(groups)
    ]
    return Figure(
        name="errors",
        title="Errors over time",
        about=f"{sum(totals.values()):,} errors, most of them {shown[0]}.",
        data=tuple(bars),
        layout=layout(
            seconds(intervals), {"title": "errors", "rangemode": "tozero"}, barmode="stack", bargap=0, showlegend=True
        ),
        over_time=True,
    )


def seconds(intervals: Sequence[Interval]) -> Plain:
    """The axis of time, the same for all plots over it, so that what stands above one another happened at once."""
    end = intervals[-1].at_s + intervals[-1].length_s
    return {"title": "seconds since the start", "range": [intervals[0].at_s, end]}


def _top(curves: Iterable[Plain]) -> float:
    """Room above the highest point for words."""
    return 1.14 * max((y for curve in curves if curve["yaxis"] == "y" for y in curve["y"] if y is not None), default=1)


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return min(values), median(values), max(values)


def _logarithm(count: int) -> float | None:
    return math.log10(count) if count else None
