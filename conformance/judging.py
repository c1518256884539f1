"""A whole run: from target and plan to a RunResult. What `mailspec check` calls."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from conformance import plugin as plugin_module
from conformance.bench import Bench
from conformance.catalogue import catalogue
from conformance.checks import SUITES, all_checks
from conformance.coverage import coverage
from conformance.errors import HarnessError, UsageError
from conformance.oracles import ORACLES
from conformance.plan import Plan
from conformance.plugin import JudgePlugin
from conformance.runner import redact_events
from conformance.secrets import redact_text
from conformance.target import Target
from reports.records import CheckResult, RunResult, TargetRecord, Verdict

HERE = Path(__file__).parent
NO_AUTOLOAD = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"


class InterruptedRunError(HarnessError):
    """The user interrupted the run. `run` has a result without a verdict for each check that did not come to run."""

    def __init__(self, run: RunResult) -> None:
        super().__init__("interrupted")
        self.run = run


def judge(
    target: Target,
    plan: Plan,
    *,
    tool_version: str,
    only: Sequence[str] = (),
    own_checks: Sequence[Path] = (),
    known: Mapping[str, str] = MappingProxyType({}),
    pytest_arguments: Sequence[str] = (),
    on_collected: Callable[[int], None] | None = None,
    on_result: Callable[[CheckResult], None] | None = None,
) -> RunResult:
    """Run the suites against the target.

    Args:
        target: the mail system.
        plan: examples, seed, tier, segments.
        tool_version: goes into the record.
        only: shell patterns of check ids; empty for all.
        own_checks: further files or folders with `check_*.py`.
        known: check ids with the reason for which a violation there is known.
        pytest_arguments: passed on, for instance `--junitxml=FILE`.
        on_collected: called with the number of checks before the first one.
        on_result: called after each check.

    Raises:
        UsageError: own checks that cannot be read, or a known finding that names no check.
        HarnessError: there is nothing to judge, or nothing to judge it by.
        InterruptedRunError: the user interrupted it; it holds what was judged until then.
        KeyboardInterrupt: the same, before the first check.
    """
    _refuse_what_cannot_be_judged(target, known, own_checks)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    started = time.monotonic()
    bench = Bench(target, plan)
    bench.discover()
    # What Hypothesis keeps between runs only saves time; it is no business of the folder that the user is in.
    set_hypothesis_home_dir(_cache_folder())
    judge_plugin = JudgePlugin(
        bench, strict=True, only=only, known=known, on_collected=on_collected, on_result=on_result
    )
    try:
        _run_pytest(judge_plugin, own_checks, pytest_arguments)
    finally:
        bench.close()
        set_hypothesis_home_dir(None)
    if not judge_plugin.selected:
        raise HarnessError(_why_nothing(judge_plugin, only, plan))
    judged = [*judge_plugin.results, *judge_plugin.missing()]
    run = RunResult(
        tool_version=tool_version,
        target=_record(bench),
        started_at=started_at,
        duration_s=round(time.monotonic() - started, 3),
        seed=plan.seed,
        profile=plan.profile.value,
        tier=plan.tier.name.lower(),
        segment=plan.segment.value,
        results=tuple(
            msgspec.structs.replace(result, known=known.get(result.check, ""))
            for result in [*judged, *_oracles(bench, judged)]
        ),
        coverage=tuple(coverage()),
    )
    if judge_plugin.interrupted:
        raise InterruptedRunError(run)
    return run


def _refuse_what_cannot_be_judged(target: Target, known: Mapping[str, str], own_checks: Sequence[Path]) -> None:
    if not own_checks:
        strange = [name for name in known if name not in all_checks() and name not in ORACLES]
        # The kinds of broken IMAP grammar are the recogniser's, and many.
        if strange := [name for name in strange if not name.startswith("imap/grammar/")]:
            raise UsageError(f"a known finding names {strange[0]}, which is no check: see mailspec list checks")


def _run_pytest(judge_plugin: JudgePlugin, own_checks: Sequence[Path], pytest_arguments: Sequence[str]) -> None:
    """Collect and run.

    Raises:
        KeyboardInterrupt: the user's, before the first check.
        UsageError: a file of the user's own checks is broken.
        HarnessError: pytest cannot run for another reason.
    """
    arguments = [
        "-c",
        str(HERE / "pytest.ini"),
        "--rootdir",
        str(HERE.parent),
        "-q",
        "--no-header",
        "--no-summary",
        # Pytest's capture would swallow the progress display too.
        "--capture=no",
        *pytest_arguments,
        *(str(HERE / suite) for suite in SUITES),
        *(str(path) for path in own_checks),
    ]
    said = io.StringIO()
    with _no_foreign_plugins(), contextlib.redirect_stdout(said):
        status = pytest.main(arguments, plugins=[judge_plugin, plugin_module])
    if judge_plugin.uncollected:
        raise UsageError("these checks cannot be read:\n" + "\n\n".join(judge_plugin.uncollected))
    if judge_plugin.strangers:
        raise UsageError(
            f"{judge_plugin.strangers[0]} is not declared as a check: "
            "put @must, @should or @may with the requirement above it, or name it otherwise"
        )
    if judge_plugin.interrupted:
        if not judge_plugin.selected:
            raise KeyboardInterrupt
    elif status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise HarnessError(f"the checks could not be run:\n{said.getvalue()}")


@contextlib.contextmanager
def _no_foreign_plugins() -> Iterator[None]:
    """Keep pytest plugins that happen to be installed, and options from the environment, out of a run.

    One that reorders or reseeds tests, say, would make it another run.
    """
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", NO_AUTOLOAD)}
    os.environ[NO_AUTOLOAD] = "1"
    try:
        yield
    finally:
        del os.environ[NO_AUTOLOAD]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _cache_folder() -> Path:
    """Where the XDG base directories put what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mailspec" / "hypothesis"


def _why_nothing(judge_plugin: JudgePlugin, only: Sequence[str], plan: Plan) -> str:
    matching = [
        check for check in judge_plugin.left_out if not only or any(fnmatchcase(check.id, pattern) for pattern in only)
    ]
    if matching and all(check.tier <= plan.tier for check in matching):
        return "nothing to run: what matches waits for minutes, and needs --slow"
    if matching:
        least = min(check.tier for check in matching).name.lower()
        return f"nothing to run: what matches needs --tier {least}, and this run's is {plan.tier.name.lower()}"
    return f"nothing to run: no check's id matches {' or '.join(only)}: see mailspec list checks"


def _oracles(bench: Bench, judged: Sequence[CheckResult]) -> list[CheckResult]:
    """What the oracles found. Where no check came to a verdict, that they saw nothing wrong is none either."""
    found = _redacted(bench.oracles.results((name, entry.rule) for name, entry in catalogue().items()), bench.target)
    if any(result.verdict in (Verdict.SATISFIED, Verdict.VIOLATED) for result in judged):
        return found
    return [result for result in found if result.verdict is not Verdict.SATISFIED]


def _redacted(results: Sequence[CheckResult], target: Target) -> list[CheckResult]:
    return [
        msgspec.structs.replace(
            result,
            expected=redact_text(result.expected, target.accounts),
            got=redact_text(result.got, target.accounts),
            reason=redact_text(result.reason, target.accounts),
            transcript=redact_events(result.transcript, target.accounts),
        )
        for result in results
    ]


def _record(bench: Bench) -> TargetRecord:
    target = bench.target

    def shown(text: str) -> str:
        return redact_text(text, target.accounts)

    return TargetRecord(
        name=target.name or ", ".join(str(endpoint) for endpoint in target.endpoints),
        urls=tuple(str(endpoint) for endpoint in target.endpoints),
        accounts=tuple(account.name for account in target.accounts),
        greetings={
            **{
                str(endpoint): shown(facts.greeting.decode("ascii", "backslashreplace").strip())
                for endpoint, facts in bench.facts.items()
            },
            **{str(endpoint): shown(f"(unreachable: {why})") for endpoint, why in bench.unreachable.items()},
        },
        capabilities={
            str(endpoint): tuple(
                shown(f"{name} {parameters}".strip()) for name, parameters in sorted(facts.capabilities.items())
            )
            for endpoint, facts in bench.facts.items()
        },
        tls={str(endpoint): facts.tls for endpoint, facts in bench.facts.items() if facts.tls is not None},
    )
