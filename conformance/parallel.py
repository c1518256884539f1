"""A run in two processes at once: what touches the INBOX in this one, IMAP in folders of its own in the other.

Checks that share an INBOX or a maildrop lock must follow one another; the safe IMAP checks share nothing with them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

import msgspec

from conformance.bench import Bench
from conformance.checks import Tier, all_checks
from conformance.errors import HarnessError
from conformance.judging import InterruptedRunError, judge
from conformance.oracles import ORACLES
from conformance.plan import Plan
from conformance.runner import not_run
from conformance.target import Target
from reports.records import CheckResult, RunResult, Verdict

WORTH_A_PROCESS = 40
"""IMAP checks below which starting a second process takes longer than it saves."""

FAREWELL_S = 10.0
"""How long an interrupted half has for its last results."""

Listener = Callable[[CheckResult], None]


class _Job(msgspec.Struct, frozen=True):
    """What the other process is told, on its standard input."""

    target: Target
    plan: Plan
    tool_version: str
    only: list[str]
    known: dict[str, str]


class _News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it says, a line each: one result, or the whole run at its end."""

    result: CheckResult | None = None
    run: RunResult | None = None
    interrupted: bool = False


class _OtherHalf:
    """The other process, and the thread that listens to it."""

    def __init__(self, job: _Job, on_result: Listener) -> None:
        self._job = job
        self._on_result = on_result
        self.results: dict[str, CheckResult] = {}
        self.run: RunResult | None = None
        self.interrupted = False
        # A session of its own: Ctrl-C reaches this process alone, which passes it on once.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "conformance.parallel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as its_input:
            # The passwords go by pipe: a command line is for everybody to read.
            its_input.write(msgspec.json.encode(self._job))
        with self._process.stdout as output:
            for line in output:
                news = msgspec.json.decode(line, type=_News)
                if news.result is not None:
                    self.results[news.result.check] = news.result
                    self._on_result(news.result)
                if news.run is not None:
                    self.run, self.interrupted = news.run, news.interrupted

    def wait(self, within_s: float | None = None) -> None:
        """Until it has said everything, or the time is up; then it is ended."""
        self._thread.join(within_s)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join()
        self._process.wait()

    def interrupt(self) -> None:
        """Have it stop and say what it has."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        self.wait(FAREWELL_S)

    def all_results(self) -> list[CheckResult]:
        """Its results, with one that says so for each check that it owes."""
        if self.run is not None:
            return list(self.run.results)
        bench = Bench(self._job.target, self._job.plan)
        why = "the process that judged IMAP ended before this check"
        return [self.results.get(name) or not_run(bench, all_checks()[name], why) for name in self._job.only]


def judge_in_two(
    target: Target,
    plan: Plan,
    *,
    tool_version: str,
    only: Sequence[str] = (),
    own_checks: Sequence[Path] = (),
    known: Mapping[str, str] = MappingProxyType({}),
    pytest_arguments: Sequence[str] = (),
    on_collected: Callable[[int], None] | None = None,
    on_result: Listener | None = None,
) -> RunResult:
    """The same run as `conformance.judging.judge` makes, in two processes where that pays.

    It stays in one with checks of the user's own, which may share anything, and with options for pytest, such as a
    JUnit file, which tell of one pytest.

    Raises:
        HarnessError, KeyboardInterrupt: as `judge`.
    """
    wanted = [
        check
        for check in all_checks().values()
        if check.tier <= plan.tier and (not only or any(fnmatchcase(check.id, pattern) for pattern in only))
    ]
    imap = [check.id for check in wanted if check.suite == "imap" and check.tier is Tier.SAFE]
    topics = list(dict.fromkeys(map(_topic, imap)))
    # Some of them stay here, so that both halves take about as long.
    stays = set(topics[::7])
    apart = [name for name in imap if _topic(name) not in stays]
    here = [check.id for check in wanted if check.id not in set(apart)]
    one_pytest = own_checks or pytest_arguments
    if one_pytest or len(apart) < WORTH_A_PROCESS or not here or "imap" not in target.protocols:
        return judge(
            target,
            plan,
            tool_version=tool_version,
            only=only,
            own_checks=own_checks,
            known=known,
            pytest_arguments=pytest_arguments,
            on_collected=on_collected,
            on_result=on_result,
        )
    telling = threading.Lock()

    def tell(result: CheckResult) -> None:
        with telling:
            if on_result is not None:
                on_result(result)

    def collected(number: int) -> None:
        if on_collected is not None:
            on_collected(number + len(apart))

    started = time.monotonic()
    job = _Job(target, dataclasses.replace(plan, lane=plan.lane + 1), tool_version, apart, dict(known))
    other = _OtherHalf(job, tell)
    try:
        run = judge(
            target,
            plan,
            tool_version=tool_version,
            only=here,
            known=known,
            on_collected=collected,
            on_result=tell,
        )
        other.wait()
    except InterruptedRunError as interruption:
        other.interrupt()
        raise InterruptedRunError(_joined(interruption.run, other, started)) from interruption
    except (HarnessError, KeyboardInterrupt):
        other.interrupt()
        raise
    joined = _joined(run, other, started)
    if other.interrupted:
        raise InterruptedRunError(joined)
    return joined


def _topic(check: str) -> str:
    return check.rpartition("/")[0]


def _joined(run: RunResult, other: _OtherHalf, started: float) -> RunResult:
    """Both halves as one run: checks in their usual order, then the oracles, each of which may have looked in both."""
    results: dict[str, CheckResult] = {}
    for result in [*run.results, *other.all_results()]:
        before = results.get(result.check)
        results[result.check] = result if before is None else _both(before, result)
    order = {name: number for number, name in enumerate([*all_checks(), *ORACLES])}
    violated = {result.check for result in results.values() if result.verdict is Verdict.VIOLATED}
    if any(name.startswith("imap/grammar/") and name != "imap/grammar/response" for name in violated):
        # One half saw nothing wrong and the other did: what was seen stands.
        results.pop("imap/grammar/response", None)
    return msgspec.structs.replace(
        run,
        duration_s=round(time.monotonic() - started, 3),
        results=tuple(sorted(results.values(), key=lambda result: order.get(result.check, len(order)))),
    )


def _both(one: CheckResult, other: CheckResult) -> CheckResult:
    """One oracle's results of both halves."""
    first, second = sorted((one, other), key=lambda result: result.verdict is not Verdict.VIOLATED)
    return msgspec.structs.replace(first, seen_in=(*first.seen_in, *second.seen_in))


def main() -> None:
    """The other process: read the job, judge, say each result."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=_Job)
    # Pytest's output goes elsewhere while it runs; the pipe itself stays ours.
    pipe = sys.stdout.buffer

    def say(news: _News) -> None:
        pipe.write(msgspec.json.encode(news) + b"\n")
        pipe.flush()

    with contextlib.suppress(HarnessError, KeyboardInterrupt):
        try:
            run = judge(
                job.target,
                job.plan,
                tool_version=job.tool_version,
                only=job.only,
                known=job.known,
                on_result=lambda result: say(_News(result=result)),
            )
            say(_News(run=run))
        except InterruptedRunError as interruption:
            say(_News(run=interruption.run, interrupted=True))


if __name__ == "__main__":
    main()
