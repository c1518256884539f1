"""The plots of one load run; only those that have something to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.load import Capacity, LoadResult
from reports.load_percentiles import PercentileCurve, percentile_curve
from reports.load_plotting import SERIES, Figure, Plain, axis, layout, line, logarithmic, mark, plain
from reports.load_timeline import over_time, whole_intervals
from reports.load_wording import milliseconds, step_sign

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


def percentile_layout(curves: Sequence[PercentileCurve]) -> Plain:
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
        {"title": "milliseconds", **logarithmic(us / 1000 for curve in curves for us in curve.latencies_us)},
        hovermode="closest",
    )


def capacity_figure(capacity: Capacity, headline: str) -> Figure:
    """What was carried of what was offered, and how long it took: the knee is where the two part."""
    steps = capacity.by_rate
    offered = [step.offered_per_s for step in steps]
    looks = {"✓": ("circle", "satisfied"), "✗": ("x", "violated"), "?": ("diamond", "inconclusive")}
    marks = [looks[step_sign(step)][0] for step in steps]
    colours = [f"var(--{looks[step_sign(step)][1]})" for step in steps]

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
    more: Plain = {"yaxis2": axis("milliseconds", domain=[0, 0.46], anchor="x", **logarithmic([*p50s, *p99s]))}
    if capacity.knee_per_s is not None:
        words = f"knee: {capacity.knee_per_s:,.0f} per second"
        shape, note = mark(capacity.knee_per_s, words, colour="var(--text)")
        # Most of what is worth seeing stands to the right of it.
        note |= {"xanchor": "right", "xshift": -4}
        more |= {"shapes": [shape], "annotations": [note]}
    return Figure(
        name="capacity",
        title="Capacity",
        about=(
            "Carried of what was offered, and how long it took. A cross is a rate at which the objective broke"
            f"{', a diamond one at which the generator was the limit' if any(s.no_verdict for s in steps) else ''}."
        ),
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
            {"title": "milliseconds", **logarithmic(value for curve in data for value in curve["y"])},
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
