"""Sizes are what was asked for, and real mail's are those of their source."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.mail.sizes import LARGEST_OCTETS, REAL_MAIL, STRATA, Sizes, fixed, mixed, parse_sizes, spread


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("4096", (4096,)),
        ("16k", (16384,)),
        ("2M", (2 << 20,)),
        ("1g", (1 << 30,)),
        ("10-13", (10, 11, 12, 13)),
    ],
)
def test_a_size_is_written_as_a_number_with_a_unit(text: str, row: tuple[int, ...]) -> None:
    assert parse_sizes(text).octets == row


@given(least=st.integers(1, 10**6), more=st.integers(1, 10**6))
def test_a_range_has_both_its_ends_and_is_even_between_them(least: int, more: int) -> None:
    row = spread(least, least + more).octets
    assert (row[0], row[-1], len(row)) == (least, least + more, min(STRATA, more + 1))
    steps = {b - a for a, b in pairwise(row)}
    assert max(steps) - min(steps) <= 1


@pytest.mark.parametrize(
    "text", ["", "0", "4096x", "k", "1-2-3", "-5", "5-", "8k-4k", "4k-4k", "2g", "1-2g", "mixed ", "٤", "4 096"]
)
def test_what_is_no_size_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|from 1 to"):
        parse_sizes(text)


def test_real_mail_has_the_shares_of_its_source() -> None:
    row = mixed().octets
    assert len(row) == STRATA
    assert list(row) == sorted(row)
    for octets, share in REAL_MAIL:
        assert bisect_left(row, octets) / STRATA == pytest.approx(share, abs=1 / STRATA)
    assert 4000 < row[STRATA // 2] < 4400
    assert 40_000 < mixed().mean_octets < 60_000


def test_one_size_is_a_row_of_one() -> None:
    assert fixed(77) == Sizes("77", (77,))
    with pytest.raises(ValueError, match=str(LARGEST_OCTETS)):
        fixed(LARGEST_OCTETS + 1)
