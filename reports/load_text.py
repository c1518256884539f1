"""A load run as plain text for a terminal or a log. No colour, no clock, no I/O."""

from __future__ import annotations

from reports.load import LoadResult
from reports.load_wording import headline, milliseconds, remarks
from reports.octets import printable
from reports.terminal import columns
from reports.wording import duration


def render_load_text(result: LoadResult) -> str:
    """The whole run, verdict last."""
    summary, ledger = result.summary, result.summary.ledger
    line = headline(result)
    blocks = [
        [
            f"mailspec {printable(result.tool_version)}: load {printable(result.scenario)} "
            f"on {printable(result.target)}",
            f"{printable(result.started_at)}, {duration(result.duration_s)}, {result.users:,} users, "
            f"seed {result.seed}{', interrupted' if result.interrupted else ''}",
        ],
        [
            f"{summary.messages_per_s:,.1f} messages/s   "
            f"{ledger.attempted:,} attempted: {ledger.accepted:,} accepted, {ledger.refused:,} refused, "
            f"{ledger.failed:,} failed, {ledger.abandoned:,} abandoned",
            *([f"{ledger.unknown:,} sent whole, and nobody knows whether they arrived"] if ledger.unknown else []),
        ],
    ]
    if summary.latency_us:
        table = [["", "count", "p50", "p90", "p99", "p99.9", "max"], ["", "", *["ms"] * 5]]
        for phase, latency in summary.latency_us.items():
            figures = (latency.p50, latency.p90, latency.p99, latency.p999, latency.max)
            table.append([printable(phase), f"{latency.count:,}", *map(milliseconds, figures)])
        blocks.append(columns(table))
    errors = [
        f"{count:,} × {printable(code)}: {printable(summary.reply_texts.get(code, ''))}"
        for code, count in summary.errors_by_reply_code.items()
    ]
    errors += [f"{count:,} × {printable(kind)}" for kind, count in summary.errors_by_kind.items()]
    blocks.append(["Errors:", *(f"   {error}" for error in errors)] if errors else [])
    blocks.append(
        [
            f"{'✗' if threshold.broken else '✓'} fail if {printable(threshold.fail_if)}: {printable(threshold.value)}"
            for threshold in result.thresholds
        ]
    )
    blocks.append(remarks(result))
    blocks.append([line.words.upper(), line.detail])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
