"""A load run as one self-contained HTML page: charts drawn as inline SVG, nothing loaded, foreign words escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from reports.html import render_page
from reports.load import LoadExit, LoadResult
from reports.load_wording import headline, milliseconds, remarks
from reports.wording import duration

WIDTH, HEIGHT = 900, 260
"""Of a chart, in its own units; the page scales it."""

LEFT, RIGHT, TOP, BOTTOM = 66, 14, 12, 34
"""Room around the plot for its scales."""

MOST_POINTS = 600
"""A longer run is drawn by the greatest value of neighbouring seconds: a spike must not vanish."""

_GRADE_NAME = {
    LoadExit.WITHIN_THRESHOLDS: "conforms",
    LoadExit.BROKEN: "violates",
    LoadExit.NO_VERDICT: "inconclusive",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name, the look of its stroke, and the `points` of its polylines, one for each unbroken stretch."""

    name: str
    colour: str
    dashes: str
    stretches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to be drawn: scales as (position, label), curves in the plot's own units."""

    title: str
    unit: str
    vertical: tuple[tuple[float, str], ...]
    horizontal: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


Values = list[float | None]
"""One for each second; None where there is nothing to tell."""

# Told apart by their dashes too, never by colour alone.
_LOOKS = (("var(--link)", ""), ("var(--violated)", "7 4"), ("var(--inconclusive)", "2 3"))


def render_load_html(result: LoadResult, *, about: str = "") -> str:
    """The report page of one load run; `about` is what its scenario does, in words."""
    line = headline(result)
    return render_page(
        "load.html.j2",
        {
            "result": result,
            "summary": result.summary,
            "ledger": result.summary.ledger,
            "line": line,
            "grade": _GRADE_NAME[line.grade],
            "about": about,
            "remarks": remarks(result),
            "charts": charts(result),
            "ms": milliseconds,
            "parameters": _parameters(result),
            "size": (WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM),
        },
    )


def charts(result: LoadResult) -> list[Chart]:
    """Rate and latency over time; none where there are fewer than two whole seconds to draw."""
    # The last second was cut short by the end of the run, and would look like a collapse.
    whole = [second for second in result.timeline if second.at_s + second.length_s <= result.duration_s]
    if len(whole) < 2:
        return []
    times = [second.at_s for second in whole]
    rates: list[tuple[str, Values]] = [("accepted", [float(second.done) for second in whole])]
    if result.summary.refused:
        rates.append(("refused", [float(second.refused) for second in whole]))
    if result.summary.ledger.failed:
        rates.append(("failed", [float(second.failed) for second in whole]))
    # A second in which nothing was accepted has no latency, which is something else than one of 0.
    latencies: list[tuple[str, Values]] = [
        ("p50", [second.p50_us / 1000 if second.done else None for second in whole]),
        ("p99", [second.p99_us / 1000 if second.done else None for second in whole]),
        ("max", [second.max_us / 1000 if second.done else None for second in whole]),
    ]
    return [
        _chart("Messages per second", "", times, rates),
        _chart("Latency of a message, MAIL to final reply", "ms", times, latencies),
    ]


def nice_steps(highest: float, *, most: int = 5, least_step: float = 0.001) -> list[float]:
    """Round values from 0 that reach up to `highest` or just beyond, in steps of 1, 2 or 5 times a power of ten.

    There are at most `most` steps, none smaller than `least_step`, which is a power of ten itself.
    """
    step = least_step
    if highest <= 0:
        return [0.0, step if step >= 1 else 1.0]
    while True:
        for factor in (1, 2, 5):
            size = step * factor
            if size * most >= highest:
                # Rounded first: 0.05 / 0.01 is a little more than 5 in floating point, and needs five steps.
                count = math.ceil(round(highest / size, 6))
                return [round(number * size, 9) for number in range(count + 1)]
        step *= 10


def _chart(title: str, unit: str, times: Sequence[int], curves: Sequence[tuple[str, Values]]) -> Chart:
    times, curves = _thinned(times, curves)
    vertical = nice_steps(max((value for _, values in curves for value in values if value is not None), default=0))
    horizontal = [at for at in nice_steps(float(times[-1]), most=8, least_step=1) if at <= times[-1]]
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(at_s: float) -> float:
        return round(LEFT + plot_width * at_s / times[-1], 1)

    def y(value: float) -> float:
        return round(TOP + plot_height * (1 - value / vertical[-1]), 1)

    def stretches(values: Values) -> tuple[str, ...]:
        pairs = zip(times, values, strict=True)
        return tuple(
            " ".join(f"{x(at):g},{y(value):g}" for at, value in stretch if value is not None)
            for is_there, stretch in groupby(pairs, key=lambda pair: pair[1] is not None)
            if is_there
        )

    return Chart(
        title=title,
        unit=unit,
        vertical=tuple((y(value), f"{value:,g}") for value in vertical),
        horizontal=tuple((x(at), f"{at:,g}") for at in horizontal),
        lines=tuple(
            Line(name, colour, dashes, stretches(values))
            for (name, values), (colour, dashes) in zip(curves, _LOOKS, strict=False)
        ),
    )


def _thinned(times: Sequence[int], curves: Sequence[tuple[str, Values]]) -> tuple[list[int], list[tuple[str, Values]]]:
    every = -(-len(times) // MOST_POINTS)
    edges = [*range(0, len(times), every), len(times)]
    parts = [slice(start, end) for start, end in pairwise(edges)]
    # The last time stays the last, so that the scale keeps its length.
    kept = [times[part][0] for part in parts[:-1]] + [times[-1]]
    return kept, [(name, [_greatest(values[part]) for part in parts]) for name, values in curves]


def _greatest(values: Values) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _parameters(result: LoadResult) -> list[tuple[str, str]]:
    shown = [
        ("Tool", f"mailspec {result.tool_version}"),
        ("Scenario", result.scenario),
        ("Target", result.target),
        ("Started", result.started_at),
        ("Duration", duration(result.duration_s)),
        ("Users", f"{result.users:,}"),
        ("Seed", str(result.seed)),
        ("Run", result.run_id),
        (
            "Processor time of mailspec",
            f"{duration(result.generator_cpu_s)} ({result.generator_share:.0%} of one core)",
        ),
    ]
    for name, value in result.parameters.items():
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, tuple):
            text = ", ".join(value) or "none"
        else:
            text = f"{value:,}" if isinstance(value, int) else str(value)
        shown.append((_title(name), text))
    return [*shown, ("Schema", str(result.schema_version))]


_UNITS = {"_octets": ", octets", "_per_s": ", per second", "_s": ", seconds"}


def _title(name: str) -> str:
    """`message_size_octets` as a person writes it."""
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            name = name.removesuffix(suffix) + unit
            break
    return name.replace("_", " ").capitalize().replace("Tls", "TLS")
