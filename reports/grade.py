"""The one place where level and verdict meet: counts, the overall grade and the exit status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum

from reports.records import CheckResult, Level, Verdict


class ExitCode(IntEnum):
    """Exit status of `mailspec check`."""

    CONFORMS = 0
    VIOLATES = 1
    USAGE = 2
    INCONCLUSIVE = 3


def exit_code(results: Iterable[CheckResult], *, strict: bool = False) -> ExitCode:
    """Grade a run. A proven violation outranks a question that could not be put.

    Only MUST binds; with `strict`, SHOULD does too. A run in which nothing was judged never reads as success.
    """
    binding = {Level.MUST, Level.SHOULD} if strict else {Level.MUST}
    verdicts = {result.verdict for result in results if result.level in binding}
    if Verdict.VIOLATED in verdicts:
        return ExitCode.VIOLATES
    if Verdict.INCONCLUSIVE in verdicts or Verdict.SATISFIED not in verdicts:
        return ExitCode.INCONCLUSIVE
    return ExitCode.CONFORMS


def tally(results: Iterable[CheckResult]) -> Counter[tuple[Level, Verdict]]:
    """How many results there are of each level and verdict."""
    return Counter((result.level, result.verdict) for result in results)
