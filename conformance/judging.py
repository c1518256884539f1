"""A whole run: from target and plan to a RunResult. What `mailspec check` calls."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest

from conformance import plugin as plugin_module
from conformance.bench import Bench
from conformance.catalogue import catalogue
from conformance.checks import SUITES
from conformance.coverage import coverage
from conformance.errors import HarnessError
from conformance.plan import Plan
from conformance.plugin import JudgePlugin
from conformance.runner import redact_events
from conformance.secrets import redact
from conformance.target import Target
from reports.records import CheckResult, RunResult, TargetRecord

HERE = Path(__file__).parent


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
        HarnessError: the check files cannot be collected; the text holds pytest's.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    started = time.monotonic()
    bench = Bench(target, plan)
    bench.discover()
    judge_plugin = JudgePlugin(bench, only=only, on_collected=on_collected, on_result=on_result)
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
    try:
        with contextlib.redirect_stdout(said):
            status = pytest.main(arguments, plugins=[judge_plugin, plugin_module])
    finally:
        bench.close()
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise HarnessError(f"the checks could not be run:\n{said.getvalue()}")
    rules = [(name, entry.rule) for name, entry in catalogue().items()]
    results = [*judge_plugin.results, *_redacted(bench.oracles.results(rules), target)]
    return RunResult(
        tool_version=tool_version,
        target=_record(bench),
        started_at=started_at,
        duration_s=round(time.monotonic() - started, 3),
        seed=plan.seed,
        profile=plan.profile.value,
        tier=plan.tier.name.lower(),
        segment=plan.segment.value,
        results=tuple(msgspec.structs.replace(result, known=known.get(result.check, "")) for result in results),
        coverage=tuple(coverage()),
    )


def _redacted(results: Sequence[CheckResult], target: Target) -> list[CheckResult]:
    return [
        msgspec.structs.replace(
            result,
            got=redact(result.got.encode(errors="backslashreplace"), target.accounts).decode(errors="replace"),
            transcript=redact_events(result.transcript, target.accounts),
        )
        for result in results
    ]


def _record(bench: Bench) -> TargetRecord:
    target = bench.target
    return TargetRecord(
        name=target.name or ", ".join(str(endpoint) for endpoint in target.endpoints),
        urls=tuple(str(endpoint) for endpoint in target.endpoints),
        accounts=tuple(account.name for account in target.accounts),
        greetings={
            **{
                str(endpoint): facts.greeting.decode("ascii", "backslashreplace").strip()
                for endpoint, facts in bench.facts.items()
            },
            **{str(endpoint): f"(unreachable: {why})" for endpoint, why in bench.unreachable.items()},
        },
        capabilities={
            str(endpoint): tuple(
                f"{name} {parameters}".strip() for name, parameters in sorted(facts.capabilities.items())
            )
            for endpoint, facts in bench.facts.items()
        },
    )
