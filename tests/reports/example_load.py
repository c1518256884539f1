"""A load run with something of everything, and words of a server that nobody should trust."""

from __future__ import annotations

import msgspec

from reports.load import Latency, Ledger, LoadResult, Second, Summary, Threshold

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
        "mail": Latency(count=104, p50=812, p90=1200, p99=5003, p999=9000, max=9001),
        "submit": Latency(count=100, p50=12_345, p90=20_000, p99=1_234_567, p999=1_300_000, max=1_300_001),
    },
    ledger=LEDGER,
)

THRESHOLDS = (
    Threshold(fail_if="p99(submit) > 200ms", value="1,234.567 ms", broken=True),
    Threshold(fail_if="failures > 50%", value="7.27 %", broken=False),
)

TIMELINE = (
    Second(at_s=0, accepted=50, octets=204_800, submit_p50_us=10_000, submit_p99_us=20_000, submit_max_us=30_000),
    Second(at_s=1, accepted=0, refused=4, failed=5),
    Second(at_s=2, accepted=40, octets=163_840, submit_p50_us=12_000, submit_p99_us=900_000, submit_max_us=1_300_001),
    Second(at_s=3, accepted=10, octets=40_960, submit_p50_us=9_000, submit_p99_us=11_000, submit_max_us=12_000),
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
        timeline=(Second(at_s=0, accepted=10),),
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
