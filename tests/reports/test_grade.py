"""The grade of a run, for every way in which levels and verdicts meet."""

from __future__ import annotations

import msgspec
import pytest

from reports.grade import ExitCode, exit_code, tally
from reports.records import CheckResult, Level, Verdict
from tests.reports.example_run import DOT_KEPT, KNOWN, RESULTS


def result(level: Level, verdict: Verdict, *, known: str = "") -> CheckResult:
    return msgspec.structs.replace(DOT_KEPT, level=level, verdict=verdict, known=known)


KEPT = result(Level.MUST, Verdict.SATISFIED)


@pytest.mark.parametrize(
    ("level", "verdict", "plain", "strict"),
    [
        (Level.MUST, Verdict.VIOLATED, ExitCode.VIOLATES, ExitCode.VIOLATES),
        (Level.MUST, Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (Level.MUST, Verdict.NOT_APPLICABLE, ExitCode.CONFORMS, ExitCode.CONFORMS),
        (Level.SHOULD, Verdict.VIOLATED, ExitCode.CONFORMS, ExitCode.VIOLATES),
        (Level.SHOULD, Verdict.INCONCLUSIVE, ExitCode.CONFORMS, ExitCode.INCONCLUSIVE),
        (Level.MAY, Verdict.VIOLATED, ExitCode.CONFORMS, ExitCode.CONFORMS),
    ],
)
def test_one_more_result_beside_a_satisfied_must(
    level: Level, verdict: Verdict, plain: ExitCode, strict: ExitCode
) -> None:
    results = [KEPT, result(level, verdict)]
    assert exit_code(results) is plain
    assert exit_code(results, strict=True) is strict


@pytest.mark.parametrize("verdict", [Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE])
def test_a_run_in_which_nothing_was_judged_is_no_success(verdict: Verdict) -> None:
    assert exit_code([]) is ExitCode.INCONCLUSIVE
    assert exit_code([result(Level.MUST, verdict)]) is ExitCode.INCONCLUSIVE


def test_a_violation_outranks_a_question_that_could_not_be_put() -> None:
    results = [result(Level.MUST, Verdict.INCONCLUSIVE), DOT_KEPT]
    assert exit_code(results) is exit_code(results[::-1]) is ExitCode.VIOLATES


def test_a_known_violation_does_not_count_but_is_no_proof_of_conformance_either() -> None:
    assert exit_code([KEPT, KNOWN]) is ExitCode.CONFORMS
    assert exit_code([KNOWN]) is ExitCode.INCONCLUSIVE


def test_a_known_finding_that_no_longer_shows_counts_at_every_level() -> None:
    for level in Level:
        assert exit_code([KEPT, result(level, Verdict.SATISFIED, known="ticket")]) is ExitCode.VIOLATES


def test_the_tally_counts_every_result_once() -> None:
    assert sum(tally(RESULTS).values()) == len(RESULTS)
    assert tally(RESULTS)[Level.MUST, Verdict.VIOLATED] == 3
