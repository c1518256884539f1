"""The percentile curve of a recorded histogram.

A record keeps histograms whole, as HdrHistogram V2 blobs, so that a curve can be drawn as finely as one likes and other
tools can read them too.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

TICKS_PER_HALF = 8
"""Points of a curve for each halving of the distance to 100 %."""


@dataclass(frozen=True, slots=True)
class PercentileCurve:
    """For each of `percentiles`, ascending, below 100, the latency in microseconds that so many samples kept within."""

    percentiles: tuple[float, ...]
    latencies_us: tuple[int, ...]


def percentile_curve(blob: str, *, highest_us: int) -> PercentileCurve:
    """Read a blob; `highest_us` is the exact maximum, which the blob has to three digits only.

    Raises:
        ValueError: it is no histogram, or nothing was counted in it.
    """
    try:
        base64.b64decode(blob, validate=True)
        histogram: Any = HdrHistogram.decode(blob.encode("ascii"))
        steps = [
            (step.percentile_level_iterated_to, min(step.value_iterated_to, highest_us))
            for step in histogram.get_percentile_iterator(TICKS_PER_HALF)
        ]
    except Exception as error:
        # A record may come from anywhere, and the decoder answers damage with whatever went wrong inside it.
        raise ValueError(f"not a histogram: {type(error).__name__}") from error
    if not steps or not histogram.get_total_count():
        raise ValueError("an empty histogram")
    below = [(percentile, value) for percentile, value in steps if percentile < 100]
    # The curve ends where the last sample stands: one in `count` is slower than all that come before.
    last = 100 - 100 / (2 * histogram.get_total_count())
    below = [(percentile, value) for percentile, value in below if percentile < last]
    below.append((last, highest_us))
    return PercentileCurve(tuple(p for p, _ in below), tuple(v for _, v in below))
