"""The words that the renderers of a load run share: its headline, its remarks, the lines of its books, its figures."""

from __future__ import annotations

from dataclasses import dataclass

from reports.load import (
    SATURATED,
    Capacity,
    JudgedDeviation,
    Latency,
    Ledger,
    LoadExit,
    LoadResult,
    Step,
    Threshold,
    load_exit,
)
from reports.load_drift import Drift, Trend
from reports.wording import count, duration


@dataclass(frozen=True, slots=True)
class LoadHeadline:
    """The verdict on a run: the few words printed big, and a sentence on what they rest on."""

    grade: LoadExit
    words: str
    detail: str


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of the books. `bad` where the number tells of a server that did not keep what it promised."""

    name: str
    number: int
    meaning: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the few figures that stand at the top: what it is of, the figure, and what it rests on."""

    name: str
    figure: str
    note: str
    bad: bool = False


def headline(result: LoadResult) -> LoadHeadline:
    """The verdict on a run in words."""
    grade = load_exit(result)
    ledger = result.summary.ledger
    broken = [threshold for threshold in result.thresholds if threshold.broken]
    said = "; ".join(f"{threshold.fail_if} ({threshold.value})" for threshold in broken)
    if grade is LoadExit.BROKEN and broken:
        return LoadHeadline(grade, f"{count(len(broken), 'threshold')} broken", f"{said}.")
    if result.capacity is not None:
        return _capacity_headline(grade, result.capacity, result.operations)
    if grade is LoadExit.NO_VERDICT and ledger.accepted == 0:
        outcome = "was accepted" if result.operations == "messages" else "went well"
        detail = f"None of {ledger.attempted:,} {result.operations} {outcome}, so nothing was measured."
        return LoadHeadline(grade, "No verdict", detail)
    if grade is LoadExit.NO_VERDICT:
        detail = f"The generator was the limit: {result.generator_saturated}."
        if broken:
            detail += f" A server may well keep what was broken here: {said}."
        return LoadHeadline(grade, "No verdict on the server", detail)
    detail = f"{ledger.accepted:,} {result.operations} {_went_well(result)}, {_rate(result)} per second"
    if ledger.closed and ledger.expected:
        every = "the one delivery" if ledger.expected == 1 else f"all {ledger.expected:,} deliveries"
        detail += f"; {every} found, {_flawless(ledger)}"
    elif ledger.sent and not ledger.read:
        detail += "; no mailbox was read, so nothing tells whether the mail arrived"
    if result.generator_saturated:
        detail += f". The generator was the limit ({result.generator_saturated}): a server may be faster"
    return LoadHeadline(grade, "Within thresholds", f"{detail}.")


def _capacity_headline(grade: LoadExit, capacity: Capacity, operations: str) -> LoadHeadline:
    if grade is LoadExit.BROKEN:
        words = f"{operations.capitalize()} went wrong"
    elif capacity.knee_per_s is None:
        words = "No knee found"
    else:
        words = f"Up to {capacity.knee_per_s:,g} {operations} per second"
    verdict = sentence(capacity.verdict)
    if verdict.lower().startswith(f"{words.lower()}: "):
        verdict = sentence(verdict[len(words) + 2 :])
    return LoadHeadline(grade, words, verdict)


def remarks(result: LoadResult) -> list[str]:
    """What a reader has to know before trusting the figures."""
    found = []
    ledger = result.summary.ledger
    if result.generator_saturated:
        found.append(
            f"The generator was the limit ({result.generator_saturated}): rates are lower bounds of what the server "
            "carries, latencies upper bounds."
            if result.load_model == "closed"
            else f"The generator did not keep its schedule ({result.generator_saturated}): this was not the load that "
            "was asked for, and only what became of the messages tells something about the server."
        )
    elif result.generator_share >= SATURATED:
        found.append(
            f"mailspec itself used {result.generator_share:.0%} of one core: the rate may be its limit, and the "
            "latencies include waiting for it."
        )
    if result.interrupted:
        found.append("The run was ended before its time.")
    if result.warm_up is not None:
        warm_up = result.warm_up
        found.append(
            f"{duration(warm_up.length_s)} of warm-up came before and are in no figure but those of the mailboxes: "
            f"{warm_up.accepted:,} {result.operations} {_went_well(result)}, {warm_up.refused:,} refused, "
            f"{warm_up.failed:,} failed."
        )
    if result.left_out:
        found.append(
            f"{count(result.left_out, 'message')} of the folder stayed at home, as 8BITMIME (RFC 6152) is not offered."
        )
    if ledger.deferred:
        found.append(
            f"{count(ledger.deferred, _one(result.operations), result.operations)} refused for now; that is no "
            "failure, the users backed off."
        )
    if ledger.read and not ledger.closed:
        found.append(
            f"The mailboxes were not read to the end: {ledger.in_flight:,} of {ledger.expected:,} deliveries were not "
            "yet found, and nobody knows whether they are lost."
        )
    if ledger.reordered:
        found.append(
            f"{count(ledger.reordered, 'delivery', 'deliveries')} came after a later message of the same sender; no "
            "RFC promises an order."
        )
    if result.arrivals is not None and result.arrivals.dropped:
        found.append(
            f"{result.arrivals.dropped:,} of {result.arrivals.offered:,} arrivals were dropped, as nobody was free to "
            "begin them: they are in no latency."
        )
    found += _beside_slow_clients(result)
    if result.summary.drift is not None and result.capacity is None:
        found.append(drift_words(result.summary.drift))
    if result.judge is not None:
        found += [first_deviation(result, deviation) for deviation in result.judge.deviations[:1]]
    return found


def _beside_slow_clients(result: LoadResult) -> list[str]:
    """Whether normal users were still served when slow clients came, and what became of those."""
    phases = result.summary.latency_us
    alone, beside, dropped, kept = (phases.get(phase) for phase in ("alone", "normal", "dropped", "kept"))
    found = []
    if alone is not None:
        before = f"A visit of a normal user took {_typically(alone)} before the slow clients came"
        found.append(
            f"{before}, and {_typically(beside)} beside them."
            if beside is not None
            else f"{before}; beside them none was served."
        )
    if dropped is not None or kept is not None:
        let_go = (
            f"{dropped.count:,}, the oldest after {duration(dropped.max / 1e6)}," if dropped is not None else "none"
        )
        borne = f"{kept.count:,}, the oldest for {duration(kept.max / 1e6)}" if kept is not None else "none"
        found.append(
            f"Of the slow clients' sessions the server dropped {let_go} and still kept {borne} when the run ended."
        )
    return found


def _typically(latency: Latency) -> str:
    return f"{milliseconds(latency.p50)} ms (p50; p99 {milliseconds(latency.p99)} ms)"


def drift_words(drift: Drift) -> str:
    """`Drift from the first 12 s (1 s after the start) to the last: p50 rose from 1.00 to 2.50 ms (2.5 times), …`."""
    first, last = drift.first, drift.last
    shares = (f"{100 * first.trouble_share:.2g}", f"{100 * last.trouble_share:.2g}")
    said = [
        _trend_words("p50", drift.p50, milliseconds(first.p50_us), milliseconds(last.p50_us), "ms"),
        _trend_words("p99", drift.p99, milliseconds(first.p99_us), milliseconds(last.p99_us), "ms"),
        _trend_words("errors", drift.errors, *shares, "%"),
    ]
    if drift.factor is not None and drift.p50 in ("rose", "fell"):
        said[0] += f" ({drift.factor:.2g} times)"
    there = "Drift" if drift.is_there else "No drift"
    return (
        f"{there} between {first.at_s:,} s to {first.at_s + first.length_s:,} s and {last.at_s:,} s to "
        f"{last.at_s + last.length_s:,} s: {', '.join(said)}."
    )


def _trend_words(name: str, trend: Trend, before: str, after: str, unit: str) -> str:
    if trend in ("rose", "fell"):
        return f"{name} {trend} from {before} to {after} {unit}"
    if trend == "unknown":
        return f"{name} not known"
    return f"{name} within chance ({before} and {after} {unit})"


def first_deviation(result: LoadResult, deviation: JudgedDeviation) -> str:
    """`First deviation at 850 messages a second (…)`."""
    return (
        f"First deviation at {deviation.rate_per_s:,.0f} {result.operations} a second, "
        f"{duration(deviation.first_at_s)} after the start: {deviation.kind}."
    )


def outcome_lines(result: LoadResult) -> list[LedgerLine]:
    """What became of the operations; they add up."""
    ledger = result.summary.ledger
    mail = result.operations == "messages"
    for_now = f", {ledger.deferred:,} of them for now" if ledger.deferred else ""
    prevented = (
        f"; {ledger.prevented:,} of them by the limits of the machine that made the load" if ledger.prevented else ""
    )
    return [
        LedgerLine(
            "accepted" if mail else "done", ledger.accepted, "the final reply was 250" if mail else "it went well"
        ),
        LedgerLine("refused", ledger.refused, f"a reply that says no{for_now}"),
        LedgerLine("failed", ledger.failed, f"no connection, no reply, or one that no client understands{prevented}"),
        LedgerLine("abandoned", ledger.abandoned, "under way when the run ended"),
        LedgerLine("attempted", ledger.attempted, "all of these"),
        *(
            [
                LedgerLine(
                    "in doubt",
                    ledger.unknown,
                    "sent whole without a reply: nobody knows whether the server holds them",
                )
            ]
            if ledger.unknown or mail
            else []
        ),
    ]


def delivery_lines(ledger: Ledger) -> list[LedgerLine]:
    """What became of accepted messages in the mailboxes; none where no mailbox was read."""
    if not ledger.read:
        return []
    lines = [
        LedgerLine("expected", ledger.expected, "accepted messages, once for each mailbox that was read"),
        LedgerLine("delivered", ledger.delivered, "found in the mailbox"),
        LedgerLine("lost", ledger.lost, "accepted, and in no mailbox when it had been read to the end", bad=True),
        LedgerLine("not yet found", ledger.in_flight, "accepted, and reading ended before they came"),
        LedgerLine("recipients in doubt", ledger.in_doubt, "no reply for them, though the message had one for others"),
        LedgerLine("backlog", ledger.backlog, "of the expected, had not come when the load ended: queued, or lost"),
        LedgerLine("doubled", ledger.doubled, "found more than once", bad=True),
        LedgerLine("damaged", ledger.damaged, "found with another body or header than was handed in", bad=True),
        LedgerLine("refused, delivered", ledger.refused_but_delivered, "turned away, and there all the same", bad=True),
        LedgerLine("in doubt, delivered", ledger.unknown_but_delivered, "without a reply, and there: no loss"),
        LedgerLine("late", ledger.late, "found later than allowed, while somebody was watching"),
        LedgerLine("reordered", ledger.reordered, "after a later one of the same sender; no RFC forbids it"),
        LedgerLine("foreign", ledger.foreign, "messages that this run did not make"),
    ]
    always = {"expected", "delivered", "lost", "doubled", "damaged"}
    return [line for line in lines if line.number or line.name in always]


def tiles(result: LoadResult) -> list[Tile]:
    """The figures that a reader looks for first."""
    summary, ledger = result.summary, result.summary.ledger
    note = result.operations
    if result.duration_s and summary.octets:
        note += f"; {volume(summary.octets / result.duration_s)} per second"
    found = [Tile("Rate", f"{_rate(result)}/s", note)]
    if result.arrivals is not None and result.duration_s:
        offered = result.arrivals.offered / result.duration_s
        dropped = f"{result.arrivals.dropped:,} dropped" if result.arrivals.dropped else "none dropped"
        found.append(Tile("Offered", f"{figure(offered)}/s", f"{result.arrivals.schedule}; {dropped}"))
    latency = summary.latency_us.get(result.headline)
    if latency is not None:
        note = f"{result.headline}; p50 {milliseconds(latency.p50)} ms, max {milliseconds(latency.max)} ms"
        found.append(Tile("p99", f"{milliseconds(latency.p99)} ms", note))
    share = f"{100 * ledger.failures / ledger.attempted:.3g} %" if ledger.attempted else "0 %"
    note = f"of {ledger.attempted:,} {result.operations} failed or were refused"
    broken = {threshold.fail_if.partition(" ")[0] for threshold in result.thresholds if threshold.broken}
    found.append(Tile("Failures", share, note, bad=bool(broken & {"failures", "failed", "refused", "deferred"})))
    if result.capacity is not None:
        knee = result.capacity.knee_per_s
        found.insert(0, Tile("Knee", f"{figure(knee)}/s" if knee else "none", result.capacity.objective))
    if ledger.sent or ledger.read:
        found.append(_mail_tile(ledger))
    return found


def _mail_tile(ledger: Ledger) -> Tile:
    if not ledger.read:
        return Tile("Mail", "unknown", "no mailbox was read, so nothing tells whether what was accepted arrived")
    if ledger.broken_promises:
        kinds = (
            (ledger.lost, "lost"),
            (ledger.doubled, "doubled"),
            (ledger.damaged, "damaged"),
            (ledger.refused_but_delivered, "refused and delivered"),
        )
        note = ", ".join(f"{number:,} {kind}" for number, kind in kinds if number)
        return Tile("Mail", f"{ledger.broken_promises:,} bad", note, bad=True)
    return Tile("Mail", f"{ledger.delivered:,}", f"of {ledger.expected:,} delivered; {_flawless(ledger)}")


def milliseconds(latency_us: float) -> str:
    """`0.123`, `12.3`, `1,234`: three digits, as many as were measured."""
    value = latency_us / 1000
    # By what it is rounded to: 99.96 has three digits as 100.
    places = 3 if value < 0.9995 else 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{places}f}"


def volume(octets: float) -> str:
    """`17.2 MB`, `420 kB`: octets in the unit that shows them."""
    value, unit = (octets / 1e6, "MB") if octets >= 999_500 else (octets / 1e3, "kB")
    return f"{value:,.{0 if value >= 99.95 else 1}f} {unit}"


def sentence(words: str) -> str:
    """The words with a capital first and a full stop last."""
    clean = words.strip().rstrip(".")
    return f"{clean[:1].upper()}{clean[1:]}." if clean else ""


def threshold_sign(threshold: Threshold) -> str:
    """A shape for what became of a threshold; `–` where nothing was measured that it could be held against."""
    return "✗" if threshold.broken else "✓" if threshold.known else "–"


def step_sign(step: Step) -> str:
    """A shape for what became of a step of a search; `?` where the generator was what could not keep up."""
    return "✓" if step.met else "?" if step.no_verdict else "✗"


def figure(value: float) -> str:
    """A rate with as many digits as mean something."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _rate(result: LoadResult) -> str:
    return figure(result.summary.operations_per_s)


def _went_well(result: LoadResult) -> str:
    return "accepted" if result.operations == "messages" else "went well"


def _flawless(ledger: Ledger) -> str:
    return "none lost, doubled or damaged" if ledger.closed else "none doubled or damaged so far"


def _one(plural: str) -> str:
    return plural.removesuffix("s")
