"""What a load run says about drift: its last part beside its first, and whether the difference is more than chance."""

from __future__ import annotations

from typing import Literal

import msgspec

Trend = Literal["steady", "rose", "fell", "unknown"]
"""What became of a figure from one part to the other; `unknown` where there were too few samples to tell."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a run, `length_s` seconds from `at_s` on: its operations, those of them that went wrong, and latencies.

    The latencies are medians over the intervals of the part, in microseconds, of what `Interval` has for each of them;
    0 where nothing went well.
    """

    at_s: int
    length_s: int
    operations: int
    troubles: int
    p50_us: int
    p99_us: int

    def __post_init__(self) -> None:
        """Refuse a part without length, more trouble than operations, and percentiles that fall."""
        if self.length_s < 1 or self.troubles > self.operations or self.p50_us > self.p99_us:
            raise ValueError(f"not a part of a run: {self}")

    @property
    def trouble_share(self) -> float:
        """How much of it was refused or failed, from 0 to 1."""
        return self.troubles / self.operations if self.operations else 0.0


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """The last part of a run beside the first one in which all users were there.

    `p50` and `p99` tell what became of the headline's latency, `errors` of the share of operations that were refused or
    failed. None of it is a failure by itself.
    """

    first: Stretch
    last: Stretch
    p50: Trend
    p99: Trend
    errors: Trend

    def __post_init__(self) -> None:
        """Refuse parts that overlap."""
        if self.first.at_s + self.first.length_s > self.last.at_s:
            raise ValueError(f"the last part begins before the first one ends: {self}")

    @property
    def is_there(self) -> bool:
        """Whether anything rose or fell."""
        return bool({self.p50, self.p99, self.errors} & {"rose", "fell"})

    @property
    def factor(self) -> float | None:
        """How many times the first part's median latency the last one's is."""
        return self.last.p50_us / self.first.p50_us if self.first.p50_us and self.last.p50_us else None
