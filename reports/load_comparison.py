"""Two load runs side by side: what became faster or slower, what broke, and whether they can be compared at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reports.load import LoadResult
from reports.load_figures import curves_of, percentile_layout, percentile_line
from reports.load_html import parameter_text, parameter_title, render_load_page
from reports.load_plotting import Figure, layout, line, logarithmic, plain
from reports.load_timeline import middles, rates, seconds, whole_intervals
from reports.load_wording import delivery_lines, figure, headline, milliseconds, outcome_lines
from reports.octets import printable
from reports.terminal import columns
from reports.wording import count, duration

NOTABLE = 0.05
"""A change of a rate or latency by less than this share says little: runs on one machine differ by as much."""

SAMPLES = {"p50": 30, "p99": 1000}
"""A percentile of fewer in either run is told and not weighed: a handful of samples above it decides."""

_LOOK = {1: 7, 2: 0}
_DASH = {1: "dot", 2: "solid"}

_LATENCIES = ("p50", "p99", "max")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in both runs, as text; `change` in words. `better` is None where neither is, or nobody can tell."""

    name: str
    before: str
    after: str
    change: str = ""
    better: bool | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """What differs between two runs. `unlike` are the settings by which they do not ask the same of the server."""

    before: LoadResult
    after: LoadResult
    groups: tuple[Group, ...]
    unlike: tuple[Row, ...]

    @property
    def worse(self) -> int:
        """Figures that became worse."""
        return sum(row.better is False for group in self.groups for row in group.rows)

    @property
    def better(self) -> int:
        """Figures that became better."""
        return sum(row.better is True for group in self.groups for row in group.rows)

    @property
    def words(self) -> str:
        """The outcome in a few words."""
        worse = f"{count(self.worse, 'figure')} worse"
        return f"{worse}, {self.better:,} better" if self.worse or self.better else "No notable change"

    @property
    def reservations(self) -> list[str]:
        """Why the figures may tell something else than how the server changed."""
        found = ["The runs did not ask the same of the server."] if self.unlike else []
        found += [
            f"In run {number} the generator was the limit: its figures are not the server's."
            for number, run in enumerate((self.before, self.after), 1)
            if run.generator_saturated
        ]
        return found

    @property
    def names(self) -> tuple[str, str]:
        """The runs as a reader tells them apart."""
        return _name(self.before), _name(self.after)


def compare_loads(before: LoadResult, after: LoadResult) -> LoadComparison:
    """Put two runs side by side, figure by figure."""
    groups = [_rates(before, after), *_latencies(before, after), _errors(before, after), *_books(before, after)]
    return LoadComparison(before, after, tuple(group for group in groups if group.rows), _unlike(before, after))


def _name(run: LoadResult) -> str:
    return f"{run.scenario} on {run.target} ({run.started_at}, run {run.run_id})"


def _rates(before: LoadResult, after: LoadResult) -> Group:
    def megabytes(run: LoadResult) -> float:
        return run.summary.octets / run.duration_s / 1e6 if run.duration_s else 0.0

    # The rate of an open run is what its schedule asked for.
    asked = "open" in (before.load_model, after.load_model)
    rows = [
        _number(
            f"{after.operations} per second",
            before.summary.operations_per_s,
            after.summary.operations_per_s,
            weighed=not asked,
        ),
        _number("megabytes per second", megabytes(before), megabytes(after), weighed=False),
    ]
    if before.capacity is not None and after.capacity is not None:
        rows.append(_number("knee, per second", before.capacity.knee_per_s or 0.0, after.capacity.knee_per_s or 0.0))
    return Group("Rate", tuple(rows))


def _latencies(before: LoadResult, after: LoadResult) -> list[Group]:
    was, now = before.summary.latency_us, after.summary.latency_us
    groups = []
    for phase in dict.fromkeys([*was, *now]):
        rows = []
        for name in _LATENCIES:
            first, second = (getattr(found[phase], name) if phase in found else None for found in (was, now))
            change, better = "", None
            if first is not None and second is not None:
                change, better = _change(first, second, more_is_better=False)
                if min(was[phase].count, now[phase].count) < SAMPLES.get(name, 0):
                    better = None
            rows.append(
                Row(
                    f"{name}, ms",
                    "–" if first is None else milliseconds(first),
                    "–" if second is None else milliseconds(second),
                    change,
                    # One sample decides over the greatest of all; it is told and not weighed.
                    None if name == "max" else better,
                )
            )
        groups.append(Group(f"Latency of {phase}", tuple(rows)))
    return groups


def _errors(before: LoadResult, after: LoadResult) -> Group:
    was = before.summary.errors_by_reply_code | before.summary.errors_by_kind
    now = after.summary.errors_by_reply_code | after.summary.errors_by_kind
    attempts = before.summary.ledger.attempted, after.summary.ledger.attempted
    return Group(
        "Errors",
        tuple(_counted(kind, was.get(kind, 0), now.get(kind, 0), attempts) for kind in dict.fromkeys([*was, *now])),
    )


def _books(before: LoadResult, after: LoadResult) -> list[Group]:
    was, now = ({one.name: one.number for one in outcome_lines(run)} for run in (before, after))
    outcomes = tuple(
        Row(name, f"{was.get(name, 0):,}", f"{now.get(name, 0):,}") for name in dict.fromkeys([*was, *now])
    )
    told = [delivery_lines(run.summary.ledger) for run in (before, after)]
    numbers = [{one.name: one.number for one in lines} for lines in told]
    bad = {one.name for lines in told for one in lines if one.bad}
    rows = []
    for name in dict.fromkeys([*numbers[0], *numbers[1]]):
        # Where no mailbox was read, nobody knows, which is something else than none.
        texts = [f"{found.get(name, 0):,}" if lines else "not read" for found, lines in zip(numbers, told, strict=True)]
        better = None
        if name in bad and all(told) and bool(numbers[0].get(name)) != bool(numbers[1].get(name)):
            better = not numbers[1].get(name)
        rows.append(Row(name, texts[0], texts[1], better=better))
    return [Group(after.operations.capitalize(), outcomes), Group("Mailboxes", tuple(rows))]


def _number(name: str, before: float, after: float, *, weighed: bool = True) -> Row:
    change, better = _change(before, after, more_is_better=True)
    return Row(name, figure(before), figure(after), change, better if weighed else None)


def _counted(name: str, before: int, after: int, attempts: tuple[int, int]) -> Row:
    """A count of errors; the change is that of their share of what was attempted, as runs are not equally long."""
    shares = [
        number / attempted if attempted else 0.0 for number, attempted in zip((before, after), attempts, strict=True)
    ]
    return Row(name, f"{before:,}", f"{after:,}", *_change(*shares, more_is_better=False))


def _change(before: float, after: float, *, more_is_better: bool) -> tuple[str, bool | None]:
    if before == after:
        return "", None
    if not before:
        return "new", more_is_better
    share = after / before - 1
    text = f"{100 * share:+,.{1 if abs(share) < 0.9995 else 0}f} %"
    # Of two figures that are printed alike nobody wants to read that they differ by nothing.
    return "" if abs(share) < 0.0005 else text, None if abs(share) < NOTABLE else (share > 0) == more_is_better


def _unlike(before: LoadResult, after: LoadResult) -> tuple[Row, ...]:
    settings: dict[str, Callable[[LoadResult], object]] = {
        "scenario": lambda run: run.scenario,
        "load_model": lambda run: run.load_model,
        "users": lambda run: run.users,
        "seed": lambda run: run.seed,
        "tool_version": lambda run: run.tool_version,
    }
    was = {name: of(before) for name, of in settings.items()} | before.parameters
    now = {name: of(after) for name, of in settings.items()} | after.parameters
    return tuple(
        Row(parameter_title(name), _setting(was, name), _setting(now, name))
        for name in dict.fromkeys([*was, *now])
        if was.get(name) != now.get(name)
    )


def _setting(settings: dict[str, object], name: str) -> str:
    return parameter_text(settings[name]) if name in settings else "–"


# -- text -------------------------------------------------------------------------------------------------------------


def render_load_comparison_text(change: LoadComparison) -> str:
    """Both runs in columns, the outcome last. No colour, no clock, no I/O."""
    table = [["", "1", "2", "change", ""]]
    for group in change.groups:
        table.append([printable(group.title), "", "", "", ""])
        for row in group.rows:
            sign = {True: "better", False: "worse", None: ""}[row.better]
            cells = (row.before, row.after, row.change)
            table.append([f"   {printable(row.name)}", *map(printable, cells), sign])
    unlike = [
        f"   {printable(row.name)}: {printable(row.before)}, then {printable(row.after)}" for row in change.unlike
    ]
    blocks = [
        [f"  {number}. {printable(name)}" for number, name in enumerate(change.names, 1)],
        [f"     {number}: {printable(_verdict(run))}" for number, run in enumerate((change.before, change.after), 1)],
        columns(table),
        ["Settings that differ:", *unlike] if unlike else [],
        [change.words.upper(), *change.reservations],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _verdict(run: LoadResult) -> str:
    said = headline(run)
    return f"{said.words}. {said.detail}"


# -- page -------------------------------------------------------------------------------------------------------------


def render_load_comparison_html(change: LoadComparison) -> str:
    """Both runs on one page, their plots laid over each other."""
    return render_load_page(
        "load_comparison.html.j2",
        {
            "change": change,
            # Figures of two different questions, or of the generator, are no verdict, whichever way they point.
            "grade": "violates" if change.worse and not change.reservations else "neutral",
            "runs": [
                (number, name, _verdict(run), duration(run.duration_s))
                for number, (name, run) in enumerate(zip(change.names, (change.before, change.after), strict=True), 1)
            ],
        },
        comparison_figures(change),
    )


def comparison_figures(change: LoadComparison) -> list[Figure]:
    """Rates, latencies and percentiles of both runs; those of the first dotted."""
    runs = (change.before, change.after)
    parts = [whole_intervals(run) for run in runs]
    found = []
    if all(len(intervals) > 1 for intervals in parts):
        longest = max(parts, key=lambda intervals: intervals[-1].at_s)
        done = [
            line(
                f"run {number}",
                middles(intervals),
                rates(intervals, lambda part: part.done),
                look=_LOOK[number],
                dash=_DASH[number],
                steps=True,
            )
            for number, intervals in enumerate(parts, 1)
        ]
        found.append(
            Figure(
                name="rate",
                title=f"{change.after.operations.capitalize()} per second",
                about=" ".join(
                    f"Run {number}: {figure(run.summary.operations_per_s)} per second on average."
                    for number, run in enumerate(runs, 1)
                ),
                data=tuple(done),
                layout=layout(
                    seconds(longest), {"title": f"{plain(change.after.operations)} per second", "rangemode": "tozero"}
                ),
                over_time=True,
            )
        )
        waits = [
            line(
                f"run {number}: {name}",
                middles(intervals),
                [getattr(part, f"{name}_us") / 1000 if part.done else None for part in intervals],
                unit=" ms",
                width=width,
                look=_LOOK[number],
                dash=_DASH[number],
            )
            for number, intervals in enumerate(parts, 1)
            for name, width in (("p99", 1.5), ("p50", 2.5))
        ]
        found.append(
            Figure(
                name="latency",
                title=f"Latency of {change.after.headline} over time",
                about="Medians are thick, 99th percentiles thin; the first run is dotted.",
                data=tuple(waits),
                layout=layout(
                    seconds(longest),
                    {"title": "milliseconds", **logarithmic(value for curve in waits for value in curve["y"])},
                ),
                over_time=True,
                log_axis="yaxis",
            )
        )
    curves = [
        (number, named.curve)
        for number, run in enumerate(runs, 1)
        for named in curves_of(run)
        if named.name == run.headline
    ]
    if len(curves) == 2:
        found.append(
            Figure(
                name="percentiles",
                title=f"Latency of {change.after.headline} by percentile",
                about="Where the curves part, so do the waits of the slowest.",
                data=tuple(
                    percentile_line(f"run {number}", curve, look=_LOOK[number], dash=_DASH[number])
                    for number, curve in curves
                ),
                layout=percentile_layout([curve for _, curve in curves]),
                log_axis="yaxis",
            )
        )
    return found
