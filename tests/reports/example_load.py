"""A load run with something of everything, and words of a server that nobody should trust."""

from __future__ import annotations

import base64
import math
from collections import Counter
from functools import cache
from typing import Any

import msgspec
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from reports.load import (
    Arrivals,
    Capacity,
    Interval,
    JudgedDeviation,
    Judgement,
    Latency,
    Ledger,
    LoadResult,
    Process,
    SizePoint,
    Step,
    Summary,
    Threshold,
)

HOSTILE = "550 <script>alert(1)</script>\x1b[2J"

LEDGER = Ledger(attempted=110, sent=102, accepted=100, refused=4, deferred=1, failed=5, abandoned=1, unknown=2)

SUMMARY = Summary(
    messages_per_s=28.571,
    operations_per_s=28.571,
    messages=100,
    accepted=100,
    refused=4,
    octets=409_600,
    errors_by_reply_code={"451": 1, "550": 3},
    errors_by_kind={"final_dot: closed": 5, "quit: timeout": 1},
    reply_texts={"451": "451 later", "550": HOSTILE},
    latency_us={
        "mail": Latency(count=104, min=300, mean=850.0, p50=812, p90=1200, p95=2000, p99=5003, p999=9000, max=9001),
        "submit": Latency(
            count=100,
            min=9_000,
            mean=14_000.0,
            p50=12_345,
            p90=20_000,
            p95=30_000,
            p99=1_234_567,
            p999=1_300_000,
            max=1_300_001,
        ),
    },
    ledger=LEDGER,
)

THRESHOLDS = (
    Threshold(fail_if="p99(submit) > 200ms", value="1,234.567 ms", broken=True),
    Threshold(fail_if="failures > 50%", value="7.27 %", broken=False, about="integrity"),
)

TIMELINE = (
    Interval(at_s=0, done=50, octets=204_800, p50_us=10_000, p90_us=15_000, p99_us=20_000, max_us=30_000),
    Interval(at_s=1, done=0, refused=4, failed=5),
    Interval(at_s=2, done=40, octets=163_840, p50_us=12_000, p90_us=100_000, p99_us=900_000, max_us=1_300_001),
    Interval(at_s=3, done=10, octets=40_960, p50_us=9_000, p90_us=10_000, p99_us=11_000, max_us=12_000),
)


def example_load(**changes: object) -> LoadResult:
    """The run, with some of its fields replaced."""
    result = LoadResult(
        tool_version="1.2.3",
        scenario="submit",
        target="smtp://127.0.0.1:2525",
        started_at="2026-07-01T12:00:00+00:00",
        duration_s=3.5,
        interrupted=False,
        users=20,
        seed=7,
        run_id="0123abcd",
        generator_cpu_s=1.4,
        parameters={
            "load_model": "closed",
            "message_size_octets": 4096,
            "pipelining": True,
            "recipients": ("alice@example.test", "bob@example.test"),
            "accounts": (),
            "run_time_s": 3.5,
        },
        summary=SUMMARY,
        thresholds=THRESHOLDS,
        timeline=TIMELINE,
    )
    return msgspec.structs.replace(result, **changes)


def clean_load() -> LoadResult:
    """A run without a fault."""
    ledger = Ledger(attempted=10, sent=10, accepted=10, refused=0, deferred=0, failed=0, abandoned=0, unknown=0)
    summary = msgspec.structs.replace(
        SUMMARY,
        accepted=10,
        refused=0,
        errors_by_reply_code={},
        errors_by_kind={},
        reply_texts={},
        ledger=ledger,
    )
    return example_load(
        summary=summary,
        thresholds=THRESHOLDS[1:],
        timeline=(Interval(at_s=0, done=10),),
        duration_s=0.9,
        generator_cpu_s=0.3,
    )


def empty_load() -> LoadResult:
    """A run in which nothing was accepted."""
    ledger = Ledger(attempted=3, sent=0, accepted=0, refused=0, deferred=0, failed=3, abandoned=0, unknown=0)
    summary = Summary(
        messages_per_s=0.0,
        accepted=0,
        refused=0,
        octets=0,
        errors_by_reply_code={},
        errors_by_kind={"connect: connection refused": 3},
        reply_texts={},
        latency_us={},
        ledger=ledger,
    )
    return example_load(summary=summary, thresholds=(), timeline=())


def latency_of(samples_us: list[int]) -> tuple[Latency, str]:
    """The figures of these samples, and their histogram as a record holds it."""
    histogram: Any = HdrHistogram(1, 600_000_000, 3)
    for sample in samples_us:
        histogram.record_value(sample)
    ordered = sorted(samples_us)

    def at(percentile: float) -> int:
        return min(int(histogram.get_value_at_percentile(percentile)), ordered[-1])

    latency = Latency(
        count=len(ordered),
        min=ordered[0],
        mean=round(sum(ordered) / len(ordered), 1),
        p50=at(50), p90=at(90), p95=at(95), p99=at(99), p999=at(99.9), max=ordered[-1],
    )  # fmt: skip
    return latency, histogram.encode().decode("ascii")


def row_of(latency_us: int) -> int:
    """The lower bound of the row of the heat map that holds this latency."""
    octave = latency_us.bit_length() - 1
    return (1 << octave) + ((((latency_us << 2) >> octave) - 4 << octave) >> 2)


def samples(middle_us: int, number: int, *, seed: int, spread: float = 0.35) -> list[int]:
    """Latencies as servers have them: many around the middle, a few of them much longer. The same for the same seed."""
    found = []
    for index in range(number):
        # The golden ratio spreads points evenly without a generator of random numbers.
        place = (index * 0.618033988749895 + seed * 0.137) % 1 or 0.5
        found.append(max(2, int(middle_us * (place / (1 - place)) ** spread)))
    return found


SECONDS = 90
STALL = range(40, 44)
"""When the server of the example stalls."""


@cache
def full_load() -> LoadResult:
    """An open run of a minute and a half with every section there is: a stall, refusals, lost mail, a deviation."""
    intervals, every_sample = [], []
    refused: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for at_s in range(SECONDS):
        offered = 500 if at_s < 45 else 850
        done = 60 if at_s in STALL else offered - (at_s % 7) * 6
        middle = 9_000 if at_s in STALL else 1_400 + int(300 * math.sin(at_s / 6)) + (1_600 if at_s >= 45 else 0)
        took = samples(middle * (20 if at_s in STALL else 1), done, seed=at_s)
        took += [] if at_s < 60 else samples(40_000, 40, seed=at_s, spread=0.1)
        errors = {"451": 5} if at_s % 9 == 4 else {}
        if at_s in STALL:
            errors = {"421": 20, "final_dot: timeout": 12}
        refused.update({code: number for code, number in errors.items() if code_like(code)})
        failed.update({kind: number for kind, number in errors.items() if not code_like(kind)})
        ordered = sorted(took)
        heat = Counter(map(row_of, took))
        intervals.append(
            Interval(
                at_s=at_s,
                done=len(took),
                messages=len(took),
                refused=sum(number for code, number in errors.items() if code_like(code)),
                failed=sum(number for code, number in errors.items() if not code_like(code)),
                offered=offered,
                dropped=0 if at_s not in STALL else 300,
                octets=4096 * len(took),
                users=min(50, 5 + at_s),
                p50_us=ordered[len(took) // 2],
                p90_us=ordered[len(took) * 9 // 10],
                p99_us=ordered[len(took) * 99 // 100],
                max_us=ordered[-1],
                errors=errors,
                heat={str(row): heat[row] for row in sorted(heat)},
            )
        )
        every_sample += took
    accepted, offered = len(every_sample), sum(part.offered for part in intervals)
    phases = {"submit": latency_of(every_sample)} | {
        phase: latency_of(samples(middle, 3_000, seed=number))
        for number, (phase, middle) in enumerate(
            {"connect": 90, "tls": 1_900, "auth": 700, "mail": 160, "rcpt": 240, "data": 130, "final_dot": 900}.items()
        )
    }
    dropped = sum(part.dropped for part in intervals)
    ledger = Ledger(
        attempted=accepted + refused.total() + failed.total() + 2,
        sent=accepted + failed.total(),
        accepted=accepted,
        refused=refused.total(),
        deferred=refused["451"],
        failed=failed.total(),
        abandoned=2,
        unknown=failed.total(),
        closed=True,
        expected=accepted,
        delivered=accepted - 3,
        lost=3,
        doubled=1,
        damaged=2,
        late=14,
        reordered=9,
        unknown_but_delivered=7,
        foreign=1,
        named={
            "lost": tuple(f"0123abcd.000.00004.{n:010} accepted at {40 + n}.2 s, expected once" for n in (1, 2, 3)),
            "doubled": ("0123abcd.000.00011.0000000077 uids 81 and 82 in alice@example.test",),
            "damaged": (f"0123abcd.000.00002.0000000012 {HOSTILE}", "0123abcd.000.00002.0000000019 digest differs"),
        },
    )
    summary = Summary(
        messages_per_s=round(accepted / SECONDS, 3),
        operations_per_s=round(accepted / SECONDS, 3),
        messages=accepted,
        accepted=accepted,
        refused=refused.total(),
        octets=4096 * accepted,
        errors_by_reply_code=dict(sorted(refused.items())),
        errors_by_kind=dict(failed),
        reply_texts={"421": "421 4.3.2 shutting down " + HOSTILE, "451": "451 4.7.1 greylisted"},
        latency_us={phase: latency for phase, (latency, _) in phases.items()},
        ledger=ledger,
    )
    steps = [
        Step(
            offered_per_s=float(rate),
            achieved_per_s=min(rate, 910 - rate / 50),
            p50_us=1_200 + rate,
            p99_us=int(3_000 + 9 * rate + (120 * (rate - 850) ** 1.35 if rate > 850 else 0)),
            failures=0 if rate <= 900 else rate // 90,
            dropped=0 if rate <= 1000 else rate // 5,
            met=rate <= 850,
            reason="" if rate <= 850 else "p99(submit) was too long" if rate <= 1000 else "arrivals were dropped",
        )
        for rate in (100, 200, 400, 800, 1600, 1200, 1000, 900, 850)
    ]
    return LoadResult(
        tool_version="1.2.3",
        scenario="submit",
        about="People's mail programs hand in messages of 4,096 octets, each waiting for the reply before the next.",
        target="smtp://127.0.0.1:2525, imap://127.0.0.1:1143",
        started_at="2026-07-01T12:00:00+00:00",
        duration_s=float(SECONDS) + 0.2,
        interrupted=False,
        load_model="open",
        headline="submit",
        operations="messages",
        users=50,
        seed=7,
        run_id="0123abcd",
        generator_cpu_s=88.0,
        parameters={"load_model": "open", "message_size_octets": 4096, "pipelining": True, "processes": 4},
        summary=summary,
        thresholds=(
            Threshold(fail_if="p99(submit) > 250ms", value="212.000 ms", broken=False),
            Threshold(fail_if="lost > 0", value="3", broken=True, about="integrity"),
            Threshold(fail_if="doubled > 0", value="1", broken=True, about="integrity"),
            Threshold(fail_if="damaged > 0", value="2", broken=True, about="integrity"),
        ),
        arrivals=Arrivals(
            schedule="steps: 500 per second, from 45 s on 850",
            offered=offered,
            started=offered - dropped - 5,
            dropped=dropped,
            waiting=5,
            lateness_us=latency_of(samples(300, 2_000, seed=3, spread=0.9))[0],
            generator_lateness_us=latency_of(samples(60, 2_000, seed=4))[0],
        ),
        judge=Judgement(
            share=0.01,
            replies=4 * accepted,
            sampled=accepted // 25,
            deviations=(
                JudgedDeviation(
                    kind="line ends in LF without CR", count=12, first_at_s=51.4, rate_per_s=850.0,
                    example=b64(b"250 ok\n"),
                ),
                JudgedDeviation(
                    kind="<a href='https://evil.example/'>code</a> differs", count=2, first_at_s=70.0, rate_per_s=840.0,
                    example=b64(HOSTILE.encode() + b"\r\n"),
                ),
            ),
        ),
        capacity=Capacity(
            objective="p99(submit) < 250ms",
            steps=tuple(steps),
            knee_per_s=850.0,
            verdict="The objective holds up to 850 messages per second; at 900 p99(submit) was too long.",
        ),
        series=tuple(
            SizePoint(
                mailbox_messages=size, phase=phase, count=40, p50_us=base + int(cost * size),
                p99_us=3 * (base + int(cost * size)),
            )
            for phase, base, cost in (("select", 300, 0.9), ("fetch", 500, 0.02), ("search", 400, 2.4))
            for size in (10, 100, 1_000, 10_000, 100_000)
        ),
        processes=tuple(
            Process(name=f"worker {n}", cpu_s=20.0 + n, share=round((20.0 + n) / SECONDS, 3)) for n in range(4)
        ),
        histograms={phase: blob for phase, (_, blob) in phases.items()},
        timeline=tuple(intervals),
    )  # fmt: skip


def code_like(name: str) -> bool:
    """Whether an error is named by its reply code."""
    return name.isdigit()


def b64(octets: bytes) -> str:
    """As records hold octets."""
    return base64.b64encode(octets).decode()


@cache
def faster_load() -> LoadResult:
    """A closed run of the same scenario on another day: faster, shorter, nothing lost."""
    before = full_load()
    timeline = tuple(
        msgspec.structs.replace(
            part, offered=0, dropped=0, refused=0, failed=0, errors={},
            p50_us=part.p50_us // 2, p90_us=part.p90_us // 2, p99_us=part.p99_us // 2, max_us=part.max_us // 2,
        )
        for part in before.timeline[:60]
    )  # fmt: skip
    accepted = sum(part.done for part in timeline)
    phases = {
        phase: latency_of(samples(middle, accepted if phase == "submit" else 3_000, seed=1))
        for phase, middle in {"submit": 900, "connect": 85, "mail": 120, "rcpt": 260, "final_dot": 600}.items()
    }
    ledger = Ledger(
        attempted=accepted, sent=accepted, accepted=accepted, refused=0, deferred=0, failed=0, abandoned=0, unknown=0,
        closed=True, expected=accepted, delivered=accepted,
    )  # fmt: skip
    summary = Summary(
        messages_per_s=round(accepted / 60, 3), operations_per_s=round(accepted / 60, 3), messages=accepted,
        accepted=accepted, refused=0, octets=4096 * accepted, errors_by_reply_code={}, errors_by_kind={},
        reply_texts={}, latency_us={phase: latency for phase, (latency, _) in phases.items()}, ledger=ledger,
    )  # fmt: skip
    return msgspec.structs.replace(
        before, started_at="2026-07-02T12:00:00+00:00", duration_s=60.0, load_model="closed", arrivals=None, judge=None,
        capacity=None, series=(), processes=(), generator_cpu_s=20.0, summary=summary, timeline=timeline, users=60,
        parameters=before.parameters | {"load_model": "closed", "processes": 1},
        thresholds=(Threshold(fail_if="lost > 0", value="0", broken=False, about="integrity"),),
        histograms={phase: blob for phase, (_, blob) in phases.items()},
    )  # fmt: skip
