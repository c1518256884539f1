"""`conformance.parallel`: a run in two processes is the same run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.checks import Tier, all_checks
from conformance.judging import InterruptedRunError, judge
from conformance.parallel import judge_in_two
from conformance.plan import Plan, Profile
from conformance.target import Account, Target, target_of
from reference_server.running import running_server
from reports.records import CheckResult, RunResult, Verdict

ACCOUNTS = [Account("alice@example.test", "secret"), Account("bob@example.test", "secret")]
PLAN = Plan(profile=Profile.QUICK, tier=Tier.INTRUSIVE)
SOME = ("smtp/rset/*", "smtp/noop/*", "imap/tags/*", "imap/states/*", "imap/list/*", "imap/search/*", "imap/rename/*")


@pytest.fixture
def target() -> Iterator[Target]:
    with running_server(protocols=("smtp", "imap")) as server:
        yield target_of(server.urls.values(), ACCOUNTS)


def verdicts(run: RunResult) -> list[tuple[str, Verdict]]:
    return [(result.check, result.verdict) for result in run.results]


def test_two_processes_come_to_the_verdicts_of_one_in_the_same_order(target: Target) -> None:
    told: list[CheckResult] = []
    counted: list[int] = []
    one = judge(target, PLAN, tool_version="test", only=SOME)
    two = judge_in_two(target, PLAN, tool_version="test", only=SOME, on_result=told.append, on_collected=counted.append)
    assert verdicts(two) == verdicts(one)
    checks = [result.check for result in two.results if result.check in all_checks()]
    assert counted == [len(checks)]
    assert sorted(result.check for result in told) == sorted(checks)
    assert {result.verdict for result in two.results} == {Verdict.SATISFIED}


def test_an_interruption_ends_both_halves_and_leaves_no_check_without_a_result(target: Target) -> None:
    def interrupt(result: CheckResult) -> None:
        if result.check.startswith("smtp/"):
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as caught:
        judge_in_two(target, PLAN, tool_version="test", only=SOME, on_result=interrupt)
    results = {result.check: result for result in caught.value.run.results}
    assert {check.id for check in all_checks().values() if check.suite == "imap" and "/tags/" in check.id} <= set(
        results
    )
    assert any(result.verdict is Verdict.INCONCLUSIVE for result in results.values())
