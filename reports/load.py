"""What a load run measured: the records behind its JSON, and the exit status that they mean.

Latencies are microseconds on the monotonic clock, from the last octet of a command handed to the kernel to the last
octet of its reply; everything else is in seconds and octets. In a closed run each user waits for the reply before it
goes on, so a latency tells how long a user waited. In an open run operations are due on a schedule, and the headline
latency counts from when they were due: a server that stalls is not let off by generators that wait for it.
"""

from __future__ import annotations

import base64
from enum import IntEnum
from itertools import pairwise
from typing import Literal

import msgspec

from reports.load_drift import Drift

SCHEMA_VERSION = 2
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
    `max`, which is exact as `min` is. `mean` is that of the histogram.
    """

    count: int
    min: int
    mean: float
    p50: int
    p90: int
    p95: int
    p99: int
    p999: int
    max: int

    def __post_init__(self) -> None:
        """Refuse percentiles that fall, and figures without a sample behind them."""
        ordered = (0, self.min, self.p50, self.p90, self.p95, self.p99, self.p999, self.max)
        if self.count < 1 or list(ordered) != sorted(ordered):
            raise ValueError(f"percentiles out of order or without a sample: {self}")


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the operations, and of each message.

    Operations: `attempted = accepted + refused + failed + abandoned`. Where an operation is a message handed in,
    accepted means a final 250 (RFC 5321 §4.2.5, §6.1), refused a 4yz or 5yz reply anywhere on the way; `deferred` are
    those of them refused for now. Failed: the server closed, fell silent or answered what no client understands, or
    could not be reached; `prevented` are those of them that never got to the server, as the machine that made the load
    had no port, open file or memory left for a connection. Abandoned: the run ended first.

    Messages: `sent` counts texts handed over to their final dot, and `unknown` those of them that got no reply to it:
    nobody knows whether the server holds them. `expected` counts deliveries: accepted messages times recipients whose
    mailboxes were read. Each was `delivered` or `lost`, if the mailboxes were read to the end (`closed`); `in_flight`
    are those not yet found when reading ended before that. `backlog` counts those that had not come when the load
    ended: they waited in the server's queue, and came later or did not. A delivered one may besides be `doubled` (found
    more than once), `damaged` (its body, or a header field that it was handed in with, is another), `late` or
    `reordered` (after a later one of the same sender in the same mailbox; no RFC forbids that). `in_doubt` are
    deliveries that no reply was about, though the message had one (LMTP has a reply for each recipient, RFC 2033 §4.2):
    they are not expected, and may come. `refused_but_delivered` were turned away and are there all the same,
    `unknown_but_delivered` had no reply. `foreign` are messages that this run did not make. `named` has some of each.
    """

    attempted: int
    sent: int
    accepted: int
    refused: int
    deferred: int
    failed: int
    prevented: int = 0
    abandoned: int
    unknown: int
    closed: bool = False
    expected: int = 0
    delivered: int = 0
    lost: int = 0
    in_flight: int = 0
    in_doubt: int = 0
    backlog: int = 0
    doubled: int = 0
    damaged: int = 0
    late: int = 0
    reordered: int = 0
    refused_but_delivered: int = 0
    unknown_but_delivered: int = 0
    foreign: int = 0
    named: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        """Refuse books that do not balance."""
        if self.attempted != self.accepted + self.refused + self.failed + self.abandoned:
            raise ValueError(f"outcomes do not add up to the operations attempted: {self}")
        if self.expected != self.delivered + self.lost + self.in_flight:
            raise ValueError(f"deliveries do not add up to those expected: {self}")
        if self.deferred > self.refused or self.prevented > self.failed or self.unknown > self.sent:
            raise ValueError(f"a part is greater than its whole: {self}")
        if self.backlog > self.expected:
            raise ValueError(f"more deliveries are waited for than are expected: {self}")
        if self.lost and not self.closed:
            raise ValueError(f"nothing is lost before the mailboxes were read to the end: {self}")

    @property
    def failures(self) -> int:
        """Operations that came to nothing by the server's doing and for good."""
        return self.failed - self.prevented + self.refused - self.deferred

    @property
    def read(self) -> bool:
        """Whether mailboxes were looked into at all, so that the second half of the books says something."""
        return bool(self.closed or self.expected or self.foreign)

    @property
    def broken_promises(self) -> int:
        """Messages that a server answers for: lost, doubled, damaged, or delivered after it had refused them."""
        return self.lost + self.doubled + self.damaged + self.refused_but_delivered


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run.

    `operations_per_s` counts operations that went well, `messages_per_s` the messages that they carried.
    `errors_by_reply_code` counts refused operations by the reply code that ended them, `reply_texts` keeps the first
    such reply of each code (the server's words: untrusted). `errors_by_kind` counts what went wrong without a reply, as
    `phase: kind`; those of the phases `quit` and `logout` cost no operation. `latency_us` is by command or phase.
    `octets` are those of messages carried, as submitted. `drift` is None where the run was too short to tell of it, or
    was not to be steady.
    """

    messages_per_s: float
    operations_per_s: float = 0.0
    messages: int = 0
    accepted: int
    refused: int
    octets: int
    errors_by_reply_code: dict[str, int]
    errors_by_kind: dict[str, int]
    reply_texts: dict[str, str]
    latency_us: dict[str, Latency]
    ledger: Ledger
    drift: Drift | None = None

    def __post_init__(self) -> None:
        """Refuse figures that are not the ledger's."""
        if (self.accepted, self.refused) != (self.ledger.accepted, self.ledger.refused):
            raise ValueError("the summary and its ledger disagree on the operations accepted or refused")
        if sum(self.errors_by_reply_code.values()) != self.refused:
            raise ValueError("the reply codes do not add up to the operations refused")
        if sum(self.errors_by_kind.values()) < self.ledger.failed:
            raise ValueError("the kinds of error do not add up to the operations failed")


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the run, `length_s` seconds from `at_s` on: outcomes that fell into it, and the headline's latency.

    The percentiles are nearest-rank over every sample, to three digits; 0 where nothing went well. `heat` counts the
    same samples in rows, four for each doubling, by the row's lower bound in microseconds (from 4 on: 4, 5, 6, 7, 8,
    10, …). `errors` are by reply code or kind. In an open run, `offered` counts the arrivals that were due in it, and
    `dropped` those of them that nobody was free to begin.
    """

    at_s: int
    length_s: int = 1
    done: int = 0
    messages: int = 0
    refused: int = 0
    failed: int = 0
    offered: int = 0
    dropped: int = 0
    octets: int = 0
    users: int = 0
    p50_us: int = 0
    p90_us: int = 0
    p99_us: int = 0
    max_us: int = 0
    errors: dict[str, int] = {}
    heat: dict[str, int] = {}

    def __post_init__(self) -> None:
        """Refuse an interval without length, percentiles that fall, and rows of the heat map that have no bound."""
        if self.length_s < 1:
            raise ValueError(f"an interval without length: {self}")
        if not 0 <= self.p50_us <= self.p90_us <= self.p99_us <= self.max_us:
            raise ValueError(f"percentiles out of order: {self}")
        if not all(row.isascii() and row.isdigit() for row in self.heat):
            raise ValueError(f"a row of the heat map is named by its lower bound in microseconds: {self}")


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One condition under which the run fails, and the value it was held against, as text with its unit.

    `about` is what it is about: `latency`, `rate`, or `integrity` for outcomes of operations and messages. Where the
    load generator could not keep up, only one on integrity tells something about the server. `known` is False where
    nothing was measured that it could be held against, as that of lost messages where no mailbox was read.
    """

    fail_if: str
    value: str
    broken: bool
    known: bool = True
    about: Literal["latency", "rate", "integrity"] = "latency"


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """How an open run kept its schedule: `offered = started + dropped + waiting`.

    `lateness_us` is how long after its time each operation began, most of which is the server's doing when all users
    wait for it; `generator_lateness_us` how late the schedule's own clock woke, which is mailspec's or the machine's
    alone.
    """

    schedule: str
    offered: int
    started: int
    dropped: int
    waiting: int = 0
    lateness_us: Latency | None = None
    generator_lateness_us: Latency | None = None

    def __post_init__(self) -> None:
        """Refuse arrivals that do not add up."""
        if self.offered != self.started + self.dropped + self.waiting:
            raise ValueError(f"arrivals do not add up: {self}")


class JudgedDeviation(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of deviation from the grammar among the sampled replies: when it first showed, and at which rate.

    `rate_per_s` is that of operations at the time. `example` is the first such reply, or its beginning, in base64.
    """

    kind: str
    count: int
    first_at_s: float
    rate_per_s: float
    example: str

    def __post_init__(self) -> None:
        """Refuse a kind that was never seen, and an example that is not base64."""
        if self.count < 1:
            raise ValueError(f"a deviation that was never seen: {self}")
        base64.b64decode(self.example, validate=True)

    @property
    def octets(self) -> bytes:
        """The example as it came."""
        return base64.b64decode(self.example)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge's grammars said about a share of the replies, from 0 to 1; deviations as they first showed."""

    share: float
    replies: int
    sampled: int
    deviations: tuple[JudgedDeviation, ...] = ()

    def __post_init__(self) -> None:
        """Refuse more samples than there were replies."""
        if not 0 < self.share <= 1 or self.sampled > self.replies:
            raise ValueError(f"a share of the replies is neither none of them nor more than all: {self}")


GENERATOR_WAS_THE_LIMIT = "the generator was the limit"
"""How the reason of a step begins that tells nothing about the server."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rate that was tried: what was offered, what was carried, and whether the objective was met (or why not).

    Latencies are the headline's; 0 where nothing went well.
    """

    offered_per_s: float
    achieved_per_s: float
    p50_us: int
    p99_us: int
    failures: int
    dropped: int
    integrity_ok: bool = True
    met: bool
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse percentiles that fall, and a step that is met with broken books."""
        if not 0 <= self.p50_us <= self.p99_us:
            raise ValueError(f"percentiles out of order: {self}")
        if self.met and not self.integrity_ok:
            raise ValueError(f"no objective is met by a server that loses, doubles or damages messages: {self}")

    @property
    def no_verdict(self) -> bool:
        """Whether nobody knows if the server would have met the objective, as the generator did not keep up."""
        return not self.met and self.integrity_ok and self.reason.startswith(GENERATOR_WAS_THE_LIMIT)


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """The search for the highest rate at which an objective holds; `knee_per_s` None where none was found, and why."""

    objective: str
    steps: tuple[Step, ...]
    knee_per_s: float | None
    verdict: str

    def __post_init__(self) -> None:
        """Refuse a knee that no step shows."""
        if self.knee_per_s is not None and not any(step.met for step in self.steps):
            raise ValueError("a highest rate was found, and no step met the objective")

    @property
    def by_rate(self) -> list[Step]:
        """The steps from the lowest rate to the highest, not as they were tried."""
        return sorted(self.steps, key=lambda step: step.offered_per_s)


class SizePoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a command cost in a mailbox of so many messages."""

    mailbox_messages: int
    phase: str
    count: int
    p50_us: int
    p99_us: int

    def __post_init__(self) -> None:
        """Refuse percentiles that fall, and figures without a sample behind them."""
        if self.count < 1 or not 0 <= self.p50_us <= self.p99_us:
            raise ValueError(f"percentiles out of order or without a sample: {self}")


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process that made load: its processor time in seconds, and that as a share of one core over the run."""

    name: str
    cpu_s: float
    share: float


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """What happened before anything was measured: the load was there, and only the ledger has its messages."""

    length_s: float
    accepted: int
    refused: int
    failed: int


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole load run. `target` never has credentials; `parameters` name accounts, never passwords.

    `duration_s` reaches from the first user's start, or the end of the `warm_up`, to the last user's end. `headline` is
    the phase that stands for an operation, `operations` their name in the plural, `about` what the scenario does, in
    words. `generator_cpu_s` is the processor time that mailspec itself used in that time. `generator_saturated` says in
    words why the generator may be what limited the run; empty if it did not. `left_out` are messages of a folder that
    need 8BITMIME (RFC 6152), where a server does not offer that. `histograms` are HdrHistogram V2 blobs in base64, by
    phase.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    scenario: str
    about: str = ""
    target: str
    started_at: str
    duration_s: float
    interrupted: bool
    load_model: Literal["closed", "open"] = "closed"
    headline: str = "submit"
    operations: str = "messages"
    users: int
    seed: int
    run_id: str
    generator_cpu_s: float
    generator_saturated: str = ""
    left_out: int = 0
    parameters: dict[str, Parameter]
    summary: Summary
    thresholds: tuple[Threshold, ...] = ()
    warm_up: WarmUp | None = None
    arrivals: Arrivals | None = None
    judge: Judgement | None = None
    capacity: Capacity | None = None
    series: tuple[SizePoint, ...] = ()
    processes: tuple[Process, ...] = ()
    histograms: dict[str, str] = {}
    timeline: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a timeline that tells of other operations than the summary, or of one time twice."""
        if self.timeline and sum(interval.done for interval in self.timeline) != self.summary.accepted:
            raise ValueError("the timeline and the summary disagree on the number of accepted operations")
        if any(before.at_s + before.length_s > after.at_s for before, after in pairwise(self.timeline)):
            raise ValueError("the intervals of the timeline overlap")
        if self.arrivals is not None and self.load_model == "closed":
            raise ValueError("a closed run has no schedule of arrivals")

    @property
    def generator_share(self) -> float:
        """How much of one core the busiest process of mailspec was using."""
        if self.processes:
            return max(process.share for process in self.processes)
        return self.generator_cpu_s / self.duration_s if self.duration_s else 0.0


SATURATED = 0.9
"""Share of a core from which on a generator, which runs on one core, may be what limits the rate."""


def load_exit(result: LoadResult) -> LoadExit:
    """Grade a run. One in which nothing went well says nothing about the load that a server carries.

    What happened to messages counts whatever the load was. Where the generator was the limit, rates are lower bounds of
    the server's and latencies upper bounds, so a closed run's thresholds that were kept are kept all the more, and one
    that was broken proves nothing. An open run whose generator did not keep the schedule was not the run asked for.
    """
    broken = [threshold for threshold in result.thresholds if threshold.broken]
    if result.summary.accepted == 0 and not result.summary.ledger.broken_promises:
        return LoadExit.NO_VERDICT
    if any(threshold.about == "integrity" for threshold in broken):
        return LoadExit.BROKEN
    if result.capacity is not None:
        # The rates at which latencies no longer hold are what was asked for; mail that goes wrong never is.
        if not all(step.integrity_ok for step in result.capacity.steps):
            return LoadExit.BROKEN
        return LoadExit.NO_VERDICT if result.capacity.knee_per_s is None else LoadExit.WITHIN_THRESHOLDS
    if result.generator_saturated and (broken or result.load_model == "open"):
        return LoadExit.NO_VERDICT
    return LoadExit.BROKEN if broken else LoadExit.WITHIN_THRESHOLDS


def encode_load(result: LoadResult) -> bytes:
    """The run as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def decode_load(data: bytes) -> LoadResult:
    """Read what `encode_load` wrote.

    Raises:
        ValueError: the data is not JSON of this schema, does not balance, or is of another schema version.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise ValueError(f"load run of schema {version}; this mailspec reads {SCHEMA_VERSION}")
        return msgspec.json.decode(data, type=LoadResult)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a mailspec load run: {error}") from error


class _Versioned(msgspec.Struct):
    schema_version: int = SCHEMA_VERSION
