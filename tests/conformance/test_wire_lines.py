"""`conformance.wire.lines`."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.errors import FloodError
from conformance.wire.lines import LineSplitter


def read_all(pieces: list[bytes]) -> list[bytes]:
    splitter = LineSplitter(1000)
    lines = []
    for piece in pieces:
        splitter.feed(piece)
        while (line := splitter.next_line()) is not None:
            lines.append(line)
    return [*lines, splitter.pending]


@given(stream=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60)))
def test_lines_do_not_depend_on_how_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    assert read_all([stream[a:b] for a, b in pairwise(edges)]) == read_all([stream])


@given(stream=st.binary(max_size=200))
def test_no_octet_is_lost_or_changed(stream: bytes) -> None:
    assert b"".join(read_all([stream])) == stream


def test_a_bare_lf_ends_a_line_and_stays_visible() -> None:
    assert read_all([b"a\nb\r\nc\rd"]) == [b"a\n", b"b\r\n", b"c\rd"]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_over_the_limit_is_a_flood_whether_ended_or_not(ending: bytes) -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"x" * (11 - len(ending)) + ending)
    with pytest.raises(FloodError, match="more than 10 octets") as caught:
        splitter.next_line()
    assert caught.value.pending.startswith(b"xxx")


def test_a_line_of_exactly_the_limit_passes() -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"x" * 9 + b"\n")
    assert splitter.next_line() == b"x" * 9 + b"\n"


def test_raw_octets_can_be_taken_between_lines() -> None:
    splitter = LineSplitter(100)
    splitter.feed(b"{3}\r\na\nb rest\r\n")
    assert splitter.next_line() == b"{3}\r\n"
    assert splitter.take(3) == b"a\nb"
    assert splitter.next_line() == b" rest\r\n"
    assert len(splitter) == 0
