"""The histogram counts as HdrHistogram does, merges exactly, and keeps three digits."""

from __future__ import annotations

import base64

import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.bookkeeping.histogram import HIGHEST_US, LOWEST_US, LatencyHistogram

latencies_us = st.one_of(st.integers(LOWEST_US, 5000), st.integers(LOWEST_US, HIGHEST_US))
samples_us = st.lists(latencies_us, max_size=60)


def counted(samples: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for sample in samples:
        histogram.record(sample)
    return histogram


@settings(max_examples=60)
@given(samples=samples_us)
def test_every_sample_lands_where_hdrhistogram_itself_would_put_it(samples: list[int]) -> None:
    theirs = HdrHistogram(LOWEST_US, HIGHEST_US, 3)
    for sample in samples:
        assert theirs.record_value(sample)
    assert counted(samples).encode() == theirs.encode().decode()


@settings(max_examples=40)
@given(one=samples_us, other=samples_us)
def test_merging_gives_what_one_histogram_would_have_counted(one: list[int], other: list[int]) -> None:
    merged = counted(one)
    merged.merge(counted(other))
    together = counted(one + other)
    assert merged.encode() == together.encode()
    assert merged.summary() == together.summary()


@settings(max_examples=40)
@given(samples=st.lists(latencies_us, min_size=1, max_size=60))
def test_the_figures_are_those_that_hdrhistogram_itself_gives(samples: list[int]) -> None:
    theirs = HdrHistogram(LOWEST_US, HIGHEST_US, 3)
    for sample in samples:
        theirs.record_value(sample)
    percentiles = (1, 50, 90, 95, 99, 99.9, 100)
    found = counted(samples).percentiles_us(percentiles)
    assert found == [min(theirs.get_value_at_percentile(p), max(samples)) for p in percentiles]
    summary = counted(samples).summary()
    assert summary is not None
    assert summary.mean == pytest.approx(theirs.get_mean_value(), abs=0.06)


@settings(max_examples=40)
@given(samples=st.lists(latencies_us, min_size=1, max_size=60), percentile=st.sampled_from([50.0, 90.0, 99.0, 99.9]))
def test_a_percentile_is_right_to_three_digits(samples: list[int], percentile: float) -> None:
    # HdrHistogram takes the nearest rank, rounded half up.
    rank = max(1, int(percentile * len(samples) / 100 + 0.5))
    exact = sorted(samples)[rank - 1]
    (found,) = counted(samples).percentiles_us((percentile,))
    assert exact <= found <= exact * 1.001 + 1


@settings(max_examples=30)
@given(samples=samples_us)
def test_what_was_encoded_reads_back_and_merges_on(samples: list[int]) -> None:
    histogram = counted(samples)
    again = LatencyHistogram.decode(histogram.encode())
    assert again.encode() == histogram.encode()
    again.merge(counted([7]))
    assert again.encode() == counted([*samples, 7]).encode()


def test_the_maximum_is_exact_and_no_percentile_exceeds_it() -> None:
    summary = counted([1, 1_234_567]).summary()
    assert summary is not None
    assert (summary.count, summary.p999, summary.max) == (2, 1_234_567, 1_234_567)


def test_times_beyond_the_range_count_at_its_ends() -> None:
    histogram = counted([0, HIGHEST_US + 5])
    assert histogram.max_us == HIGHEST_US
    assert histogram.percentiles_us((50, 99)) == [1, HIGHEST_US]


def test_without_a_sample_there_are_no_figures() -> None:
    assert LatencyHistogram().summary() is None
    assert LatencyHistogram().percentiles_us((99,)) == [0]


@pytest.mark.parametrize(
    "blob", ["", "garbage", "AAAA", "=", base64.b64encode(b"\x1c\x84\x93\x14" + bytes(12)).decode()]
)
def test_what_is_no_histogram_is_refused(blob: str) -> None:
    with pytest.raises(ValueError, match="not a histogram"):
        LatencyHistogram.decode(blob)


def test_a_histogram_of_another_shape_is_refused() -> None:
    other = HdrHistogram(1, 1000, 2)
    other.record_value(5)
    with pytest.raises(ValueError, match="another shape"):
        LatencyHistogram.decode(other.encode().decode())
