"""A load run as plain text for a terminal or a log. No colour, no clock, no I/O."""

from __future__ import annotations

import textwrap

from reports.load import Capacity, LoadResult
from reports.load_wording import (
    LedgerLine,
    delivery_lines,
    figure,
    headline,
    milliseconds,
    outcome_lines,
    remarks,
    sentence,
    step_sign,
    threshold_sign,
    volume,
)
from reports.octets import printable, visible
from reports.terminal import columns
from reports.wording import count, duration

NAMED_LINES = 5
"""Messages of each kind that are named; the JSON has more."""

WIDTH = 100
"""Columns within which sentences are broken."""

_UNDER = " " * 8


def render_load_text(result: LoadResult) -> str:
    """The whole run, verdict last."""
    line = headline(result)
    blocks = [
        _heading(result),
        _rates(result),
        _latencies(result),
        _arrivals(result),
        _capacity(result.capacity),
        _sizes(result),
        _books(result),
        _errors(result),
        _judge(result),
        _processes(result),
        [
            f"{threshold_sign(threshold)} fail if {printable(threshold.fail_if)}: {printable(threshold.value)}"
            for threshold in result.thresholds
        ],
        [part for remark in remarks(result) for part in textwrap.wrap(printable(remark), WIDTH)],
        [line.words.upper(), *textwrap.wrap(printable(line.detail), WIDTH, break_long_words=False)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _heading(result: LoadResult) -> list[str]:
    interrupted = ", interrupted" if result.interrupted else ""
    return [
        f"mailspec {printable(result.tool_version)}: load {printable(result.scenario)} on {printable(result.target)}",
        f"{printable(result.started_at)}, {duration(result.duration_s)}, {count(result.users, 'user')}, "
        f"{result.load_model} load, seed {result.seed}{interrupted}",
    ]


def _rates(result: LoadResult) -> list[str]:
    summary = result.summary
    operations = printable(result.operations)
    lines = [f"{figure(summary.operations_per_s)} {operations}/s   {_counts(outcome_lines(result))}"]
    if result.operations != "messages" and summary.messages:
        lines.append(f"{figure(summary.messages_per_s)} messages/s, {summary.messages:,} in all")
    if result.duration_s and summary.octets:
        lines.append(f"{volume(summary.octets / result.duration_s)}/s of messages")
    return lines


def _counts(lines: list[LedgerLine]) -> str:
    counted = {line.name: line.number for line in lines}
    attempted = counted.pop("attempted")
    doubt = counted.pop("in doubt", 0)
    said = ", ".join(f"{number:,} {name}" for name, number in counted.items())
    in_doubt = f"; {doubt:,} in doubt: sent whole, and no reply" if doubt else ""
    return f"{attempted:,} attempted: {said}{in_doubt}"


def _latencies(result: LoadResult) -> list[str]:
    if not result.summary.latency_us:
        return []
    table = [["", "count", "p50", "p90", "p99", "p99.9", "max"], ["", "", *["ms"] * 5]]
    for phase, latency in result.summary.latency_us.items():
        figures = (latency.p50, latency.p90, latency.p99, latency.p999, latency.max)
        table.append([printable(phase), f"{latency.count:,}", *map(milliseconds, figures)])
    return columns(table)


def _arrivals(result: LoadResult) -> list[str]:
    arrivals = result.arrivals
    if arrivals is None:
        return []
    waiting = f", {arrivals.waiting:,} still waiting" if arrivals.waiting else ""
    lines = [
        f"Arrivals: {printable(arrivals.schedule)}",
        f"   {arrivals.offered:,} offered: {arrivals.started:,} started, {arrivals.dropped:,} dropped{waiting}",
    ]
    for name, late in (
        ("started", arrivals.lateness_us),
        ("the generator's own clock was", arrivals.generator_lateness_us),
    ):
        if late is not None:
            lines.append(
                f"   {name} late by {milliseconds(late.p50)} ms (p50), {milliseconds(late.p99)} ms (p99), "
                f"{milliseconds(late.max)} ms (max)"
            )
    return lines


def _capacity(capacity: Capacity | None) -> list[str]:
    if capacity is None:
        return []
    table = [["", "offered/s", "achieved/s", "p50 ms", "p99 ms", "failures", "dropped"]]
    for step in capacity.by_rate:
        table.append(
            [
                step_sign(step),
                figure(step.offered_per_s),
                figure(step.achieved_per_s),
                milliseconds(step.p50_us),
                milliseconds(step.p99_us),
                f"{step.failures:,}",
                f"{step.dropped:,}",
            ]
        )
    head, *rows = columns(table)
    lines = [f"Capacity: {printable(capacity.objective)}", f"   {head}"]
    for row, step in zip(rows, capacity.by_rate, strict=True):
        # The reasons are sentences: beside the figures they would not fit.
        lines += [
            f"   {row}",
            *textwrap.wrap(printable(step.reason), WIDTH, initial_indent=_UNDER, subsequent_indent=_UNDER),
        ]
    return [*lines, f"   {sentence(printable(capacity.verdict))}"]


def _sizes(result: LoadResult) -> list[str]:
    if not result.series:
        return []
    table = [["command", "messages", "count", "p50 ms", "p99 ms"]]
    for point in result.series:
        cells = (f"{point.mailbox_messages:,}", f"{point.count:,}", milliseconds(point.p50_us))
        table.append([printable(point.phase), *cells, milliseconds(point.p99_us)])
    return ["By size of the mailbox:", *(f"   {row}" for row in columns(table))]


def _books(result: LoadResult) -> list[str]:
    ledger = result.summary.ledger
    lines = delivery_lines(ledger)
    if not lines:
        return []
    table = [[f"{line.number:,}", f"{'✗ ' if line.bad and line.number else ''}{line.name}"] for line in lines]
    widest = max(len(row[0]) for row in table)
    said = [f"   {number.rjust(widest)}  {name}" for number, name in table]
    named = [
        f"   {kind.replace('_', ' ')}: {printable(message)}"
        for kind, messages in ledger.named.items()
        for message in messages[:NAMED_LINES]
    ]
    return [f"Mailboxes, read {'to the end' if ledger.closed else 'in part'}:", *said, *named]


def _errors(result: LoadResult) -> list[str]:
    summary = result.summary
    errors = [
        # A reply begins with its code.
        f"{number:,} × {printable(summary.reply_texts.get(code) or code)}"
        for code, number in summary.errors_by_reply_code.items()
    ]
    errors += [f"{number:,} × {printable(kind)}" for kind, number in summary.errors_by_kind.items()]
    return ["Errors:", *(f"   {error}" for error in errors)] if errors else []


def _judge(result: LoadResult) -> list[str]:
    judge = result.judge
    if judge is None:
        return []
    lines = [f"Judged: {judge.sampled:,} of {judge.replies:,} replies ({100 * judge.share:.3g} % asked for)"]
    if not judge.deviations:
        lines.append("   none deviates from its grammar")
    for deviation in judge.deviations:
        lines.append(
            f"   {deviation.count:,} × {printable(deviation.kind)}: first at {deviation.rate_per_s:,.0f} "
            f"{printable(result.operations)} a second, {duration(deviation.first_at_s)} after the start"
        )
        lines.append(f"      {visible(deviation.octets)}")
    return lines


def _processes(result: LoadResult) -> list[str]:
    if len(result.processes) < 2:
        return []
    table = [
        [printable(process.name), f"{process.cpu_s:,.1f} s", f"{process.share:.0%}"] for process in result.processes
    ]
    return ["Processor time, and that as a share of one core:", *(f"   {row}" for row in columns(table))]
