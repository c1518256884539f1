"""The words that the renderers of a load run share: its headline, its remarks, its figures."""

from __future__ import annotations

from dataclasses import dataclass

from reports.load import SATURATED, LoadExit, LoadResult, load_exit
from reports.wording import count


@dataclass(frozen=True, slots=True)
class LoadHeadline:
    """The verdict on a run: the few words printed big, and a sentence on what they rest on."""

    grade: LoadExit
    words: str
    detail: str


def headline(result: LoadResult) -> LoadHeadline:
    """The verdict on a run in words."""
    grade = load_exit(result)
    ledger = result.summary.ledger
    broken = [threshold for threshold in result.thresholds if threshold.broken]
    if grade is LoadExit.NO_VERDICT:
        detail = f"None of {count(ledger.attempted, 'message')} was accepted, so nothing was measured."
        return LoadHeadline(grade, "No verdict", detail)
    if grade is LoadExit.BROKEN:
        detail = "; ".join(f"{threshold.fail_if} ({threshold.value})" for threshold in broken) + "."
        return LoadHeadline(grade, f"{count(len(broken), 'threshold')} broken", detail)
    detail = f"{count(ledger.accepted, 'message')} accepted, {result.summary.messages_per_s:,.1f} per second."
    return LoadHeadline(grade, "Within thresholds", detail)


def remarks(result: LoadResult) -> list[str]:
    """What a reader has to know before trusting the figures."""
    found = []
    if result.generator_share >= SATURATED:
        found.append(
            f"mailspec itself used {result.generator_share:.0%} of one core: the rate may be its limit, and the "
            "latencies include waiting for it."
        )
    if result.interrupted:
        found.append("The run was ended before its time.")
    if result.summary.ledger.deferred:
        found.append(
            f"{count(result.summary.ledger.deferred, 'message')} refused for now (4yz); that is no failure, the users "
            "backed off."
        )
    return found


def milliseconds(latency_us: int) -> str:
    """`0.123`, `12.3`, `1,234`: three digits, as many as were measured."""
    value = latency_us / 1000
    places = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{places}f}"
