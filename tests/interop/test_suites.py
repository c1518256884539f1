"""The suites against a real mail system: they find what was looked at by hand and written down, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.checks import Tier
from conformance.judging import judge
from conformance.plan import Plan, Profile
from conformance.target import Account, target_of
from reports.records import Verdict
from tests.interop.private_server import MailSystem

pytestmark = pytest.mark.interop

WRITTEN_DOWN = Path(__file__).parents[2] / "docs" / "results" / "postfix-dovecot.md"


def test_every_finding_on_postfix_with_dovecot_is_one_that_was_looked_at(postfix_dovecot: MailSystem) -> None:
    known = set(re.findall(r"^\| `([a-z0-9_/]+)` \|", WRITTEN_DOWN.read_text(), re.MULTILINE))
    accounts = [Account(name, password) for name, password in postfix_dovecot.accounts.items()]
    urls = [postfix_dovecot.urls[name] for name in ("smtp", "submission", "pop3", "imap")]
    run = judge(
        target_of(urls, accounts), Plan(profile=Profile.QUICK, tier=Tier.INTRUSIVE, shrink=False), tool_version="test"
    )
    verdicts = {verdict: {r.check for r in run.results if r.verdict is verdict} for verdict in Verdict}
    new = {
        r.check: f"expected {r.expected}; got {r.got}"
        for r in run.results
        if r.check in verdicts[Verdict.VIOLATED] - known
    }
    assert not new, "read the clause again, then write it down or mend the check"
    assert len(verdicts[Verdict.SATISFIED]) > 300
    # The faults that make mail systems unsafe must be found whatever examples a quick run draws.
    assert {name for name in known if name.startswith("smtp/end_of_data/")} <= verdicts[Verdict.VIOLATED]
