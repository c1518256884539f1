"""A load run with something of everything, and words of a server that nobody should trust."""

from __future__ import annotations

import msgspec

from reports.load import Interval, Latency, Ledger, LoadResult, Summary, Threshold

HOSTILE = "550 <script>alert(1)</script>\x1b[2J"

LEDGER = Ledger(attempted=110, sent=102, accepted=100, refused=4, deferred=1, failed=5, abandoned=1, unknown=2)

SUMMARY = Summary(
    messages_per_s=28.571,
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
