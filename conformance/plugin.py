"""The pytest plugin: checks are collected as tests, fixtures are the bench's, verdicts become outcomes.

`mailspec check` uses it through `conformance.judging`. With pytest itself, for checks of one's own:

    pytest -p no:locust -p conformance.plugin -o python_files='check_*.py' -o python_functions='check_*' \\
        --mailspec-url smtp://127.0.0.1:2525 my_checks/
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from conformance.bench import Bench
from conformance.checks import Check, Tier, check_of
from conformance.errors import HarnessError, InconclusiveError, NotApplicableError, UsageError
from conformance.plan import MINUTE_S, Plan, Profile, Segment
from conformance.runner import not_run, run_check
from conformance.target import parse_account, target_of
from conformance.wire.errors import NoReplyError
from reports.records import CheckResult, Verdict

FIXTURES = ("dial", "smtp", "submission", "msa", "lmtp", "pop3", "imap", "mailbox", "maildrop", "folder")
JUDGE = pytest.StashKey["JudgePlugin"]()

Listener = Callable[[CheckResult], None]


class JudgePlugin:
    """One run's bench and the results so far. Registered by `mailspec check`, or made from pytest's own options."""

    def __init__(
        self,
        bench: Bench,
        *,
        strict: bool = False,
        only: Sequence[str] = (),
        known: Mapping[str, str] = MappingProxyType({}),
        on_collected: Callable[[int], None] | None = None,
        on_result: Listener | None = None,
    ) -> None:
        self.bench = bench
        self.strict = strict
        """Whether a collected function that is no check stops the run before it begins."""
        self.results: list[CheckResult] = []
        self.selected: dict[str, Check] = {}
        """What will run, by pytest's id of the item."""
        self.left_out: list[Check] = []
        self.strangers: list[str] = []
        """Collected functions that were not declared as checks."""
        self.uncollected: list[str] = []
        """What pytest said of files that it could not collect."""
        self.interrupted = False
        self._judged: set[str] = set()
        self._only = only
        self._known = known
        self._on_collected = on_collected
        self._on_result = on_result

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let fixtures find the bench."""
        config.stash[JUDGE] = self

    def wanted(self, check: Check) -> bool:
        """Whether the plan and the user's selection include the check."""
        plan = self.bench.plan
        if check.tier > plan.tier or (check.takes_minutes and plan.minute_s is None):
            return False
        return not self._only or any(fnmatch.fnmatchcase(check.id, pattern) for pattern in self._only)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what is wrong with a file; the quiet pytest of a run would only count it."""
        if report.failed:
            self.uncollected.append("\n".join([f"{report.nodeid}:", *_errors(report.longreprtext)]))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what the plan does not include, before anything is set up for it."""
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            check = check_of(getattr(item, "obj", None))
            if check is None:
                self.strangers.append(item.nodeid)
            elif self.wanted(check):
                self.selected[item.nodeid] = check
            else:
                self.left_out.append(check)
            (left if check is not None and not self.wanted(check) else kept).append(item)
        if self.strangers and self.strict:
            kept = []
        if left:
            config.hook.pytest_deselected(items=left)
        items[:] = kept
        if self._on_collected is not None:
            self._on_collected(len(items))

    def judge(self, check: Check, arguments: dict[str, object]) -> CheckResult:
        """Run one check and keep its result."""
        return self._keep(run_check(self.bench, check, arguments))

    def _keep(self, result: CheckResult) -> CheckResult:
        result = msgspec.structs.replace(result, known=self._known.get(result.check, ""))
        self._judged.add(result.check)
        self.results.append(result)
        if self._on_result is not None:
            self._on_result(result)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A check that pytest could not get as far as the judge, say for want of a fixture, must not go missing."""
        check = self.selected.get(report.nodeid)
        if report.failed and check is not None and check.id not in self._judged:
            self._keep(not_run(self.bench, check, f"the check could not be run: {_errors(report.longreprtext)[0]}"))

    def pytest_keyboard_interrupt(self) -> None:
        """The user has seen enough."""
        self.interrupted = True

    def missing(self) -> list[CheckResult]:
        """A result for each check that was selected and never came to run."""
        return [
            not_run(self.bench, check, "the run was interrupted before this check")
            for check in self.selected.values()
            if check.id not in self._judged
        ]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for using the plugin with pytest itself. Never `--host`: locust's own plugin owns that."""
    group = parser.getgroup("mailspec", "mailspec conformance checks")
    group.addoption("--mailspec-url", action="append", default=[], metavar="URL", help="endpoint to judge; repeatable")
    group.addoption(
        "--mailspec-account", action="append", default=[], metavar="USER:PASSWORD", help="test account; repeatable"
    )
    group.addoption("--mailspec-domain", default=None, help="mail domain of the accounts")
    group.addoption("--mailspec-profile", default="standard", choices=[profile.value for profile in Profile])
    group.addoption("--mailspec-seed", default=0, type=int)
    group.addoption("--mailspec-tier", default="safe", choices=[tier.name.lower() for tier in Tier])
    group.addoption("--mailspec-slow", action="store_true", help="also checks that wait for minutes")
    group.addoption("--mailspec-segment", default="each", choices=[segment.value for segment in Segment])


def pytest_configure(config: pytest.Config) -> None:
    """Make the judge from pytest's options, unless `mailspec check` brought its own."""
    urls = config.getoption("mailspec_url")
    if not urls or config.stash.get(JUDGE, None) is not None:
        return
    try:
        target = target_of(
            urls,
            [parse_account(text) for text in config.getoption("mailspec_account")],
            domain=config.getoption("mailspec_domain"),
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    plan = Plan(
        profile=Profile(config.getoption("mailspec_profile")),
        seed=config.getoption("mailspec_seed"),
        tier=Tier[config.getoption("mailspec_tier").upper()],
        segment=Segment(config.getoption("mailspec_segment")),
        minute_s=MINUTE_S if config.getoption("mailspec_slow") else None,
    )
    bench = Bench(target, plan)
    bench.discover()
    config.pluginmanager.register(JudgePlugin(bench), "mailspec-judge")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the bench's own sessions."""
    judge = config.stash.get(JUDGE, None)
    if judge is not None:
        judge.bench.close()


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> pytest.Function | None:
    """Collect a check as a test function whose parameters are its fixtures alone: strategies fill the others."""
    check = check_of(obj)
    if check is None or collector.config.stash.get(JUDGE, None) is None:
        return None
    judge: JudgePlugin = collector.config.stash[JUDGE]

    def put(**arguments: object) -> None:
        _report(judge.judge(check, arguments))

    put.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(fixture, inspect.Parameter.KEYWORD_ONLY) for fixture in check.fixtures]
    )
    put.mailspec_check = check  # type: ignore[attr-defined]
    put.__doc__ = check.title
    return pytest.Function.from_parent(collector, name=name, callobj=put)


def _errors(said: str) -> list[str]:
    """What is wrong, of what pytest says of a failure: the lines that it marks, without its own way to them."""
    lines = said.strip().splitlines() or ["no reason given"]
    return [line[1:].removeprefix("   ") for line in lines if line.startswith("E ")] or lines


def _report(result: CheckResult) -> None:
    if result.verdict is Verdict.VIOLATED and result.known:
        pytest.xfail(f"known: {result.known}")
    if result.verdict is Verdict.VIOLATED:
        pytest.fail(
            f"{result.check} ({result.level.value}, {', '.join(result.requirements)})\n"
            f"expected {result.expected}\ngot {result.got}",
            pytrace=False,
        )
    if result.verdict is not Verdict.SATISFIED:
        pytest.skip(f"{result.verdict.value}: {result.reason}")


def _provide(name: str) -> Callable[..., object]:
    @pytest.fixture(name=name)
    def provide(request: pytest.FixtureRequest) -> Iterator[object]:
        judge = request.config.stash.get(JUDGE, None)
        check = check_of(request.function)
        if judge is None or check is None:
            pytest.skip(f"{name} belongs to mailspec checks: give --mailspec-url and decorate the check")
        context = judge.bench.fixture(name, check)
        try:
            value = context.__enter__()
        except (NotApplicableError, InconclusiveError) as error:
            # Not pytest's skip: the check gets a result of its own that says why.
            yield error
            return
        except (HarnessError, NoReplyError) as error:
            yield InconclusiveError(f"{name}: {error}")
            return
        try:
            yield value
        finally:
            context.__exit__(None, None, None)

    return provide


dial, smtp, submission, msa, lmtp, pop3, imap, mailbox, maildrop, folder = (_provide(name) for name in FIXTURES)
