"""Running one check against a bench: examples, shrinking, cuts, and the verdict with its evidence."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, errors, settings
from hypothesis import given as hypothesis_given
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from conformance.bench import Bench
from conformance.catalogue import catalogue
from conformance.checks import Check
from conformance.errors import InconclusiveError, NotApplicableError, ViolationError
from conformance.plan import Plan, Segment
from conformance.secrets import redact
from conformance.wire.errors import NoReplyError
from conformance.wire.segmentation import OCTET_BY_OCTET, WHOLE, Cuts, Segmentation
from conformance.wire.transcript import Transcript
from reports.records import CheckResult, Ended, Event, Verdict

CUTS = "segment_lengths_"
"""Parameter by which the lengths of segments are drawn beside a check's own strategies."""

MOST_GOT = 4000
"""Characters of the server's words that a finding quotes."""


@dataclass(slots=True)
class _Outcome:
    """What one attempt at a check came to, with the evidence of its smallest failing example."""

    verdict: Verdict = Verdict.SATISFIED
    ended: Ended = Ended.ANSWERED
    reason: str = ""
    expected: str = ""
    got: str = ""
    transcript: tuple[Event, ...] = ()
    examples: int = 0
    flaky: bool = False


@dataclass(slots=True)
class _Attempt:
    """One attempt at a check: a function that Hypothesis can call, and the memory of what failed."""

    bench: Bench
    check: Check
    arguments: Mapping[str, object]
    shrink_s: float
    outcome: _Outcome = field(default_factory=_Outcome)
    failing: dict[str, Exception] = field(default_factory=dict)
    smallest: Mapping[str, object] = field(default_factory=dict)
    stop_at: float | None = None

    def example(self, segmentation: Segmentation, drawn: Mapping[str, object]) -> None:
        """Put the question once.

        Raises:
            ViolationError: the answer broke the rule.
            InconclusiveError, NotApplicableError: the question could not be put, or does not arise.
        """
        key = repr((segmentation, sorted(drawn.items())))
        if self.stop_at is not None and time.monotonic() > self.stop_at:
            # Shrinking has had its time. Hypothesis must now get only answers that it got before: what is known to
            # fail fails again from memory, anything else passes unasked.
            if key in self.failing:
                raise self.failing[key]
            return
        bench = self.bench
        bench.segmentation = segmentation
        bench.oracles.transcript = Transcript()
        self.outcome.examples += 1
        try:
            self.check.function(**self.arguments, **drawn)
        except (AssertionError, NoReplyError) as error:
            violation = _as_violation(error)
            self.failing[key] = violation
            if self.stop_at is None:
                self.stop_at = time.monotonic() + self.shrink_s
            self.smallest = dict(drawn)
            self._remember(violation, error)
            raise violation from error
        finally:
            bench.segmentation = WHOLE

    def _remember(self, violation: ViolationError, error: Exception) -> None:
        """Hypothesis tries smaller examples and ends with the smallest: the last failure seen is the one to show."""
        outcome = self.outcome
        outcome.verdict = Verdict.VIOLATED
        outcome.expected, outcome.got = violation.expected, violation.got
        outcome.ended = error.ended if isinstance(error, NoReplyError) else Ended.ANSWERED
        outcome.transcript = self.bench.oracles.transcript.events


def _as_violation(error: AssertionError | NoReplyError) -> ViolationError:
    if isinstance(error, ViolationError):
        return error
    if isinstance(error, NoReplyError):
        pending = f" after {error.pending[:200]!r}" if error.pending else ""
        return ViolationError("a complete reply", f"{error.what}{pending}")
    return ViolationError("the check's assertion to hold", str(error) or "it does not")


_segment_lengths = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=8)


def _try(bench: Bench, check: Check, arguments: Mapping[str, object], segment: Segment, examples: int) -> _Attempt:
    """All examples of one check, with one way of cutting."""
    attempt = _Attempt(bench, check, arguments, bench.plan.shrink_s)
    strategies: dict[str, st.SearchStrategy[Any]] = dict(check.strategies)
    if segment is Segment.RANDOM:
        strategies[CUTS] = _segment_lengths
    fixed = OCTET_BY_OCTET if segment is Segment.OCTETS else WHOLE

    def put(**drawn: Any) -> None:
        lengths = drawn.pop(CUTS, None)
        attempt.example(Cuts(lengths) if lengths else fixed, drawn)

    try:
        if strategies:
            _with_hypothesis(put, strategies, bench.plan, examples)
        else:
            put()
    except ViolationError:
        pass
    except errors.Flaky:
        outcome = attempt.outcome
        outcome.flaky = True
        outcome.verdict = Verdict.INCONCLUSIVE
        outcome.reason = f"seen once and not again: expected {outcome.expected}; got {outcome.got}"
    except NotApplicableError as error:
        attempt.outcome.verdict, attempt.outcome.reason = Verdict.NOT_APPLICABLE, str(error)
    except InconclusiveError as error:
        # What was proved before the server stopped playing along stays proved.
        if attempt.outcome.verdict is not Verdict.VIOLATED:
            attempt.outcome.verdict, attempt.outcome.reason = Verdict.INCONCLUSIVE, str(error)
            attempt.outcome.transcript = bench.oracles.transcript.events
    except errors.Unsatisfiable as error:
        attempt.outcome.verdict, attempt.outcome.reason = Verdict.INCONCLUSIVE, f"no example could be made: {error}"
    return attempt


def _with_hypothesis(put: Any, strategies: Mapping[str, st.SearchStrategy[Any]], plan: Plan, examples: int) -> None:
    # Hypothesis reads the names of the arguments off the signature.
    put.__signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in strategies]
    )
    decorated = hypothesis_seed(plan.seed)(
        settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink) if plan.shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )(hypothesis_given(**strategies)(put))
    )
    decorated()


@contextmanager
def resolved(bench: Bench, check: Check) -> Iterator[dict[str, object]]:
    """The check's fixtures by name, for running it without pytest."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(bench.fixture(name, check)) for name in check.fixtures}


def protocol_of(check: Check) -> str:
    """Which protocol's liveness the check depends on."""
    return check.suite if check.suite in ("smtp", "pop3", "imap") else "smtp"


def result_of(bench: Bench, check: Check, outcome: _Outcome, started: float) -> CheckResult:
    """The record of an outcome, with all secrets taken out."""
    accounts = bench.target.accounts
    return CheckResult(
        check=check.id,
        title=check.title,
        requirements=check.requirements,
        rules={name: entry.rule for name in check.requirements if (entry := catalogue().get(name)) is not None},
        level=check.level,
        verdict=outcome.verdict,
        ended=outcome.ended,
        reason=redact(outcome.reason.encode(), accounts).decode(errors="replace"),
        expected=redact(outcome.expected.encode(), accounts).decode(errors="replace"),
        got=redact(outcome.got[:MOST_GOT].encode(errors="backslashreplace"), accounts).decode(errors="replace"),
        transcript=redact_events(outcome.transcript, accounts),
        examples=outcome.examples,
        url=bench.oracles.url,
        rationale=check.rationale,
        duration_s=round(time.monotonic() - started, 4),
    )


def redact_events(events: tuple[Event, ...], accounts: Any) -> tuple[Event, ...]:
    """The same events with all secrets taken out."""
    return tuple(
        Event(
            at_s=event.at_s,
            direction=event.direction,
            octets=redact(event.octets, accounts),
            note=redact(event.note.encode(), accounts).decode(errors="replace"),
            session=event.session,
        )
        for event in events
    )


def run_check(bench: Bench, check: Check, arguments: Mapping[str, object] | None = None) -> CheckResult:
    """Run a check and say what came of it. Never raises on account of the server.

    `arguments` are the fixtures where pytest has made them; otherwise they are made here.
    """
    started = time.monotonic()
    protocol = protocol_of(check)
    endpoint = bench.target.endpoint(protocol, protocol + "s", "submission", "submissions")
    bench.oracles.begin(check.id, str(endpoint or ""))
    if (why := bench.alive(protocol)) != "":
        outcome = _Outcome(verdict=Verdict.INCONCLUSIVE, reason=f"the server does not answer: {why}")
        return result_of(bench, check, outcome, started)
    try:
        if arguments is not None:
            _raise_what_fixtures_raised(arguments)
            outcome = _judge(bench, check, arguments)
        else:
            with resolved(bench, check) as made:
                outcome = _judge(bench, check, made)
    except NotApplicableError as error:
        outcome = _Outcome(verdict=Verdict.NOT_APPLICABLE, reason=str(error))
    except (InconclusiveError, NoReplyError) as error:
        outcome = _Outcome(verdict=Verdict.INCONCLUSIVE, reason=str(error))
    if outcome.verdict in (Verdict.SATISFIED, Verdict.VIOLATED):
        bench.oracles.looked(protocol, "grammar")
    bench.oracles.looked(protocol, "liveness")
    if (why := bench.alive(protocol)) != "":
        outcome.ended = Ended.DIED
        bench.oracles.saw(
            f"{protocol}/liveness/keeps_serving",
            "a greeting on a new connection after the check",
            why,
            ended=Ended.DIED,
        )
    elif f"{protocol}/synchrony/one_answer_to_each_command" in bench.oracles.found_in(check.id):
        outcome.ended = Ended.DESYNCHRONISED
    return result_of(bench, check, outcome, started)


def _raise_what_fixtures_raised(arguments: Mapping[str, object]) -> None:
    """Pytest makes fixtures before a check begins, so the plugin hands over what they raised in their place."""
    for value in arguments.values():
        if isinstance(value, NotApplicableError | InconclusiveError):
            raise value


def _judge(bench: Bench, check: Check, arguments: Mapping[str, object]) -> _Outcome:
    plan = bench.plan
    examples = plan.examples
    cut_examples = plan.cut_examples
    if check.at_most_examples is not None:
        examples = min(examples, check.at_most_examples)
        cut_examples = min(cut_examples, check.at_most_examples)
    if plan.segment is not Segment.EACH:
        return _try(bench, check, arguments, plan.segment, examples).outcome
    whole = _try(bench, check, arguments, Segment.WHOLE, examples)
    if whole.outcome.verdict is not Verdict.SATISFIED or check.cuts_itself:
        return whole.outcome
    cut = _try(bench, check, arguments, Segment.RANDOM, cut_examples)
    bench.oracles.looked(protocol_of(check), "segmentation")
    if cut.outcome.verdict is not Verdict.VIOLATED:
        return whole.outcome
    # Other cuts come with other examples: only what holds when the same example is sent whole is about the cuts.
    again = _Attempt(bench, check, arguments, bench.plan.shrink_s)
    try:
        again.example(WHOLE, cut.smallest)
    except ViolationError:
        return again.outcome
    except (InconclusiveError, NotApplicableError):
        return whole.outcome
    bench.oracles.saw_segmentation(protocol_of(check), cut.outcome.expected, cut.outcome.got, cut.outcome.transcript)
    return whole.outcome
