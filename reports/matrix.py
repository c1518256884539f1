"""Several runs side by side, and one run against a baseline.

A check may have several results in one run (one for each endpoint); the worst of them stands for the check. A check
that a run does not hold has no verdict there, which is neither good nor bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports import wording
from reports.citations import cite
from reports.html import render_page
from reports.octets import printable
from reports.records import CheckResult, Level, RunResult, Verdict
from reports.terminal import columns

ABSENT_SIGN = "·"
"""Stands where a run does not hold the check."""

_WORST_FIRST = (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.SATISFIED, Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Row:
    """One check over all runs; `None` where a run does not hold it."""

    check: str
    title: str
    level: Level
    citation: str
    verdicts: tuple[Verdict | None, ...]

    @property
    def telling(self) -> bool:
        """Whether the row is worth reading: the runs that hold the check differ, or one of them violates."""
        return Verdict.VIOLATED in self.verdicts or len(set(self.verdicts) - {None}) > 1


@dataclass(frozen=True, slots=True)
class Matrix:
    """The telling rows, MUST first; `alike` counts the checks left out; `totals` counts verdicts of each run."""

    names: tuple[str, ...]
    headlines: tuple[wording.Headline, ...]
    rows: tuple[Row, ...]
    alike: int
    totals: tuple[Counter[Verdict], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of each check between a baseline and a later run.

    `mended` was violated and is now satisfied. `no_longer_judged` was violated and is now neither satisfied nor
    violated, or among the `gone`, which the run does not hold: nobody may call that mended. `newly_violated` was not
    violated in the baseline, or not in it.
    """

    baseline: str
    run: str
    newly_violated: tuple[CheckResult, ...]
    mended: tuple[CheckResult, ...]
    still_violated: tuple[CheckResult, ...]
    no_longer_judged: tuple[CheckResult, ...]
    gone: frozenset[str]
    unchanged: int
    other_changes: int


def matrix(runs: Sequence[RunResult], *, strict: bool = False) -> Matrix:
    """Put runs side by side, in the order given.

    Raises:
        ValueError: there are no runs.
    """
    if not runs:
        raise ValueError("a matrix needs at least one run")
    by_run = [worst_by_check(run.results) for run in runs]
    first: dict[str, CheckResult] = {}
    for results in by_run:
        for check, result in results.items():
            first.setdefault(check, result)
    rows = [
        Row(
            check,
            result.title,
            result.level,
            cite(result.requirements[0]).label if result.requirements else "",
            tuple(results[check].verdict if check in results else None for results in by_run),
        )
        for check, result in first.items()
    ]
    telling = sorted((row for row in rows if row.telling), key=lambda row: (wording.LEVELS.index(row.level), row.check))
    return Matrix(
        names=_names(runs),
        headlines=tuple(wording.headline(run, strict=strict) for run in runs),
        rows=tuple(telling),
        alike=len(rows) - len(telling),
        totals=tuple(Counter(result.verdict for result in results.values()) for results in by_run),
    )


def compare(baseline: RunResult, run: RunResult) -> Comparison:
    """What changed since the baseline; `still_violated` and the like hold the later run's results where it has them."""
    before, after = worst_by_check(baseline.results), worst_by_check(run.results)
    groups: dict[str, list[CheckResult]] = {"new": [], "mended": [], "still": [], "unjudged": []}
    unchanged = other_changes = 0
    for check in sorted(before.keys() | after.keys()):
        was = before[check].verdict if check in before else None
        now = after[check].verdict if check in after else None
        result = after.get(check) or before[check]
        if was is now is Verdict.VIOLATED:
            groups["still"].append(result)
        elif now is Verdict.VIOLATED:
            groups["new"].append(result)
        elif was is Verdict.VIOLATED:
            groups["mended" if now is Verdict.SATISFIED else "unjudged"].append(result)
        elif was is now:
            unchanged += 1
        else:
            other_changes += 1
    names = _names([baseline, run])
    return Comparison(
        baseline=names[0],
        run=names[1],
        newly_violated=_ordered(groups["new"]),
        mended=_ordered(groups["mended"]),
        still_violated=_ordered(groups["still"]),
        no_longer_judged=_ordered(groups["unjudged"]),
        gone=frozenset(before.keys() - after.keys()),
        unchanged=unchanged,
        other_changes=other_changes,
    )


def worst_by_check(results: Iterable[CheckResult]) -> dict[str, CheckResult]:
    """Each check's worst result: violated before inconclusive before satisfied before not applicable."""
    worst: dict[str, CheckResult] = {}
    for result in results:
        held = worst.get(result.check)
        if held is None or _WORST_FIRST.index(result.verdict) < _WORST_FIRST.index(held.verdict):
            worst[result.check] = result
    return worst


def render_matrix_text(table: Matrix) -> str:
    """The matrix as text: one numbered column for each run, with a sign for each verdict and a key."""
    lines = ["Runs:"]
    for number, (name, line) in enumerate(zip(table.names, table.headlines, strict=True), 1):
        lines.append(f"  {number}. {printable(name)}: {line.words}")
    header = ["level", "check", *(str(number) for number in range(1, len(table.names) + 1))]
    body = [[row.level.value, printable(row.check), *(sign(verdict) for verdict in row.verdicts)] for row in table.rows]
    totals = [
        ["", f"{wording.SIGN[verdict]} {wording.WORD[verdict]}", *(f"{count[verdict]:,}" for count in table.totals)]
        for verdict in wording.VERDICTS
    ]
    lines += ["", *columns([header, *body, ["", ""] + [""] * len(table.names), *totals], left=2), ""]
    key = [f"{wording.SIGN[verdict]} {wording.WORD[verdict]}" for verdict in wording.VERDICTS]
    lines.append(", ".join([*key, f"{ABSENT_SIGN} not in the run"]))
    lines.append(f"{wording.count(table.alike, 'check')} left out: alike in the runs that hold them, violated in none.")
    return "\n".join(lines) + "\n"


def render_matrix_html(table: Matrix) -> str:
    """The matrix as one self-contained page."""
    return render_page("matrix.html.j2", {"table": table, "absent_sign": ABSENT_SIGN})


def render_comparison_text(change: Comparison) -> str:
    """The comparison as text, what got worse first."""
    lines = [f"Baseline: {printable(change.baseline)}", f"Run:      {printable(change.run)}"]
    for title, results in sections(change):
        lines += ["", f"{title} ({len(results)})"]
        lines += columns(
            [
                [f"  {r.level.value}", printable(r.check), cite(r.requirements[0]).label if r.requirements else ""]
                for r in results
            ]
            or [["  none"]],
            left=3,
        )
    return "\n".join([*lines, "", _rest(change)]) + "\n"


def render_comparison_html(change: Comparison) -> str:
    """The comparison as one self-contained page."""
    return render_page(
        "comparison.html.j2",
        {"change": change, "sections": sections(change), "rest": _rest(change), "absent_sign": ABSENT_SIGN},
    )


def sections(change: Comparison) -> list[tuple[str, tuple[CheckResult, ...]]]:
    """The groups of a comparison with their titles, what got worse first."""
    return [
        ("Newly violated", change.newly_violated),
        ("Still violated", change.still_violated),
        ("Violated before, no longer judged", change.no_longer_judged),
        ("Mended", change.mended),
    ]


def sign(verdict: Verdict | None) -> str:
    """The sign of a verdict, or of its absence."""
    return ABSENT_SIGN if verdict is None else wording.SIGN[verdict]


def _rest(change: Comparison) -> str:
    return (
        f"{wording.count(change.unchanged, 'other check')} unchanged, "
        f"{change.other_changes:,} changed without a violation on either side."
    )


def _ordered(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(sorted(results, key=lambda result: (wording.LEVELS.index(result.level), result.check)))


def _names(runs: Sequence[RunResult]) -> tuple[str, ...]:
    """Target names, with the time of the run where a name comes twice, and a number where even that does not help."""
    names = [run.target.name for run in runs]
    if len(set(names)) < len(names):
        names = [f"{run.target.name} ({run.started_at})" for run in runs]
    if len(set(names)) < len(names):
        names = [f"{name} #{number}" for number, name in enumerate(names, 1)]
    return tuple(names)
