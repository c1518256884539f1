"""The record of a run, out of what its processes found."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile

import msgspec

from loadtest.bookkeeping.drift import drift_of
from loadtest.bookkeeping.thresholds import conditions
from loadtest.desk import Findings, Opening
from loadtest.machine import limits_met
from loadtest.mail.supply import left_out_of
from loadtest.plan import LoadPlan
from loadtest.rates.schedule import parse_schedule
from reports.load import SATURATED, Interval, Ledger, LoadResult, Process, SizePoint, Summary, WarmUp


def result_of(plan: LoadPlan, opening: Opening, findings: Findings, *, ended: float, interrupted: bool) -> LoadResult:
    """The record; `ended` is when the last user did, on the clock of the books."""
    books = findings.books
    duration_s = max(ended - books.measured_from, 0.0)
    summary = summary_of(findings, duration_s=duration_s, run_id=opening.run_id, late_after_s=plan.late_after_s)
    timeline = _with_arrivals(plan, findings, books.intervals(now=ended), duration_s=duration_s)
    if plan.scenario.is_steady:
        # Users come at their rate from the run's start, which may have been its warm-up's.
        all_there_s = plan.users / plan.spawn_rate_per_s - plan.warm_up_s
        drift = drift_of(timeline, all_there_s=all_there_s, ended_s=duration_s)
        summary = msgspec.structs.replace(summary, drift=drift)
    processes = tuple(
        Process(name=name, cpu_s=round(cpu_s, 3), share=round(cpu_s / duration_s, 4) if duration_s else 0.0)
        for name, cpu_s in findings.processor_s.items()
    )
    return LoadResult(
        tool_version=tool_version(),
        scenario=plan.scenario.name,
        about=plan.scenario.about,
        target=plan.urls,
        started_at=opening.started.isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        interrupted=interrupted,
        load_model="open" if plan.arrivals else "closed",
        headline=plan.scenario.headline,
        operations=plan.scenario.operations,
        users=plan.users,
        seed=plan.seed,
        run_id=opening.run_id,
        generator_cpu_s=round(sum(findings.processor_s.values()), 3),
        generator_saturated=_saturated(processes, findings),
        parameters=plan.parameters(),
        warm_up=WarmUp(length_s=plan.warm_up_s, **books.warm_up) if plan.warm_up_s else None,
        left_out=left_out_of(plan.messages) if opening.seven_bit_roles else 0,
        summary=summary,
        thresholds=tuple(
            condition.judge(summary) for condition in conditions(plan.fail_if, besides=plan.scenario.fails_if)
        ),
        processes=processes,
        histograms=books.encoded_histograms(),
        timeline=timeline,
        series=_series(findings),
        arrivals=findings.tally.record(plan.arrivals) if findings.tally is not None and plan.arrivals else None,
        judge=findings.judge.judgement(timeline) if findings.judge is not None else None,
    )


def summary_of(findings: Findings, *, duration_s: float, run_id: str = "", late_after_s: float = 10.0) -> Summary:
    """The figures of a run that took so long."""
    books = findings.books
    return Summary(
        messages_per_s=round(books.messages / duration_s, 3) if duration_s > 0 else 0.0,
        operations_per_s=round(books.done_count / duration_s, 3) if duration_s > 0 else 0.0,
        messages=books.messages,
        accepted=books.done_count,
        refused=books.refused,
        octets=books.octets,
        errors_by_reply_code=dict(sorted(books.by_code.items())),
        errors_by_kind=dict(books.by_kind.most_common()),
        reply_texts=dict(sorted(books.texts.items())),
        latency_us=books.latencies(),
        ledger=_ledger(late_after_s, run_id, findings),
    )


def _ledger(late_after_s: float, run_id: str, findings: Findings) -> Ledger:
    books = findings.books
    account = findings.ledger.account(run_id, late_after_s=late_after_s)
    closed = findings.mailboxes_read
    named = {kind: tuple(lines) for kind, lines in account.named.items()}
    if "missing" in named:
        named["lost" if closed else "in_flight"] = named.pop("missing")
    return Ledger(
        attempted=books.attempted,
        sent=account.sent,
        accepted=books.done_count,
        refused=books.refused,
        deferred=books.deferred,
        failed=books.failed,
        prevented=books.prevented,
        abandoned=books.in_flight,
        unknown=account.unknown,
        closed=closed,
        expected=account.expected,
        delivered=account.delivered,
        backlog=findings.backlog,
        lost=account.missing if closed else 0,
        in_flight=0 if closed else account.missing,
        in_doubt=account.in_doubt,
        doubled=account.doubled,
        damaged=account.damaged,
        late=account.late,
        reordered=account.reordered,
        refused_but_delivered=account.refused_but_delivered,
        unknown_but_delivered=account.unknown_but_delivered,
        foreign=account.foreign,
        named=named,
    )


def _with_arrivals(
    plan: LoadPlan, findings: Findings, timeline: tuple[Interval, ...], *, duration_s: float
) -> tuple[Interval, ...]:
    """The timeline with how many arrivals the schedule had in each interval, and how many of these were dropped."""
    if not plan.arrivals or findings.tally is None or not timeline:
        return timeline
    length_s = timeline[0].length_s
    begun = parse_schedule(plan.arrivals).after(plan.warm_up_s).starts(seed=plan.seed)
    starts = takewhile(lambda at_s: at_s < duration_s, (at_s - plan.warm_up_s for at_s in begun))
    offered = Counter(int(at_s) // length_s * length_s for at_s in starts if at_s >= 0)
    dropped: Counter[int] = Counter()
    for second, number in findings.tally.dropped_at.items():
        # What was due in the warm-up and waited on was dropped after it.
        dropped[max(int(second - plan.warm_up_s), 0) // length_s * length_s] += number
    return tuple(
        msgspec.structs.replace(interval, offered=offered[interval.at_s], dropped=dropped[interval.at_s])
        for interval in timeline
    )


def _series(findings: Findings) -> tuple[SizePoint, ...]:
    points = []
    for (size, phase), histogram in sorted(findings.by_size.items()):
        p50, p99 = histogram.percentiles_us((50, 99))
        points.append(SizePoint(mailbox_messages=size, phase=phase, count=histogram.count, p50_us=p50, p99_us=p99))
    return tuple(points)


def _saturated(processes: tuple[Process, ...], findings: Findings) -> str:
    """Why the generator may be what limited the run; empty if it did not."""
    reasons = [limits_met(findings.books.by_kind)]
    if findings.tally is not None:
        reasons.append(findings.tally.saturated())
    if not any(reasons):
        reasons += [f"{p.name} used {p.share:.0%} of one core" for p in processes if p.share >= SATURATED][:1]
    return "; ".join(filter(None, reasons))


def tool_version() -> str:
    """The installed version of mailspec."""
    try:
        return version("mailspec")
    except PackageNotFoundError:
        return "unknown"
