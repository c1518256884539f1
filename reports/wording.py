"""The words every renderer shares: verdicts, endings, counts, the headline of a run, and the order of its findings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports.citations import rfc_name
from reports.grade import ExitCode, exit_code
from reports.records import CheckResult, CoverageRow, Ended, Level, RunResult, Verdict

LEVELS = (Level.MUST, Level.SHOULD, Level.MAY)
"""Strongest first."""

VERDICTS = (Verdict.VIOLATED, Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
"""In the order in which a reader needs them."""

WORD = {
    Verdict.SATISFIED: "satisfied",
    Verdict.VIOLATED: "violated",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.INCONCLUSIVE: "inconclusive",
}

SIGN = {Verdict.SATISFIED: "✓", Verdict.VIOLATED: "✗", Verdict.NOT_APPLICABLE: "–", Verdict.INCONCLUSIVE: "?"}
"""A shape for each verdict, so that none is told by colour alone."""

ENDING = {
    Ended.ANSWERED: "answered to the end",
    Ended.CLOSED: "the server closed the connection",
    Ended.HUNG: "the server fell silent",
    Ended.DESYNCHRONISED: "commands and replies no longer matched",
    Ended.DIED: "the server no longer accepts connections",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict on a run: its grade, the few words printed big, and one sentence on what they rest on."""

    grade: ExitCode
    words: str
    detail: str


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 rule`, `2 rules`, `1,200 replies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def headline(run: RunResult, *, strict: bool = False) -> Headline:
    """The verdict on a run in words; with `strict`, SHOULD binds as MUST does."""
    grade = exit_code(run.results, strict=strict)
    binding = LEVELS[:2] if strict else LEVELS[:1]
    names = " and ".join(level.value for level in binding)
    judged = [result for result in run.results if result.level in binding]
    by_verdict = {verdict: [r for r in judged if r.verdict is verdict] for verdict in VERDICTS}
    violated, satisfied = by_verdict[Verdict.VIOLATED], by_verdict[Verdict.SATISFIED]
    open_questions = len(by_verdict[Verdict.INCONCLUSIVE])
    if grade is ExitCode.VIOLATES:
        words = "Violates " + " and ".join(
            count(len(broken), f"{level.value} rule")
            for level in binding
            if (broken := broken_rules(r for r in violated if r.level is level))
        )
        detail = f"{count(len(violated), f'{names} check')} found a violation, {len(satisfied):,} found none"
        detail += f", {open_questions:,} inconclusive." if open_questions else "."
    elif grade is ExitCode.CONFORMS:
        words = "Conforms"
        detail = f"{count(len(satisfied), f'{names} check')} satisfied, none violated, none inconclusive."
    elif open_questions:
        words = "No verdict"
        detail = (
            f"No violation was seen, but {count(open_questions, f'{names} check')} could not be decided; "
            f"{len(satisfied):,} satisfied."
        )
    else:
        words = "No verdict"
        detail = f"No {names} rule was judged, and that proves nothing."
    advisory = [r for r in run.results if r.level not in binding and r.verdict is Verdict.VIOLATED]
    departed = [
        count(len(rules), f"{level.value} rule")
        for level in LEVELS
        if (rules := broken_rules(r for r in advisory if r.level is level))
    ]
    if departed:
        detail += f" Also not followed, though not binding here: {', '.join(departed)}."
    return Headline(grade, words, detail)


def broken_rules(violated: Iterable[CheckResult]) -> set[str]:
    """The distinct rules these results are about: each one's first requirement, or the check where it names none."""
    return {(*result.requirements, result.check)[0] for result in violated}


def findings(run: RunResult) -> list[CheckResult]:
    """The violated results, MUST before SHOULD before MAY, then by check."""
    found = (result for result in run.results if result.verdict is Verdict.VIOLATED)
    return sorted(found, key=lambda result: (LEVELS.index(result.level), result.check, result.url))


def by_reason(run: RunResult, verdict: Verdict) -> dict[str, list[CheckResult]]:
    """The results of one verdict by their reason, the reason with most checks first: it is the one worth mending."""
    groups: dict[str, list[CheckResult]] = {}
    for result in run.results:
        if result.verdict is verdict:
            groups.setdefault(result.reason, []).append(result)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def suite_of(check: str) -> str:
    """The suite a check belongs to: its id without the last part (`smtp/transparency`)."""
    return check.rpartition("/")[0] or check


def replay_command(run_file: str, check: str) -> str:
    """The shell command that puts a recorded finding to the server again."""
    return f"mailspec replay {shlex.quote(run_file)} {shlex.quote(check)}"


def duration(seconds: float) -> str:
    """`12 ms`, `1.3 s`, `4 min 05 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def by_rfc(rows: Iterable[CoverageRow]) -> list[tuple[str, list[CoverageRow]]]:
    """Coverage rows that count at least one sentence, by RFC in numerical order, MUST first."""
    counted = [row for row in rows if row.sentences]
    counted.sort(key=lambda row: (_natural(row.rfc), LEVELS.index(row.level)))
    return [(rfc_name(rfc), list(group)) for rfc, group in groupby(counted, key=lambda row: row.rfc)]


def _natural(name: str) -> tuple[Any, ...]:
    # re.split with a group alternates text and digits, so tuples of different names stay comparable.
    return tuple(int(part) if number % 2 else part for number, part in enumerate(re.split(r"([0-9]+)", name)))
