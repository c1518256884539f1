"""The words every renderer shares: verdicts, endings, counts, the headline of a run, and the order of its findings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports.citations import rfc_name
from reports.grade import ExitCode, exit_code, tally
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
    judged = [result for result in run.results if result.level in binding and not result.known]
    by_verdict = {verdict: [r for r in judged if r.verdict is verdict] for verdict in VERDICTS}
    violated, satisfied = by_verdict[Verdict.VIOLATED], by_verdict[Verdict.SATISFIED]
    open_questions = len(by_verdict[Verdict.INCONCLUSIVE])
    outdated = [result for result in known_findings(run) if result.verdict is Verdict.SATISFIED]
    if grade is ExitCode.VIOLATES and not violated:
        words = f"{count(len(outdated), 'known finding')} no longer {'shows' if len(outdated) == 1 else 'show'}"
        detail = "No rule was found violated, but a declaration that outlives its reason would hide the next violation."
    elif grade is ExitCode.VIOLATES:
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
    advisory = [r for r in findings(run) if r.level not in binding]
    departed = [
        count(len(rules), f"{level.value} rule")
        for level in LEVELS
        if (rules := broken_rules(r for r in advisory if r.level is level))
    ]
    if departed:
        detail += f" Also not followed, though not binding here: {', '.join(departed)}."
    if excused := [result for result in known_findings(run) if result.verdict is Verdict.VIOLATED]:
        detail += f" {count(len(excused), 'known finding')} not counted."
    if outdated and violated:
        detail += f" {count(len(outdated), 'finding')} declared known no longer shown."
    return Headline(grade, words, detail)


def broken_rules(violated: Iterable[CheckResult]) -> set[str]:
    """The distinct rules these results are about: each one's first requirement, or the check where it names none."""
    return {(*result.requirements, result.check)[0] for result in violated}


def findings(run: RunResult) -> list[CheckResult]:
    """The violated results that are not declared known, MUST before SHOULD before MAY, then by check."""
    return _ordered(result for result in run.results if result.verdict is Verdict.VIOLATED and not result.known)


def known_findings(run: RunResult) -> list[CheckResult]:
    """The results of findings declared known: violated (excused), or satisfied (the declaration is out of date)."""
    return _ordered(
        result for result in run.results if result.known and result.verdict in {Verdict.VIOLATED, Verdict.SATISFIED}
    )


def counts(run: RunResult) -> list[tuple[Verdict, str, tuple[int, ...]]]:
    """The table of counts: verdict, its word, a number for each of LEVELS; known violations in a row of their own."""
    counted = tally(result for result in run.results if not (result.known and result.verdict is Verdict.VIOLATED))
    rows = [(verdict, WORD[verdict], tuple(counted[(level, verdict)] for level in LEVELS)) for verdict in VERDICTS]
    excused = tally(result for result in known_findings(run) if result.verdict is Verdict.VIOLATED)
    if excused:
        numbers = tuple(excused[(level, Verdict.VIOLATED)] for level in LEVELS)
        rows.insert(1, (Verdict.VIOLATED, "violated, known", numbers))
    return rows


def by_reason(run: RunResult, verdict: Verdict) -> dict[str, list[CheckResult]]:
    """The results of one verdict by their reason, the reason with most checks first: it is the one worth mending."""
    groups: dict[str, list[CheckResult]] = {}
    for result in run.results:
        if result.verdict is verdict:
            groups.setdefault(result.reason, []).append(result)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def by_remark(run: RunResult) -> dict[str, list[CheckResult]]:
    """The results by what was remarked in them, in the order of the run."""
    groups: dict[str, list[CheckResult]] = {}
    for result in run.results:
        for remark in result.remarks:
            groups.setdefault(remark, []).append(result)
    return groups


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


def _ordered(results: Iterable[CheckResult]) -> list[CheckResult]:
    return sorted(results, key=lambda result: (LEVELS.index(result.level), result.check, result.url))


def _natural(name: str) -> tuple[Any, ...]:
    # re.split with a group alternates text and digits, so tuples of different names stay comparable.
    return tuple(int(part) if number % 2 else part for number, part in enumerate(re.split(r"([0-9]+)", name)))
