"""What the judge says of a conforming server behind a line: nothing while that is legal, else what is wrong."""

from __future__ import annotations

import pytest

from conformance.checks import all_checks
from reports.records import Verdict
from tests.proof.subjects import convictions, linked_results_of

# Few, and few octets in each: a split line takes a millisecond for each piece.
BRIEF_CHECKS = [
    check
    for check in all_checks().values()
    if check.id.startswith(("pop3/greeting/", "pop3/numbers/", "pop3/pipelining/"))
]


@pytest.mark.parametrize("link", ["split:8", "stall:0.01"])
def test_a_legal_link_draws_no_violation_and_leaves_nothing_unanswered(link: str) -> None:
    results = linked_results_of(link, BRIEF_CHECKS)
    assert len(results) > len(BRIEF_CHECKS) > 8
    assert {result.check: result.got for result in results if result.verdict is not Verdict.SATISFIED} == {}


@pytest.mark.parametrize(
    ("link", "check", "convicted"),
    [
        # QUIT's own reply is where the 70th octet of a fresh session stands.
        ("smtp/reset:70", "smtp/quit/is_answered_221_and_closes", "smtp/quit/is_answered_221_and_closes"),
        ("smtp/half-close:70", "smtp/quit/is_answered_221_and_closes", "smtp/quit/is_answered_221_and_closes"),
        ("smtp/truncate", "smtp/quit/is_answered_221_and_closes", "smtp/quit/is_answered_221_and_closes"),
        ("smtp/garbage", "smtp/quit/is_answered_221_and_closes", "smtp/grammar/bad_code"),
        ("pop3/garbage", "pop3/transaction/takes_its_commands_in_any_order", "pop3/grammar/bad_status"),
        ("smtp/bare-lf", "smtp/quit/is_answered_221_and_closes", "smtp/grammar/bare_lf"),
        ("imap/bare-lf", "imap/noop/always_succeeds", "imap/grammar/response"),
    ],
)
def test_a_broken_link_is_convicted(link: str, check: str, convicted: str) -> None:
    assert convicted in convictions(linked_results_of(link, [all_checks()[check]]))
