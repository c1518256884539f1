"""The headline says what the grade says."""

from __future__ import annotations

import msgspec
import pytest

from reports.grade import ExitCode
from reports.records import Verdict
from reports.wording import broken_rules, count, counts, findings, headline, known_findings, replay_command, suite_of
from tests.reports.example_run import DOT_KEPT, HELP_MISSING, KNOWN, RESULTS, example_run, without_verdict

SATISFIED = tuple(result for result in RESULTS if result.verdict is Verdict.SATISFIED)
INCONCLUSIVE = without_verdict("pop3/stat/counts", Verdict.INCONCLUSIVE, "refused")


def test_a_violation_is_counted_by_rule() -> None:
    line = headline(example_run(results=(*SATISFIED, DOT_KEPT, DOT_KEPT)))
    assert (line.grade, line.words) == (ExitCode.VIOLATES, "Violates 1 MUST rule")
    assert line.detail.startswith("2 MUST checks found a violation, 3 found none.")


def test_a_clean_run_conforms() -> None:
    assert headline(example_run(results=SATISFIED)).words == "Conforms"


def test_a_should_violation_is_told_but_does_not_bind_unless_strict() -> None:
    run = example_run(results=(*SATISFIED, HELP_MISSING))
    assert headline(run).words == "Conforms"
    assert "though not binding here: 1 SHOULD rule." in headline(run).detail
    assert headline(run, strict=True).words == "Violates 1 SHOULD rule"


@pytest.mark.parametrize("results", [(), (HELP_MISSING,), (*SATISFIED, INCONCLUSIVE), (INCONCLUSIVE,)])
def test_a_run_that_could_not_judge_has_no_verdict(results: tuple[object, ...]) -> None:
    line = headline(example_run(results=results))  # type: ignore[arg-type]
    assert (line.grade, line.words) == (ExitCode.INCONCLUSIVE, "No verdict")


def test_inconclusive_checks_are_counted_beside_violations() -> None:
    assert headline(example_run()).detail.startswith("3 MUST checks found a violation, 3 found none, 1 inconclusive.")


def test_must_findings_come_first() -> None:
    assert [result.check for result in findings(example_run())] == [
        "imap/grammar/space_before_line_end",
        "smtp/eight_bit/keeps_octets_above_127",
        "smtp/transparency/removes_exactly_one_leading_dot",
        "smtp/help/is_implemented",
    ]


def test_a_finding_without_requirement_counts_by_its_check() -> None:
    assert broken_rules([DOT_KEPT]) == {"rfc5321/4.5.2/3"}


def test_small_words() -> None:
    assert (count(1, "rule"), count(1200, "rule"), count(0, "reply", "replies")) == (
        "1 rule",
        "1,200 rules",
        "0 replies",
    )
    assert (suite_of("smtp/rset/discards"), suite_of("odd")) == ("smtp/rset", "odd")
    assert replay_command("run.json", "a/b; rm -rf x") == "mailspec replay run.json 'a/b; rm -rf x'"


def test_a_known_violation_is_told_and_not_counted() -> None:
    run = example_run(results=(*SATISFIED, KNOWN))
    assert (headline(run).grade, headline(run).words) == (ExitCode.CONFORMS, "Conforms")
    assert "1 known finding not counted" in headline(run).detail
    assert (findings(run), known_findings(run)) == ([], [KNOWN])
    assert (Verdict.VIOLATED, "violated, known", (1, 0, 0)) in counts(run)
    assert (Verdict.VIOLATED, "violated", (0, 0, 0)) in counts(run)


def test_a_known_finding_that_no_longer_shows_is_the_headline_unless_there_is_worse() -> None:
    mended = msgspec.structs.replace(KNOWN, verdict=Verdict.SATISFIED)
    line = headline(example_run(results=(*SATISFIED, mended)))
    assert (line.grade, line.words) == (ExitCode.VIOLATES, "1 known finding no longer shows")
    worse = headline(example_run(results=(*SATISFIED, mended, DOT_KEPT)))
    assert worse.words == "Violates 1 MUST rule"
    assert "1 finding declared known no longer shown" in worse.detail
