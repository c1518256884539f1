"""`conformance.runner`: from what a check does to a verdict with evidence. Judged against the reference server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import strategies as st

from conformance.bench import Bench
from conformance.checks import Check, Tier, check_of, given, judges_refusals, must
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect, expect_code
from conformance.fixtures import SmtpDial
from conformance.plan import Plan, Profile, Segment
from conformance.runner import run_check
from conformance.smtp.session import SmtpSession
from conformance.target import Account, target_of
from conformance.wire.segmentation import CUTS_INTO
from reference_server.registry import VARIANTS
from reference_server.running import running_server
from reference_server.serving import load_faults_and_variants
from reports.records import CheckResult, Direction, Ended, Verdict

ACCOUNTS = [Account("alice@example.test", "secret"), Account("bob@example.test", "secret")]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with running_server(protocols=("smtp", "imap")) as server:
        bench = Bench(target_of(server.urls.values(), ACCOUNTS), Plan(profile=Profile.QUICK, tier=Tier.INTRUSIVE))
        bench.discover()
        yield bench
        bench.close()


def verdict(bench: Bench, function: Callable[..., None]) -> CheckResult:
    check = check_of(function)
    assert isinstance(check, Check)
    return run_check(bench, check)


def test_a_check_that_returns_is_satisfied(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """NOOP is answered 250."""
        with smtp() as session:
            expect_code(session.noop(), {250}, because="NOOP does nothing")

    result = verdict(bench, check_it)
    assert (result.verdict, result.ended, result.examples) == (Verdict.SATISFIED, Ended.ANSWERED, 1)
    assert result.rules == {"rfc5321/4.1.1.9/2": result.rules["rfc5321/4.1.1.9/2"]}


def test_what_a_check_remarks_is_told_once_and_with_its_own_result(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers())
    def check_it(smtp: SmtpDial, number: int) -> None:
        """Says the same each time."""
        smtp.remark("seen")

    @must("rfc5321/4.1.1.9/2")
    def check_other(smtp: SmtpDial) -> None:
        """Says nothing."""

    assert verdict(bench, check_it).remarks == ("seen",)
    assert verdict(bench, check_other).remarks == ()


def test_a_violation_carries_expected_got_and_the_transcript(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """NOOP is answered 299."""
        with smtp() as session:
            expect_code(session.noop(), {299}, because="nobody answers so")

    result = verdict(bench, check_it)
    assert result.verdict is Verdict.VIOLATED
    assert result.expected == "299: nobody answers so"
    assert result.got.startswith("250 ")
    sent = [event.octets for event in result.transcript if event.direction is Direction.SENT]
    assert sent == [b"NOOP\r\n"]


def test_the_smallest_failing_example_is_the_evidence(bench: Bench) -> None:
    tried = []

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 10_000))
    def check_it(smtp: SmtpDial, number: int) -> None:
        """No number is over 17."""
        tried.append(number)
        with smtp() as session:
            session.command(f"NOOP {number}")
            expect(number <= 17, "at most 17", number)

    bench.plan = Plan(profile=Profile.STANDARD)
    result = verdict(bench, check_it)
    assert result.verdict is Verdict.VIOLATED
    assert result.got == "18"
    assert b"NOOP 18\r\n" in [event.octets for event in result.transcript]
    assert len(tried) == result.examples


def test_shrinking_that_takes_too_long_is_cut_short_and_keeps_its_evidence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.plan.SHRINK_S", dict.fromkeys(Profile, 0.0))

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 10_000))
    def check_it(smtp: SmtpDial, number: int) -> None:
        """No number is over 17."""
        expect(number <= 17, "at most 17", number)

    bench.plan = Plan(profile=Profile.STANDARD)
    result = verdict(bench, check_it)
    assert result.verdict is Verdict.VIOLATED
    assert int(result.got) > 17


def test_the_same_seed_tries_the_same_examples_and_another_one_others(bench: Bench) -> None:
    def tried(seed: int) -> list[int]:
        numbers = []

        @must("rfc5321/4.1.1.9/2")
        @given(number=st.integers(0, 10**9))
        def check_it(smtp: SmtpDial, number: int) -> None:
            """Any number will do."""
            numbers.append(number)

        bench.plan = Plan(seed=seed, segment=Segment.WHOLE)
        assert verdict(bench, check_it).verdict is Verdict.SATISFIED
        return numbers

    assert tried(1) == tried(1)
    assert tried(1) != tried(2)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (not_applicable("no such extension"), Verdict.NOT_APPLICABLE),
        (InconclusiveError("set-up failed"), Verdict.INCONCLUSIVE),
        (ViolationError("this", "that"), Verdict.VIOLATED),
        (AssertionError("plain"), Verdict.VIOLATED),
    ],
)
@pytest.mark.parametrize("generated", [False, True])
def test_what_a_check_raises_decides_its_verdict(
    bench: Bench, raised: Exception, expected: Verdict, generated: bool
) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_once(smtp: SmtpDial) -> None:
        """Raises."""
        raise raised

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 9))
    def check_often(smtp: SmtpDial, number: int) -> None:
        """Raises."""
        raise raised

    result = verdict(bench, check_often if generated else check_once)
    assert result.verdict is expected
    assert str(raised) in (result.reason, result.got, f"expected {result.expected}; got {result.got}")


def test_a_judged_reply_that_does_not_come_is_a_violation(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Waits for what nobody asked for."""
        with smtp() as session:
            session.read_reply(within_s=0.05)

    result = verdict(bench, check_it)
    assert (result.verdict, result.ended) == (Verdict.VIOLATED, Ended.HUNG)


def test_a_violation_seen_once_and_not_again_is_inconclusive(bench: Bench) -> None:
    calls = []

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 9))
    def check_it(smtp: SmtpDial, number: int) -> None:
        """Fails once."""
        calls.append(number)
        expect(len(calls) != 2, "steady", "unsteady")

    result = verdict(bench, check_it)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "seen once and not again" in result.reason


def test_an_unread_answer_is_the_synchrony_oracles_finding_and_not_the_checks(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Sends two and reads one."""
        with smtp() as session:
            session.send(b"NOOP\r\nNOOP\r\n")
            session.read_reply()

    result = verdict(bench, check_it)
    assert (result.verdict, result.ended) == (Verdict.SATISFIED, Ended.DESYNCHRONISED)
    found = {r.check: r for r in bench.oracles.results([]) if r.verdict is Verdict.VIOLATED}
    assert list(found) == ["smtp/synchrony/one_answer_to_each_command"]
    assert found["smtp/synchrony/one_answer_to_each_command"].seen_in == (result.check,)


def test_what_fails_only_when_cut_is_the_segmentation_oracles_finding(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Looks at how its own octets were cut."""
        with smtp() as session:
            session.noop()
            expect(len(list(session.connection.segmentation.pieces(b"x" * 50))) == 1, "whole", "cut")

    assert verdict(bench, check_it).verdict is Verdict.SATISFIED
    found = [r.check for r in bench.oracles.results([]) if r.verdict is Verdict.VIOLATED]
    assert found == ["smtp/segmentation/same_verdict_however_cut"]


def test_what_fails_however_cut_is_the_checks_own_finding(bench: Bench) -> None:
    calls = []

    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Fails from the second time on."""
        calls.append(1)
        with smtp() as session:
            session.noop()
            expect(len(calls) < 2, "the first time", "a later time")

    assert verdict(bench, check_it).verdict is Verdict.VIOLATED
    assert not [r.check for r in bench.oracles.results([]) if r.verdict is Verdict.VIOLATED]


def test_a_server_that_is_gone_convicts_nobody(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """NOOP is answered 250."""
        with smtp() as session:
            expect_code(session.noop(), {250}, because="NOOP does nothing")

    with running_server(protocols=("smtp",)) as server:
        gone = Bench(target_of(server.urls.values(), ACCOUNTS), Plan())
        gone.discover()
    result = verdict(gone, check_it)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "does not answer" in result.reason


def test_a_server_that_refuses_service_is_asked_only_what_is_about_refusals() -> None:
    @must("rfc5321/3.1/5")
    @judges_refusals
    def check_it(smtp: SmtpDial) -> None:
        """QUIT is answered."""
        with smtp.turned_away() as session:
            session.abandon()
            expect(session.quit().positive, "an answer", "none")

    @must("rfc5321/4.1.1.9/2")
    def check_another(smtp: SmtpDial) -> None:
        """NOOP is answered 250."""
        raise AssertionError("it is not put")

    load_faults_and_variants()
    core = VARIANTS["smtp-gives-no-service"].core
    with running_server(protocols=("smtp",), cores={"smtp": core}) as server:
        bench = Bench(target_of(server.urls.values(), ACCOUNTS), Plan(profile=Profile.QUICK))
        bench.discover()
        result, other = verdict(bench, check_it), verdict(bench, check_another)
        assert not [found for found in bench.oracles.results([]) if found.verdict is Verdict.VIOLATED]
        assert list(bench.unreachable) == [bench.smtp_endpoint()]
    assert (result.verdict, result.ended) == (Verdict.SATISFIED, Ended.ANSWERED)
    assert other.verdict is Verdict.INCONCLUSIVE
    assert "refuses service" in other.reason


def test_no_password_reaches_a_result(bench: Bench) -> None:
    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Sends a password about."""
        with smtp() as session:
            session.command("NOOP secret")
            raise ViolationError("no secret", "the secret word")

    result = verdict(bench, check_it)
    assert b"secret" not in b"".join(event.octets for event in result.transcript)
    assert "secret" not in result.got
    assert "secret" not in result.expected


def test_octets_that_differ_are_shown_where_they_part() -> None:
    assert_same_octets(b"same", b"same")
    with pytest.raises(ViolationError, match="at 3"):
        assert_same_octets(b"abcXe", b"abcde")
    with pytest.raises(ViolationError, match="at 3"):
        assert_same_octets(b"abc", b"abcde")


def test_a_cut_that_fails_is_found_even_where_shrinking_is_cut_short(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.plan.SHRINK_S", dict.fromkeys(Profile, 0.0))

    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Looks at how its own octets were cut."""
        with smtp() as session:
            expect(len(list(session.connection.segmentation.pieces(b"x" * 50))) == 1, "whole", "cut")

    assert verdict(bench, check_it).verdict is Verdict.SATISFIED
    [found] = [result for result in bench.oracles.results([]) if result.verdict is Verdict.VIOLATED]
    assert found.check == "smtp/segmentation/same_verdict_however_cut"
    assert found.transcript[0].note.startswith(CUTS_INTO)


@pytest.mark.parametrize("flaky", [False, True])
def test_a_set_up_that_fails_only_when_cut_is_the_segmentation_oracles_finding(bench: Bench, flaky: bool) -> None:
    cut: list[int] = []

    @must("rfc5321/4.1.1.9/2")
    def check_it(smtp: SmtpDial) -> None:
        """Cannot be set up with cuts."""
        with smtp() as session:
            session.noop()
            if len(list(session.connection.segmentation.pieces(b"x" * 50))) > 1:
                cut.append(1)
                if not flaky or len(cut) == 1:
                    raise InconclusiveError("the log-in was refused")

    assert verdict(bench, check_it).verdict is Verdict.SATISFIED
    results = {result.check: result for result in bench.oracles.results([])}
    segmentation = results.get("smtp/segmentation/same_verdict_however_cut")
    if flaky:
        assert segmentation is None, "nothing was judged with other cuts"
    else:
        assert segmentation is not None
        assert (segmentation.verdict, segmentation.got) == (Verdict.VIOLATED, "the log-in was refused")


@pytest.mark.parametrize("later", [not_applicable("not this one"), InconclusiveError("421"), ValueError("oops")])
def test_what_was_proved_stays_proved(bench: Bench, later: Exception) -> None:
    tried: list[int] = []

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 10_000))
    def check_it(smtp: SmtpDial, number: int) -> None:
        """No number is over 17."""
        tried.append(number)
        if len(tried) > 3 and any(before > 17 for before in tried[:-1]):
            raise later
        expect(number <= 17, "at most 17", number)

    bench.plan = Plan(profile=Profile.STANDARD)
    result = verdict(bench, check_it)
    assert result.verdict is Verdict.VIOLATED
    assert int(result.got) > 17


def test_a_check_that_fails_by_itself_is_not_shrunk(bench: Bench) -> None:
    tried = []

    @must("rfc5321/4.1.1.9/2")
    @given(number=st.integers(0, 10_000))
    def check_it(smtp: SmtpDial, number: int) -> None:
        """Has a mistake in it."""
        tried.append(number)
        raise ValueError(f"secret {number}")

    result = verdict(bench, check_it)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "the check itself failed: ValueError" in result.reason
    assert "secret" not in result.reason
    assert len(tried) == 1


def test_the_judges_own_tools_are_not_judged(bench: Bench) -> None:
    with bench.unjudged():
        tool = bench.connect(bench.smtp_endpoint(), SmtpSession)
    with tool:
        tool.send(b"NOOP\r\nNOOP\r\n")
        tool.read_reply()
    assert bench.oracles.results([]) == []
    assert bench.oracles.transcript.events == ()
