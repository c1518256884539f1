"""The plots of one load run; only those that have something to show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from reports.load import Capacity, Interval, LoadResult
from reports.load_percentiles import PercentileCurve, percentile_curve
from reports.load_plotting import SERIES, Figure, Plain, axis, layout, line, mark, plain
from reports.load_wording import milliseconds

MOST_INTERVALS = 600
"""Parts of a run that are drawn; neighbours of a longer one are put together, and their worst latency stays."""

MOST_ERRORS = 7
"""Kinds of error with a colour of their own; the rest is one."""

_WHOLE_OPERATIONS = 10
"""Phases drawn at first in the plot of percentiles; the legend brings back the others."""


def figures_of(result: LoadResult) -> list[Figure]:
    """The plots of a run in the order in which a reader needs them."""
    intervals = whole_intervals(result)
    found = [
        *([capacity_figure(result.capacity, result.headline)] if result.capacity and result.capacity.steps else []),
        *(over_time(result, intervals) if len(intervals) > 1 else []),
        percentile_figure(result),
        size_figure(result),
        worker_figure(result),
    ]
    return [figure for figure in found if figure is not None]


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


# -- over time --------------------------------------------------------------------------------------------------------


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
    curves = [line("done", at, done, look=0)]
    if any(part.offered for part in intervals):
        offered = rates(intervals, lambda part: part.offered)
        curves.insert(0, line("offered", at, offered, look=0, dash="dot", colour="var(--soft)"))
    if any(part.dropped for part in intervals):
        dropped = rates(intervals, lambda part: part.dropped)
        curves.append(line("dropped", at, dropped, look=4, dash="longdash"))
    if result.summary.refused:
        refused = rates(intervals, lambda part: part.refused)
        curves.append(line("refused", at, refused, look=2, colour="var(--inconclusive)", dash="dash"))
    if result.summary.ledger.failed:
        failed = rates(intervals, lambda part: part.failed)
        curves.append(line("failed", at, failed, look=1, colour="var(--violated)", dash="dot"))
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
        about=f"Done per second: between {lowest:,.0f} and {highest:,.0f}, half of the time below {middle:,.0f}.",
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
    # One stall would press everything else to the floor.
    steep = worst.max_us > 30 * max(middle, 1)
    return Figure(
        name="latency",
        title=f"Latency of {result.headline} over time",
        about=(
            f"The median is {milliseconds(int(middle))} ms for half of the time or more; "
            f"the longest wait, {milliseconds(worst.max_us)} ms, falls {worst.at_s:,} s after the start."
        ),
        data=tuple(curves),
        layout=layout(
            seconds(intervals),
            {"title": "milliseconds", **({"type": "log", "dtick": 1} if steep else {"rangemode": "tozero"})},
        ),
        over_time=True,
        log_axis="yaxis",
    )


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
            f"Most often {result.operations} took between {milliseconds(busiest)} and "
            f"{milliseconds(row_end(busiest))} ms. Each row is a quarter of a doubling high."
        ),
        data=(heat,),
        layout=layout(
            seconds(intervals),
            {"title": "milliseconds", "type": "log", "dtick": 1},
            hovermode="closest",
            showlegend=False,
        ),
        over_time=True,
    )


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


# -- over the whole run -----------------------------------------------------------------------------------------------

PERCENTILE_TICKS = (0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999)


@dataclass(frozen=True, slots=True)
class NamedCurve:
    """A curve and the name of what it is of."""

    name: str
    curve: PercentileCurve


def curves_of(result: LoadResult) -> list[NamedCurve]:
    """The percentile curves of the histograms that can be read, the headline's first."""
    found = []
    names = sorted(result.histograms, key=lambda name: name != result.headline)
    for name in names:
        latency = result.summary.latency_us.get(name)
        if latency is None:
            continue
        try:
            found.append(NamedCurve(name, percentile_curve(result.histograms[name], highest_us=latency.max)))
        except ValueError:
            # The figures of the table do not depend on it.
            continue
    return found


def percentile_figure(result: LoadResult) -> Figure | None:
    """One curve a phase, on an axis that stretches the last percent: 90, 99, 99.9 … stand equally far apart."""
    curves = curves_of(result)
    if not curves:
        return None
    lines = []
    for number, named in enumerate(curves):
        drawn = percentile_line(named.name, named.curve, look=number)
        drawn["line"]["width"] = 3 if named.name == result.headline else 1.5
        if number >= _WHOLE_OPERATIONS:
            drawn["visible"] = "legendonly"
        lines.append(drawn)
    latency = result.summary.latency_us.get(result.headline) or result.summary.latency_us[curves[0].name]
    return Figure(
        name="percentiles",
        title="Latency by percentile",
        about=(
            f"Of {curves[0].name}, half took up to {milliseconds(latency.p50)} ms, 99 % up to "
            f"{milliseconds(latency.p99)} ms, 99.9 % up to {milliseconds(latency.p999)} ms."
        ),
        data=tuple(lines),
        layout=percentile_layout([named.curve for named in curves]),
        log_axis="yaxis",
        tall=True,
    )


def percentile_line(name: str, curve: PercentileCurve, *, look: int, dash: str | None = None) -> Plain:
    """A percentile curve; its places on the axis are 1/(1 - p)."""
    drawn = line(
        name,
        [100 / (100 - percentile) for percentile in curve.percentiles],
        [latency / 1000 for latency in curve.latencies_us],
        look=look,
        dash=dash,
    )
    # The axis has no words for p itself.
    drawn["customdata"] = [f"{percentile:.6g} %" for percentile in curve.percentiles]
    drawn["hovertemplate"] = "%{customdata} within %{y:,.3~f} ms"
    return drawn


def percentile_layout(curves: Iterable[PercentileCurve]) -> Plain:
    """The axes under percentile curves."""
    furthest = max(curve.percentiles[-1] for curve in curves)
    ticks = [tick for tick in PERCENTILE_TICKS if tick <= furthest]
    return layout(
        {
            "title": "percentile",
            "type": "log",
            "tickvals": [100 / (100 - tick) for tick in ticks],
            "ticktext": [f"{tick:g} %" for tick in ticks],
        },
        {"title": "milliseconds", "type": "log", "dtick": 1},
        hovermode="closest",
    )


def capacity_figure(capacity: Capacity, headline: str) -> Figure:
    """What was carried of what was offered, and how long it took: the knee is where the two part."""
    steps = capacity.by_rate
    offered = [step.offered_per_s for step in steps]
    marks = [("circle" if step.met else "x") for step in steps]
    colours = [("var(--satisfied)" if step.met else "var(--violated)") for step in steps]

    def curve(name: str, values: Sequence[float | None], *, look: int, axis: str, unit: str) -> Plain:
        drawn = line(name, offered, values, look=look, axis=axis, unit=unit, markers=True)
        drawn["marker"] = {"size": 10, "symbol": marks, "color": colours, "line": {"width": 1, "color": "var(--card)"}}
        return drawn

    # 0 is what a step has in which nothing went well, and no place on a logarithmic axis.
    p50s = [step.p50_us / 1000 or None for step in steps]
    p99s = [step.p99_us / 1000 or None for step in steps]
    ideal = line("all of it", [0, max(offered)], [0, max(offered)], look=0, dash="dot", colour="var(--soft)", width=1)
    ideal |= {"hoverinfo": "skip", "hovertemplate": None, "mode": "lines"}
    data = [
        ideal,
        curve("achieved per second", [step.achieved_per_s for step in steps], look=0, axis="y", unit=""),
        curve(f"p50({headline})", p50s, look=2, axis="y2", unit=" ms"),
        curve(f"p99({headline})", p99s, look=1, axis="y2", unit=" ms"),
    ]
    more: Plain = {"yaxis2": axis("milliseconds", domain=[0, 0.46], type="log", dtick=1, anchor="x")}
    if capacity.knee_per_s is not None:
        words = f"knee: {capacity.knee_per_s:,.0f} per second"
        shape, note = mark(capacity.knee_per_s, words, colour="var(--text)")
        # Most of what is worth seeing stands to the right of it.
        note |= {"xanchor": "right", "xshift": -4}
        more |= {"shapes": [shape], "annotations": [note]}
    return Figure(
        name="capacity",
        title="Capacity",
        about="Carried of what was offered, and how long it took. A cross is a rate at which the objective broke.",
        data=tuple(data),
        layout=layout(
            {"title": "offered per second", "rangemode": "tozero", "anchor": "y2"},
            {"title": "achieved per second", "rangemode": "tozero", "domain": [0.54, 1]},
            **more,
        ),
        tall=True,
    )


def size_figure(result: LoadResult) -> Figure | None:
    """What each command costs in a mailbox of so many messages."""
    if not result.series:
        return None
    phases = list(dict.fromkeys(point.phase for point in result.series))
    data, steepest = [], ("", 0.0)
    for number, phase in enumerate(phases):
        points = sorted((p for p in result.series if p.phase == phase), key=lambda point: point.mailbox_messages)
        sizes = [float(point.mailbox_messages) for point in points]
        for name, dash, values in (
            (phase, "solid", [point.p50_us / 1000 for point in points]),
            (f"{phase}, p99", "dot", [point.p99_us / 1000 for point in points]),
        ):
            drawn = line(name, sizes, values, look=number, dash=dash, unit=" ms", markers=True)
            drawn["legendgroup"] = plain(phase)
            if dash == "dot":
                drawn["line"]["width"] = 1
                drawn["showlegend"] = False
            data.append(drawn)
        growth = points[-1].p50_us / max(points[0].p50_us, 1)
        if growth > steepest[1]:
            steepest = (phase, growth)
    sizes_seen = sorted({point.mailbox_messages for point in result.series})
    return Figure(
        name="sizes",
        title="Latency by size of the mailbox",
        about=(
            f"From {sizes_seen[0]:,} to {sizes_seen[-1]:,} messages, {steepest[0]} grows most: its median by a "
            f"factor of {steepest[1]:,.1f}. Solid lines are medians, dotted ones the 99th percentile."
        ),
        data=tuple(data),
        layout=layout(
            {"title": "messages in the mailbox", "type": "log", "tickvals": sizes_seen,
             "ticktext": [f"{size:,}" for size in sizes_seen]},
            {"title": "milliseconds", "type": "log", "dtick": 1},
        ),
        log_axis="yaxis",
        head=("Messages", "Command", "Count", "p50 (ms)", "p99 (ms)"),
        rows=tuple(
            (f"{p.mailbox_messages:,}", p.phase, f"{p.count:,}", milliseconds(p.p50_us), milliseconds(p.p99_us))
            for p in result.series
        ),
    )  # fmt: skip


def worker_figure(result: LoadResult) -> Figure | None:
    """How busy each process of the generator was; one alone is a sentence, not a plot."""
    if len(result.processes) < 2:
        return None
    shares = [100 * process.share for process in result.processes]
    bars: Plain = {
        "type": "bar",
        "orientation": "h",
        "y": [plain(process.name) for process in result.processes],
        "x": shares,
        "marker": {"color": SERIES[0]},
        "hovertemplate": "%{x:.0f} %<extra></extra>",
    }
    busiest = max(result.processes, key=lambda process: process.share)
    return Figure(
        name="workers",
        title="Processes that made the load",
        about=f"{busiest.name} was the busiest, with {busiest.share:.0%} of one core.",
        data=(bars,),
        layout=layout(
            {"title": "share of one core (%)", "range": [0, max(100, *shares) * 1.05]},
            {"title": "", "autorange": "reversed", "type": "category"},
            showlegend=False,
            hovermode="closest",
        ),
        head=("Process", "Processor time (s)", "Share of one core"),
        rows=tuple((process.name, f"{process.cpu_s:,.1f}", f"{process.share:.0%}") for process in result.processes),
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
