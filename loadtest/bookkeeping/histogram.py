"""Latencies in a histogram of microsecond resolution that merges exactly; built on HdrHistogram.

locust rounds its response times to two significant digits and whole milliseconds, which hides everything about a fast
server. This keeps three digits over the whole range, with one addition to an array for each sample.
"""

from __future__ import annotations

import base64
import binascii
import ctypes
import zlib
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from hdrh.codec import HdrCookieException, HdrLengthException  # type: ignore[import-untyped]
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from reports.load import Latency

LOWEST_US = 1
"""What a shorter time is counted as."""

HIGHEST_US = 600 * 1_000_000
"""Ten minutes: what a longer time is counted as. No reply is waited for that long unless one asks for it."""

SIGNIFICANT_DIGITS = 3

# With three digits HdrHistogram has buckets of 2^11 places, of which each but the first uses the upper half.
_SUB_BUCKET_BITS = 11
_HALF_BITS = _SUB_BUCKET_BITS - 1
_FIRST_BUCKET = 1 << _SUB_BUCKET_BITS


def place_of(latency_us: int) -> int:
    """The place of HdrHistogram's array in which this latency is counted."""
    latency_us = min(max(latency_us, LOWEST_US), HIGHEST_US)
    if latency_us < _FIRST_BUCKET:
        return latency_us
    bucket = latency_us.bit_length() - _SUB_BUCKET_BITS
    return (bucket << _HALF_BITS) + (latency_us >> bucket)


def bounds_of(place: int) -> tuple[int, int]:
    """The least and the greatest latency that are counted in this place, in microseconds."""
    if place < _FIRST_BUCKET:
        return place, place
    bucket = (place >> _HALF_BITS) - 1
    least = (place - (bucket << _HALF_BITS)) << bucket
    return least, least + (1 << bucket) - 1


def _middle_of(place: int) -> int:
    """What a mean takes all latencies in this place for."""
    least, greatest = bounds_of(place)
    return least + (greatest - least + 1) // 2 if greatest > least else least


class LatencyHistogram:
    """Counts of latencies. `min_us` and `max_us` are exact; the rest is exact to three significant digits."""

    def __init__(self) -> None:
        self._hdr: Any = HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)
        self._counts = self._hdr.counts
        self.count = 0
        self.max_us = 0
        self.min_us = HIGHEST_US

    def record(self, latency_us: int) -> None:
        """Count one latency.

        The place in HdrHistogram's own array is computed here: its `record_value` costs four times as much, at eight
        samples a message.
        """
        if latency_us < LOWEST_US:
            latency_us = LOWEST_US
        elif latency_us > HIGHEST_US:
            latency_us = HIGHEST_US
        # `place_of` in line: this is done for every sample.
        if latency_us < _FIRST_BUCKET:
            self._counts[latency_us] += 1
        else:
            bucket = latency_us.bit_length() - _SUB_BUCKET_BITS
            self._counts[(bucket << _HALF_BITS) + (latency_us >> bucket)] += 1
        self.count += 1
        if latency_us > self.max_us:
            self.max_us = latency_us
        if latency_us < self.min_us:
            self.min_us = latency_us

    def clear(self) -> None:
        """Forget all; whoever holds this histogram goes on with it."""
        # HdrHistogram's own `reset` sets 21,504 counts one by one, and everybody waits.
        ctypes.memset(self._counts, 0, ctypes.sizeof(self._counts))
        self.count = self.max_us = 0
        self.min_us = HIGHEST_US

    def merge(self, other: LatencyHistogram) -> None:
        """Add another's counts; the result is what one histogram would hold that had seen all samples."""
        self._hdr.encoder.add(other._hdr.encoder)
        self.count += other.count
        self.max_us = max(self.max_us, other.max_us)
        self.min_us = min(self.min_us, other.min_us)

    def percentiles_us(self, percentiles: Iterable[float]) -> list[int]:
        """For each percentile (0 < p ≤ 100) the upper end of its bucket; 0 where nothing was counted.

        The rank is HdrHistogram's, the nearest and rounded half up; its own search takes thirty times as long, in which
        no user of the process gets a turn.
        """
        return self._percentiles_us(percentiles, self._occupied()) if self.count else [0 for _ in percentiles]

    def _occupied(self) -> list[tuple[int, int]]:
        """Place and count of all that is not empty, from the shortest latencies on."""
        return [(place, number) for place, number in enumerate(self._counts[:]) if number]

    def _percentiles_us(self, percentiles: Iterable[float], occupied: list[tuple[int, int]]) -> list[int]:
        ranks = list(accumulate(number for _, number in occupied))
        found = []
        for percentile in percentiles:
            rank = max(int(percentile / 100 * self.count + 0.5), 1)
            place, _ = occupied[bisect_left(ranks, rank)]
            found.append(min(bounds_of(place)[1], self.max_us))
        return found

    def summary(self) -> Latency | None:
        """The figures of a report; None where nothing was counted."""
        if not self.count:
            return None
        occupied = self._occupied()
        p50, p90, p95, p99, p999 = self._percentiles_us((50, 90, 95, 99, 99.9), occupied)
        mean = sum(number * _middle_of(place) for place, number in occupied) / self.count
        return Latency(
            count=self.count,
            min=min(self.min_us, p50),
            mean=round(mean, 1),
            p50=p50,
            p90=p90,
            p95=p95,
            p99=p99,
            p999=p999,
            max=self.max_us,
        )

    def encode(self) -> str:
        """As HdrHistogram's V2 blob in base64, which other tools read; the exact maximum is not in it."""
        blob: bytes = self._synchronised().encode()
        return blob.decode("ascii")

    @classmethod
    def decode(cls, blob: str) -> LatencyHistogram:
        """Read what `encode` gave. The maximum is then the upper end of its bucket.

        Raises:
            ValueError: it is no such blob, or one of another range or precision.
        """
        try:
            base64.b64decode(blob, validate=True)
            decoded: Any = HdrHistogram.decode(blob.encode("ascii"))
        except (HdrCookieException, HdrLengthException, zlib.error, binascii.Error, ValueError, IndexError) as error:
            raise ValueError(f"not a histogram: {error or type(error).__name__}") from error
        shape = (decoded.lowest_trackable_value, decoded.highest_trackable_value, decoded.significant_figures)
        if shape != (LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS):
            raise ValueError(f"a histogram of another shape: {shape}")
        histogram = cls()
        histogram._hdr, histogram._counts = decoded, decoded.counts
        histogram.count = decoded.get_total_count()
        if histogram.count:
            histogram.max_us = min(decoded.get_max_value(), HIGHEST_US)
            histogram.min_us = decoded.get_min_value()
        return histogram

    def encode_exactly(self) -> list[Any]:
        """As plain data for another process: the blob keeps what was counted, and the extremes are told beside it."""
        return [self.encode(), self.max_us, self.min_us]

    @classmethod
    def decode_exactly(cls, encoded: list[Any]) -> LatencyHistogram:
        """Read what `encode_exactly` gave.

        Raises:
            ValueError: it is something else.
        """
        blob, max_us, min_us = encoded
        histogram = cls.decode(blob)
        histogram.max_us, histogram.min_us = max_us, min_us
        return histogram

    def _synchronised(self) -> Any:
        """HdrHistogram with its own totals brought up to date, which `record` leaves alone."""
        self._hdr.total_count = self.count
        self._hdr.max_value = self.max_us
        self._hdr.min_value = self.min_us
        return self._hdr
