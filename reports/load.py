"""What a load run measured: the records behind its JSON, and the exit status that they mean.

Latencies are microseconds on the monotonic clock, from the last octet of a command handed to the kernel to the last
octet of its reply; everything else is in seconds and octets. The load is closed (each user waits for the reply before
it goes on), so a latency tells how long a user waited, not how long one arriving on a fixed schedule would have.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

SCHEMA_VERSION = 1
"""Raised whenever a reader of the JSON written for the version before would misread the new one."""

Parameter = str | int | float | bool | tuple[str, ...]
"""One setting of a run; a unit, where there is one, stands in its name."""


class LoadExit(IntEnum):
    """Exit status of `mailspec load`."""

    WITHIN_THRESHOLDS = 0
    BROKEN = 1
    USAGE = 2
    NO_VERDICT = 3


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of one command or phase over the run, in microseconds.

    Percentiles come from a histogram of three significant digits and are the upper end of their bucket, never above
    `max`, which is exact.
    """

    count: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int

    def __post_init__(self) -> None:
        """Refuse percentiles that fall, and figures without a sample behind them."""
        if self.count < 1 or not 0 <= self.p50 <= self.p90 <= self.p99 <= self.p999 <= self.max:
            raise ValueError(f"percentiles out of order or without a sample: {self}")


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the messages: `attempted = accepted + refused + failed + abandoned`.

    Accepted means a final 250 (RFC 5321 §4.2.5, §6.1), refused a 4yz or 5yz reply anywhere on the way; `deferred` are
    those of them refused by 4yz. Failed: the server closed, fell silent or answered what no client understands, or
    could not be reached. Abandoned: the run ended first. `sent` counts texts handed over to their final dot, and
    `unknown` those of them that got no reply to it: nobody knows whether the server holds them.
    """

    attempted: int
    sent: int
    accepted: int
    refused: int
    deferred: int
    failed: int
    abandoned: int
    unknown: int

    def __post_init__(self) -> None:
        """Refuse books that do not balance."""
        if self.attempted != self.accepted + self.refused + self.failed + self.abandoned:
            raise ValueError(f"outcomes do not add up to the messages attempted: {self}")
        if self.deferred > self.refused or self.unknown > self.failed + self.abandoned or self.accepted > self.sent:
            raise ValueError(f"a part is greater than its whole: {self}")


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run.

    `errors_by_reply_code` counts refused messages by the reply code that ended them, `reply_texts` keeps the first
    such reply of each code (the server's words: untrusted). `errors_by_kind` counts what went wrong without a reply,
    as `phase: kind`; those of the phase `quit` cost no message. `latency_us` is by command or phase; `submit` is a
    whole message, from MAIL to the reply to its final dot. `octets` are those of accepted messages, as submitted.
    """

    messages_per_s: float
    accepted: int
    refused: int
    octets: int
    errors_by_reply_code: dict[str, int]
    errors_by_kind: dict[str, int]
    reply_texts: dict[str, str]
    latency_us: dict[str, Latency]
    ledger: Ledger

    def __post_init__(self) -> None:
        """Refuse figures that are not the ledger's."""
        if (self.accepted, self.refused) != (self.ledger.accepted, self.ledger.refused):
            raise ValueError("the summary and its ledger disagree on the messages accepted or refused")
        if sum(self.errors_by_reply_code.values()) != self.refused:
            raise ValueError("the reply codes do not add up to the messages refused")
        lost_on_the_way = sum(n for kind, n in self.errors_by_kind.items() if not kind.startswith("quit:"))
        if lost_on_the_way != self.ledger.failed:
            raise ValueError("the kinds of error do not add up to the messages failed")


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """One second of the run, from `at_s` on: outcomes that fell into it, and how long its accepted messages took.

    The percentiles are nearest-rank over every sample of the second; 0 where nothing was accepted.
    """

    at_s: int
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    octets: int = 0
    submit_p50_us: int = 0
    submit_p99_us: int = 0
    submit_max_us: int = 0


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One condition under which the run fails, and the value it was held against, as text with its unit."""

    fail_if: str
    value: str
    broken: bool


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole load run. `target` never has credentials; `parameters` name accounts, never passwords.

    `duration_s` reaches from the first user's start to the last user's end. `generator_cpu_s` is the processor time
    that mailspec itself used in it. `histograms` are HdrHistogram V2 blobs in base64, by command.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    scenario: str
    target: str
    started_at: str
    duration_s: float
    interrupted: bool
    users: int
    seed: int
    run_id: str
    generator_cpu_s: float
    parameters: dict[str, Parameter]
    summary: Summary
    thresholds: tuple[Threshold, ...] = ()
    histograms: dict[str, str] = {}
    timeline: tuple[Second, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a timeline that tells of other messages than the summary."""
        if self.timeline and sum(second.accepted for second in self.timeline) != self.summary.accepted:
            raise ValueError("the timeline and the summary disagree on the number of accepted messages")

    @property
    def generator_share(self) -> float:
        """How much of one core mailspec itself was using; near 1 the figures may be its limit, not the server's."""
        return self.generator_cpu_s / self.duration_s if self.duration_s else 0.0


SATURATED = 0.9
"""Share of a core from which on the generator may be what limits the rate; it runs on one core."""


def load_exit(result: LoadResult) -> LoadExit:
    """Grade a run. One in which nothing was accepted says nothing about the load a server carries."""
    if result.summary.accepted == 0:
        return LoadExit.NO_VERDICT
    return LoadExit.BROKEN if any(threshold.broken for threshold in result.thresholds) else LoadExit.WITHIN_THRESHOLDS


def encode_load(result: LoadResult) -> bytes:
    """The run as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def decode_load(data: bytes) -> LoadResult:
    """Read what `encode_load` wrote.

    Raises:
        ValueError: the data is not JSON of this schema, does not balance, or is of another schema version.
    """
    try:
        result = msgspec.json.decode(data, type=LoadResult)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a mailspec load run: {error}") from error
    if result.schema_version != SCHEMA_VERSION:
        raise ValueError(f"load run of schema {result.schema_version}; this mailspec reads {SCHEMA_VERSION}")
    return result
