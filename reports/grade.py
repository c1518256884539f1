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

    Only MUST binds; with `strict`, SHOULD does too. A violation declared known does not count; a known finding that
    no longer shows does, or the declaration would outlive its reason. A run in which nothing was judged never reads
    as success.
    """
    binding = {Level.MUST, Level.SHOULD} if strict else {Level.MUST}
    of_these = [result for result in results if result.level in binding or result.known]
    if any(counts_against(result) for result in of_these):
        return ExitCode.VIOLATES
    verdicts = {result.verdict for result in of_these if not result.known}
    if Verdict.INCONCLUSIVE in verdicts or Verdict.SATISFIED not in verdicts:
        return ExitCode.INCONCLUSIVE
    return ExitCode.CONFORMS


def counts_against(result: CheckResult) -> bool:
    """Whether a result of a binding level speaks against the server, or a known finding against its declaration."""
    if result.known:
        return result.verdict is Verdict.SATISFIED
    return result.verdict is Verdict.VIOLATED


def tally(results: Iterable[CheckResult]) -> Counter[tuple[Level, Verdict]]:
    """How many results there are of each level and verdict."""
    return Counter((result.level, result.verdict) for result in results)
