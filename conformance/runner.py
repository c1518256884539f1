"""Running one check against a bench: examples, shrinking, cuts, and the verdict with its evidence."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, errors, settings
from hypothesis import given as hypothesis_given
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from conformance.bench import ENDPOINTS_OF, Bench, Life
from conformance.catalogue import catalogue
from conformance.checks import Check
from conformance.errors import HarnessError, InconclusiveError, NotApplicableError, ViolationError
from conformance.oracles import family_of, url_in
from conformance.plan import Plan, Segment
from conformance.secrets import redact, redact_text
from conformance.wire.errors import NoReplyError
from conformance.wire.segmentation import CUTS_INTO, OCTET_BY_OCTET, WHOLE, Cuts, Segmentation
from conformance.wire.transcript import Transcript
from reports.records import CheckResult, Ended, Event, Verdict

CUTS = "segment_lengths_"
"""Parameter by which the lengths of segments are drawn beside a check's own strategies."""

PROTOCOL_OF_FIXTURE = MappingProxyType(
    {
        "smtp": "smtp",
        "submission": "smtp",
        "msa": "smtp",
        "lmtp": "lmtp",
        "mailbox": "smtp",
        "pop3": "pop3",
        "maildrop": "pop3",
        "imap": "imap",
        "folder": "imap",
    }
)

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
    latest: tuple[Segmentation, Mapping[str, object]] = (WHOLE, MappingProxyType({}))
    """The last example put; after a violation, the last one that showed it."""
    stop_at: float | None = None

    def example(self, segmentation: Segmentation, drawn: Mapping[str, object]) -> None:
        """Put the question once.

        Raises:
            ViolationError: the answer broke the rule.
            InconclusiveError, NotApplicableError: the question could not be put, or does not arise. A check that
                fails in any other way asks nothing.
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
        if isinstance(segmentation, Cuts):
            bench.oracles.transcript.note(f"{CUTS_INTO}{list(segmentation.lengths)}", at_s=0.0, session=0)
        self.outcome.examples += 1
        if self.stop_at is None:
            self.latest = (segmentation, dict(drawn))
        try:
            self.check.function(**self.arguments, **drawn)
        except (AssertionError, NoReplyError) as error:
            violation = _as_violation(error)
            self.failing[key] = violation
            if self.stop_at is None:
                self.stop_at = time.monotonic() + self.shrink_s
            self.latest = (segmentation, dict(drawn))
            self._remember(violation, error)
            raise violation from error
        except (HarnessError, errors.HypothesisException):
            raise
        except Exception as error:
            # Not evidence about the server, and not Hypothesis's to shrink.
            raise InconclusiveError(_own_fault(error)) from error
        finally:
            bench.segmentation = WHOLE

    def unanswered(self, verdict: Verdict, reason: str) -> None:
        """There is no verdict; but what was proved before the server stopped playing along stays proved."""
        if self.outcome.verdict is not Verdict.VIOLATED:
            self.outcome.verdict, self.outcome.reason = verdict, reason
            if verdict is Verdict.INCONCLUSIVE:
                self.outcome.transcript = self.bench.oracles.transcript.events

    def _remember(self, violation: ViolationError, error: Exception) -> None:
        """Hypothesis tries smaller examples and ends with the smallest: the last failure seen is the one to show."""
        outcome = self.outcome
        outcome.verdict = Verdict.VIOLATED
        outcome.expected, outcome.got = violation.expected, violation.got
        outcome.ended = error.ended if isinstance(error, NoReplyError) else Ended.ANSWERED
        outcome.transcript = self.bench.oracles.transcript.events


def _own_fault(error: BaseException) -> str:
    """How a check, or the engine, went wrong by itself, and where."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" ({Path(where[0].filename).name}, line {where[0].lineno})" if where else ""
    return f"the check itself failed: {type(error).__name__}: {str(error)[:MOST_GOT]}{at}"


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
        attempt.unanswered(Verdict.NOT_APPLICABLE, str(error))
    except InconclusiveError as error:
        attempt.unanswered(Verdict.INCONCLUSIVE, str(error))
    except errors.Unsatisfiable as error:
        attempt.unanswered(Verdict.INCONCLUSIVE, f"no example could be made: {error}")
    except Exception as error:
        attempt.unanswered(Verdict.INCONCLUSIVE, _own_fault(error))
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
    """Which protocol's liveness the check depends on: its suite's, or its first fixture's where the suite has none."""
    if check.suite in ("smtp", "lmtp", "pop3", "imap"):
        return check.suite
    return next((PROTOCOL_OF_FIXTURE[name] for name in check.fixtures if name in PROTOCOL_OF_FIXTURE), "smtp")


def result_of(bench: Bench, check: Check, outcome: _Outcome, started: float) -> CheckResult:
    """The record of an outcome, with all secrets taken out."""
    accounts = bench.target.accounts
    judged = bench.target.endpoint(*ENDPOINTS_OF[protocol_of(check)])

    def shown(text: str) -> str:
        # Cut only after the passwords are out, or the cut could leave half of one.
        return redact_text(text, accounts)[:MOST_GOT]

    return CheckResult(
        check=check.id,
        title=check.title,
        requirements=check.requirements,
        rules={name: entry.rule for name in check.requirements if (entry := catalogue().get(name)) is not None},
        level=check.level,
        verdict=outcome.verdict,
        ended=outcome.ended,
        reason=shown(outcome.reason),
        remarks=tuple(map(shown, dict.fromkeys(bench.remarks))),
        expected=shown(outcome.expected),
        got=shown(outcome.got),
        transcript=redact_events(outcome.transcript, accounts),
        examples=outcome.examples,
        url=url_in(outcome.transcript) or str(judged or ""),
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
            note=redact_text(event.note, accounts),
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
    bench.oracles.begin(check.id)
    bench.remarks.clear()
    before, why = bench.life_before_a_check(protocol)
    if before is Life.SILENT or (before is Life.REFUSES and not check.judges_refusals):
        outcome = _Outcome(verdict=Verdict.INCONCLUSIVE, reason=f"the server {before.value}: {why}")
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
    except (HarnessError, NoReplyError) as error:
        outcome = _Outcome(verdict=Verdict.INCONCLUSIVE, reason=str(error))
    except Exception as error:
        outcome = _Outcome(verdict=Verdict.INCONCLUSIVE, reason=_own_fault(error))
    if before is not Life.GREETS:
        # Nothing was alive, as far as the other checks are concerned, that this one could have killed.
        return result_of(bench, check, outcome, started)
    if outcome.verdict in (Verdict.SATISFIED, Verdict.VIOLATED):
        bench.oracles.looked(family_of(protocol), "grammar")
        bench.oracles.looked(family_of(protocol), "liveness")
    after, why = bench.life(protocol)
    if after is Life.SILENT:
        outcome.ended = Ended.DIED
        bench.oracles.saw(
            f"{family_of(protocol)}/liveness/keeps_serving",
            "a greeting on a new connection after the check",
            why,
            ended=Ended.DIED,
        )
    elif f"{family_of(protocol)}/synchrony/one_answer_to_each_command" in bench.oracles.found_in(check.id):
        outcome.ended = Ended.DESYNCHRONISED
    return result_of(bench, check, outcome, started)


def not_run(bench: Bench, check: Check, reason: str) -> CheckResult:
    """The record of a check that was selected and never put its question."""
    return result_of(bench, check, _Outcome(verdict=Verdict.INCONCLUSIVE, reason=reason), time.monotonic())


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
    if check.suite == "delivery":
        # It speaks several protocols, so that a finding could be laid at no one's door; each has a suite of its own.
        return whole.outcome
    cut = _try(bench, check, arguments, Segment.RANDOM, cut_examples)
    protocol = family_of(protocol_of(check))
    if cut.outcome.verdict is Verdict.SATISFIED:
        bench.oracles.looked(protocol, "segmentation")
    if cut.outcome.flaky or cut.outcome.verdict in (Verdict.SATISFIED, Verdict.NOT_APPLICABLE):
        return whole.outcome
    # Other cuts come with other examples: only what holds when the same example is sent whole is about the cuts.
    segmentation, drawn = cut.latest
    again = _put_once(bench, check, arguments, WHOLE, drawn)
    if again.verdict is Verdict.VIOLATED:
        return again
    if again.verdict is not Verdict.SATISFIED:
        return whole.outcome
    if cut.outcome.verdict is Verdict.VIOLATED:
        bench.oracles.saw_segmentation(protocol, cut.outcome.expected, cut.outcome.got, cut.outcome.transcript)
    elif _put_once(bench, check, arguments, segmentation, drawn).verdict is Verdict.INCONCLUSIVE:
        # The set-up went well whole, and twice it did not with these cuts: that is the server's doing.
        bench.oracles.saw_segmentation(
            protocol, "a set-up that goes as it does when sent whole", cut.outcome.reason, cut.outcome.transcript
        )
    return whole.outcome


def _put_once(
    bench: Bench,
    check: Check,
    arguments: Mapping[str, object],
    segmentation: Segmentation,
    drawn: Mapping[str, object],
) -> _Outcome:
    """One example by itself."""
    attempt = _Attempt(bench, check, arguments, bench.plan.shrink_s)
    try:
        attempt.example(segmentation, drawn)
    except ViolationError:
        pass
    except NotApplicableError as error:
        attempt.unanswered(Verdict.NOT_APPLICABLE, str(error))
    except (InconclusiveError, errors.HypothesisException) as error:
        attempt.unanswered(Verdict.INCONCLUSIVE, str(error))
    return attempt.outcome
