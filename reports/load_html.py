"""A load run as one self-contained HTML page: its plots drawn by a library within it, nothing loaded, words escaped.

The page is whole without its script: every plot has a table, and those are open until the plots are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from reports.html import render_page
from reports.load import Interval, Latency, LoadExit, LoadResult
from reports.load_figures import figures_of
from reports.load_plotting import Figure, embedded, library
from reports.load_timeline import whole_intervals
from reports.load_wording import (
    delivery_lines,
    figure,
    headline,
    milliseconds,
    outcome_lines,
    remarks,
    sentence,
    step_sign,
    threshold_sign,
    tiles,
)
from reports.octets import visible
from reports.wording import duration

_TEMPLATES = Path(__file__).with_name("templates")

_GRADE_NAME = {
    LoadExit.WITHIN_THRESHOLDS: "conforms",
    LoadExit.BROKEN: "violates",
    LoadExit.NO_VERDICT: "inconclusive",
}

_PLOT_SOURCES = (
    " 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; style-src-attr 'unsafe-inline'; img-src data: blob:"
)
"""What plotly.js needs of the page's policy: a style element that it makes empty (the hash of nothing) and fills rule
by rule, style attributes, and images of its own making, as heat maps are. None can run or fetch anything."""


def render_load_html(result: LoadResult, *, about: str = "") -> str:
    """The report page of one load run; `about` is what its scenario does, if the record does not say."""
    line = headline(result)
    figures = figures_of(result)
    summary = result.summary
    timeline = _timeline(whole_intervals(result), result)
    deliveries = delivery_lines(summary.ledger)
    sections = [
        ("capacity", "Capacity", result.capacity),
        ("sizes", "Mailbox sizes", result.series),
        ("messages", result.operations.capitalize(), True),
        ("mailboxes", "Mailboxes", deliveries),
        ("time", "Over time", timeline),
        ("latency", "Latency", True),
        ("arrivals", "Arrivals", result.arrivals),
        ("errors", "Errors", True),
        ("judge", "Grammar", result.judge),
        ("thresholds", "Thresholds", True),
        ("run", "Run", True),
    ]
    return render_load_page(
        "load.html.j2",
        {
            "result": result,
            "summary": summary,
            "ledger": summary.ledger,
            "line": line,
            "grade": _GRADE_NAME[line.grade],
            "about": result.about or about,
            "tiles": tiles(result),
            "remarks": remarks(result),
            "outcome_lines": outcome_lines(result),
            "delivery_lines": deliveries,
            "timeline": timeline,
            "lateness": _lateness(result),
            "ms": milliseconds,
            "rate": figure,
            "visible": visible,
            "sentence": sentence,
            "step_sign": step_sign,
            "threshold_sign": threshold_sign,
            "parameters": _parameters(result),
            "sections": [(anchor, name) for anchor, name, there in sections if there],
        },
        figures,
    )


def render_load_page(template: str, values: dict[str, object], figures: Sequence[Figure]) -> str:
    """Fill a template that may hold plots; without any, the page goes without the library that draws them."""
    drawn = {
        "figures": figures,
        "figures_json": Markup(embedded(figures)) if figures else "",  # noqa: S704 - escaped for a script element
        "plot_sources": Markup(_PLOT_SOURCES) if figures else "",  # noqa: S704 - our own constant
    }
    style, script = (_TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("load.css", "load.js"))
    return render_page(template, values | drawn, style=style, scripts=(library(), script) if figures else ())


def _timeline(
    intervals: Sequence[Interval], result: LoadResult
) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """Head and rows of the table interval by interval; columns that hold nothing are left out."""
    if len(intervals) < 2:
        return None
    counts = {
        "offered": [part.offered for part in intervals],
        "done": [part.done for part in intervals],
        "refused": [part.refused for part in intervals],
        "failed": [part.failed for part in intervals],
        "dropped": [part.dropped for part in intervals],
        "users": [part.users for part in intervals],
    }
    kept = {name: values for name, values in counts.items() if name == "done" or any(values)}
    head = ("From", *(name.capitalize() for name in kept), "p50 (ms)", "p90 (ms)", "p99 (ms)", "Max (ms)")
    rows = [
        (
            f"{part.at_s:,} s",
            *(f"{values[number]:,}" for values in kept.values()),
            *(
                milliseconds(latency) if part.done else "–"
                for latency in (part.p50_us, part.p90_us, part.p99_us, part.max_us)
            ),
        )
        for number, part in enumerate(intervals)
    ]
    return head, rows


def _lateness(result: LoadResult) -> list[tuple[str, Latency]]:
    if result.arrivals is None:
        return []
    told = (
        ("operations began", result.arrivals.lateness_us),
        ("the schedule's clock woke", result.arrivals.generator_lateness_us),
    )
    return [(name, late) for name, late in told if late is not None]


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
    shown += [(parameter_title(name), parameter_text(value)) for name, value in result.parameters.items()]
    return [*shown, ("Schema", str(result.schema_version))]


def parameter_text(value: object) -> str:
    """A setting as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}" if isinstance(value, float) else str(value)


_UNITS = {"_octets": ", octets", "_per_s": ", per second", "_s": ", seconds"}


def parameter_title(name: str) -> str:
    """`message_size_octets` as a person writes it."""
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            name = name.removesuffix(suffix) + unit
            break
    return name.replace("_", " ").capitalize().replace("Tls", "TLS")
