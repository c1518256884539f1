"""The suites against a real mail system: they find what was looked at by hand and written down, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.checks import Tier
from conformance.judging import judge
from conformance.plan import Plan, Profile
from conformance.target import Account, target_of
from reports.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import RunResult
    from tests.interop.private_server import MailSystem

pytestmark = pytest.mark.interop

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def judged(server: MailSystem, services: Sequence[str], only: Sequence[str] = ()) -> RunResult:
    """A quick run without shrinking."""
    accounts = [Account(name, password) for name, password in server.accounts.items()]
    target = target_of([server.urls[name] for name in services], accounts)
    plan = Plan(profile=Profile.QUICK, tier=Tier.INTRUSIVE, shrink=False)
    return judge(target, plan, tool_version="test", only=only)


def checks_with(run: RunResult, verdict: Verdict) -> set[str]:
    return {result.check for result in run.results if result.verdict is verdict}


def written_down(page: str) -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9_/]+)` \|", (RESULTS / page).read_text(), re.MULTILINE))


def not_written_down(run: RunResult, page: str) -> dict[str, str]:
    new = checks_with(run, Verdict.VIOLATED) - written_down(page)
    return {r.check: f"expected {r.expected}; got {r.got}" for r in run.results if r.check in new}


def test_every_finding_on_postfix_with_dovecot_is_one_that_was_looked_at(postfix_dovecot: MailSystem) -> None:
    run = judged(postfix_dovecot, ("smtp", "submission", "lmtp", "pop3", "imap"))
    assert not not_written_down(run, "postfix-dovecot.md"), "read the clause, then write it down or mend the check"
    assert len(checks_with(run, Verdict.SATISFIED)) > 300
    # The faults that make mail systems unsafe must be found whatever examples a quick run draws.
    unsafe = {name for name in written_down("postfix-dovecot.md") if name.startswith("smtp/end_of_data/")}
    assert unsafe <= checks_with(run, Verdict.VIOLATED)


def test_every_finding_on_exim_is_one_that_was_looked_at(exim: MailSystem) -> None:
    run = judged(exim, ("smtp", "submission", "pop3", "imap"), only=("smtp/*", "delivery/*"))
    assert not not_written_down(run, "exim.md"), "read the clause, then write it down or mend the check"
    assert len(checks_with(run, Verdict.SATISFIED)) > 150
    assert "smtp/plain/answers_an_overlong_response_once" in checks_with(run, Verdict.VIOLATED)
